"""Whether the log is whole where the snapshots look: each finding is a warning that names days, kinds and dates.

A day of a feed that failed looks like a day on which everybody stayed away, to features and labels alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from churn.checks.result import Check
from churn.features import kept
from churn.log import over_time
from churn.sources.contract import A_DAY, usual_gap
from churn.sources.snapshots import moment

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from churn.sources.contract import Source

STOPPED = 3  # times the longest silence of a kind so far
WEEK = pd.Timedelta(days=7)
SEEN_ON = 20  # days with a kind, from which its silence says anything
LINES, LOOKED_AT = 1.5, 30  # events of a customer and kind in one minute, over the last days of the log

WHOLE = "no hollow days", "no day has under a third of its weekday's usual events where a window or a label looks"
FRESH = "the log reaches serve", "the features that go online are as of a day that the log reaches"
LONGER = "the log goes on", "the log ends no earlier than that of the run before"
EACH_KIND = "every kind goes on", "no kind of event falls silent for far longer than ever before"
SINGLE = "events, not lines", "a customer has one event of a kind in a minute"
ALL = WHOLE, FRESH, LONGER, EACH_KIND, SINGLE


def checks(
    source: Source, *, train: list[str], test: str, serve: str, window_days: int, label: dict, as_of: str,
    data: dict, previous: dict | None,
) -> list[Check]:  # fmt: skip
    """Of an event log. `window_days` is the shortest window of the features, `label` and `data` are sections of the
    params file, `previous` is the manifest of the run before, None where there is none.

    Ready-made features come without a log: nothing is checked.
    """
    if source.events is None:
        return [_warning(of, None, "the features came ready-made: there is no log") for of in ALL]
    volume = _daily(source.events)
    days = volume.index[volume.sum(axis=1) > 0]
    horizon = label["horizon_days"]
    looks = [_look(t, -window_days, f"the {window_days} days before {t}") for t in [*train, test, serve]]
    looks += [_look(t, horizon, f"the label of {t} ({horizon} days)") for t in [*train, test]]
    counted = [kind for kind in label.get("kinds") or volume.columns if kind in volume.columns]
    return [
        _whole(volume[counted].sum(axis=1), looks),
        _fresh(days, serve),
        _longer(days, previous, kept.which_log(data), as_of, serve),
        _each_kind(volume, days[-1]),
        _single(source.events, days[-1], data),
    ]


def _warning(of: tuple[str, str], passed: bool | None, observed: str) -> Check:
    return Check(*of, passed, observed, level="warning")


def _daily(events: Table) -> pd.DataFrame:
    """Events a day (rows, without a gap) and kind (columns)."""
    counted = events.group_by(day=events.at.date(), kind=events.kind).agg(n=events.count()).execute()
    table = counted.pivot_table(index=pd.DatetimeIndex(counted.day), columns="kind", values="n", aggfunc="sum")
    return table.asfreq("D").fillna(0)


def _look(snapshot: str, days: int, what: str) -> tuple[pd.Timestamp, pd.Timestamp, str]:
    """From when until before when a feature or a label looks, and what that is."""
    here, there = pd.Timestamp(snapshot), pd.Timestamp(snapshot) + pd.Timedelta(days=days)
    return min(here, there), max(here, there), what


def _whole(volume: pd.Series, looks: list[tuple[pd.Timestamp, pd.Timestamp, str]]) -> Check:
    """Of days within the log, against the median of their weekday in the weeks around."""
    usual = over_time.usual_volume(volume)
    hollow = volume.index[over_time.is_hollow(volume, usual)]
    where = [(what, found) for begin, end, what in looks if len(found := hollow[(hollow >= begin) & (hollow < end)])]
    if not where:
        return _warning(WHOLE, True, "every day has the events that are usual for its weekday")
    days = sorted({day for _, found in where for day in found})
    shown = ", ".join(f"{day:%Y-%m-%d} ({volume[day]:,.0f} events, usual {usual[day]:,.0f})" for day in days[:5])
    more = f" and {len(days) - 5} more" if len(days) > 5 else ""
    places = "; ".join(what for what, _ in where)
    remedy = "complete the log, move these snapshots, or leave it where nothing could happen"
    return _warning(WHOLE, False, f"hollow days {shown}{more} lie in {places}: {remedy}")


def _fresh(days: pd.DatetimeIndex, serve: str) -> Check:
    last, gap = days[-1], usual_gap(days)
    late = pd.Timestamp(serve) - last
    if late <= gap:
        return _warning(FRESH, True, f"the last event is of {last:%Y-%m-%d}, serve {serve}")
    observed = (
        f"serve {serve} lies {late / A_DAY:.0f} days after the log's last event ({last:%Y-%m-%d}), where "
        f"{gap / A_DAY:.0f} is usual: everybody seems silent; serve as of {last + A_DAY:%Y-%m-%d}, or bring the log up "
        "to date"
    )
    return _warning(FRESH, False, observed)


def _longer(days: pd.DatetimeIndex, previous: dict | None, log: str, as_of: str, serve: str) -> Check:
    """A later month of a log that has lost its last one is refused: its customers would seem to have fallen silent."""
    before = (previous or {}).get("log") or {}
    if before.get("which") != log:
        return _warning(LONGER, None, "there is no run of this log before")
    ends, ended = f"{days[-1]:%Y-%m-%d}", before["ends"]
    if ends >= ended or "" < as_of <= ended:
        return _warning(LONGER, True, f"it ends on {ends}, that of the run before on {ended}")
    observed = f"the log ends on {ends}, that of the run before ended on {ended}: is this the newest export?"
    if serve <= ended:
        return _warning(LONGER, False, observed)
    manifest = f"state/{previous['experiment']}/features/features.json"
    return Check(*LONGER, False, f"{observed} Where it is meant to end earlier, remove {manifest} and run again")


def _each_kind(volume: pd.DataFrame, last: pd.Timestamp) -> Check:
    stopped = []
    for kind in volume:
        days = volume.index[volume[kind] > 0]
        longest, silent = days.to_series().diff().max(), last - days[-1]
        if len(days) >= SEEN_ON and silent > max(STOPPED * longest, WEEK):
            stopped.append(
                f"{kind} (last on {days[-1]:%Y-%m-%d}, never silent for over {longest / A_DAY:.0f} days before)"
            )
    if not stopped:
        return _warning(EACH_KIND, True, f"{len(volume.columns)} kinds until the end")
    observed = f"no more events of {', '.join(stopped)} in a log until {last:%Y-%m-%d}: did a feed stop?"
    return _warning(EACH_KIND, False, observed)


def _single(events: Table, last: pd.Timestamp, data: dict) -> Check:
    if any((table.get("columns") or {}).get("event_id") for table in [data, *(data.get("inputs") or [])]):
        return _warning(SINGLE, True, "event_id tells which lines are one event")
    newest = events.filter(events.at >= moment(last.date(), days_before=LOOKED_AT))
    minute = newest.group_by(["customer_id", "kind", newest.at.truncate("m").name("minute")]).agg(n=newest.count())
    mean = minute.n.mean().execute()
    if mean < LINES:
        return _warning(SINGLE, True, f"{mean:.2f} events of a customer and kind in a minute")
    most = minute.order_by(ibis.desc("n"), "customer_id").limit(1).execute().loc[0]
    observed = (
        f"there are {mean:.1f} events of a customer and kind in one minute ({most.customer_id}: {most.n:,}): where "
        "they are lines of one order, name the column with the order's number in columns.event_id"
    )
    return _warning(SINGLE, False, observed)
