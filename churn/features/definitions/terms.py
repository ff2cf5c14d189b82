"""What the features of a log are told, all of it known before the last train snapshot: which kinds of event there are,
which of them count as activity, and how far back the log reaches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibis.expr.types import Table

from churn import names
from churn.errors import InvalidData
from churn.features.definitions.from_events import view_names
from churn.features.definitions.pace import Pace, season_gap
from churn.sources.snapshots import known_before

if TYPE_CHECKING:
    from churn.sources.contract import Source


def settings(source: Source, *, before: str, earliest: str, windows_days: list[int], recipe: str, label: dict) -> dict:
    """What `from_events.views` takes. `before`: the last train snapshot; `earliest`: the first of all; `label`: the
    section of the params file with its horizon_days, whose own kind of event tells nothing but the answer.

    Raises InvalidData.
    """
    kinds = kinds_seen(source.events, before=before, without=[label["kind"]] if label["rule"] == "event" else [])
    return {
        "windows_days": [] if recipe == "pace" else windows_days,
        "kinds": kinds,
        "segments": source.segments,
        "pace": None if recipe == "windows" else _pace(source.events, kinds, before, earliest, label),
        "label": label,
    }


def kinds_seen(events: Table, *, before: str, without: list[str]) -> list[str]:
    """Kinds of event known before a snapshot, sorted. Raises InvalidData where there are none."""
    seen = known_before(events, before).kind.value_counts().execute()
    kinds = sorted(set(seen["kind"]) - set(without))
    if not kinds:
        raise InvalidData(
            f"no events before the snapshot {before}: there is nothing to make features of; move the snapshots"
        )
    return kinds


def _pace(events: Table, kinds: list[str], before: str, earliest: str, label: dict) -> Pace:
    active = [kind for kind in kinds if kind in (label.get("kinds") or kinds)]
    if not active:
        raise InvalidData(
            f"label.kinds: no {' or '.join(label['kinds'])} was known before the snapshot {before}; "
            f"there were {', '.join(kinds)}"
        )
    log_start = _first_day(known_before(events, before), active)
    gap = season_gap(log_start=log_start, earliest=earliest, horizon_days=label["horizon_days"])
    return Pace(active, _name(active, view_names(kinds)), label["horizon_days"], no_season=gap)


def _name(active: list[str], called: dict[str, str]) -> str:
    if len(active) == 1:
        return called[active[0]]
    return names.distinct([("", "activity")], form=names.slug, taken=called.values())[0]


def _first_day(known: Table, kinds: list[str]):
    return known.filter(known.kind.isin(kinds))["at"].min().execute().date()
