"""Features of pace: how often a customer acts, how overdue they are, and how much they did lately.

All rest on the distinct days (UTC) with an event that counts as activity and that was known before the snapshot t: how
many, n, and the first and the last event on them. So n * days_per is the time from the first event to t, and less
days_since it is the age at the last one: what models of repeated buying are fitted on. Fading weights are added up as
whole numbers, so no order, no thread and no engine comes to another sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
from ibis.expr.types import Column, NumericColumn, Table

from churn.features.definitions.columns import NOTHING_SAID, Definition, Feature, Words
from churn.sources.snapshots import days_between

VIEW = "profile"
YEAR = 365
SCALE = 2.0**40  # a weight of 1, and so the sum of 8 million days, in whole numbers of 64 bits


@dataclass(frozen=True)
class Pace:
    """Of which kinds the pace is, what they are called in names, and the label's horizon, which sets its times.

    no_season: why the log cannot tell what a customer did in the same season of last year; "" where it can.
    """

    kinds: list[str]
    name: str
    horizon_days: int
    no_season: str = ""

    @property
    def half_lives(self) -> list[int]:
        """Days after which a day of activity counts half: half the horizon, all of it, and twice."""
        return sorted({max(self.horizon_days // 2, 1), self.horizon_days, 2 * self.horizon_days})

    @property
    def roles(self) -> dict[str, str]:
        """The features that models of repeated buying take, and what they are called: days (n), since, per."""
        return {"days": f"active_days_{self.name}", "since": f"days_since_{self.name}", "per": f"days_per_{self.name}"}

    @property
    def season(self) -> str:
        """What the feature of last year's season is called."""
        return f"same_season_last_year_{self.name}"


def season_gap(*, log_start: date, earliest: str, horizon_days: int) -> str:
    """Why the earliest snapshot knows no season of last year: the log must begin a horizon before it. "": it does."""
    needed = date.fromisoformat(earliest) - timedelta(days=YEAR + horizon_days)
    if log_start <= needed:
        return ""
    return f"the log begins on {log_start}; for the snapshot {earliest} it would have to by {needed}"


def recency(name: str) -> str:
    """What the features of how long ago and how overdue tell of."""
    return f"the last {name}"


def frequency(name: str) -> str:
    """What the features of how often tell of."""
    return f"how often {name}"


def definitions(pace: Pace, *, days_since: bool) -> Iterator[Definition]:
    """The features; `days_since` unless a view of the kind has it already."""
    n, what = pace.roles, " or ".join(pace.kinds)
    last, often = recency(pace.name), frequency(pace.name)
    if days_since:
        since = f"since the last {what} before the snapshot; null: never"
        words = Words(f"no {what} for ", " days", none=f"never a {what}")
        yield _number(n["since"], "days", since, _since, last, words)
    with_one = Words("", f" days with a {what}", none=f"no day with a {what}")
    yield Definition(
        Feature(n["days"], VIEW, "integer", "days", f"days with a {what} before the snapshot", "", often, with_one),
        lambda row: row["pace days"].fill_null(0).cast("int64"),
    )
    per = f"usual pace: days from the first {what} to the snapshot, over the days with one; null: none"
    yield _number(n["per"], "days", per, _per, last, Words("usually every "))
    overdue = f"{n['since']} over {n['per']}: 1 is as long as usual, 2 twice as long; null: none"
    yield _number(f"overdue_{pace.name}", "ratio", overdue, lambda row: _since(row) / _per(row), last)
    for days in pace.half_lives:
        fading = f"days with a {what}, each counting half for every {days} days that it lies before the snapshot"
        yield _number(f"fading_count_{pace.name}_{days}d", "days", fading, _fading(days), often)
    if not pace.no_season:
        year = f"days with a {what} in the {pace.horizon_days} days that began {YEAR} days before the snapshot"
        season = f"in these {pace.horizon_days} days of last year"
        words = Words("", f" days with a {what} {season}", none=f"no {what} {season}")
        yield Definition(
            Feature(pace.season, VIEW, "integer", "days", year, words=words),
            lambda row: row["pace season"].fill_null(0).cast("int64"),
        )


def aggregates(known: Table, snapshot: str, pace: Pace) -> Table:
    """By customer, of the events known before the snapshot: `customer_id` and columns that begin with `pace`."""
    active = known.filter(known.kind.isin(pace.kinds))
    days = active.group_by("customer_id", day=active["at"].date()).aggregate(
        first=active["at"].min(), last=active["at"].max()
    )
    age = ibis.literal(date.fromisoformat(snapshot)).delta(days.day, unit="day")  # of dates: the same on every engine
    last_year = (age <= YEAR) & (age > YEAR - pace.horizon_days)
    return days.group_by("customer_id").aggregate(
        **{
            "pace days": days.count(),
            "pace first": days["first"].min(),
            "pace last": days["last"].max(),
            "pace season": days.count(where=last_year),
        }
        | {f"pace fading {half}": _weight(age, half).sum() for half in pace.half_lives}
    )


def _weight(age: NumericColumn, half_life: int) -> NumericColumn:
    return (ibis.literal(0.5) ** (age / half_life) * SCALE).round().cast("int64")


def _fading(days: int) -> Callable[[Table], Column]:
    return lambda row: row[f"pace fading {days}"].cast("float64").fill_null(0.0) / SCALE


def _since(row: Table) -> NumericColumn:
    return days_between(row.snapshot, row["pace last"])


def _per(row: Table) -> NumericColumn:
    return days_between(row.snapshot, row["pace first"]) / row["pace days"].cast("float64")


def _number(
    name: str,
    unit: str,
    meaning: str,
    expression: Callable[[Table], Column],
    topic: str,
    words: Words = NOTHING_SAID,
) -> Definition:
    return Definition(Feature(name, VIEW, "number", unit, meaning, topic=topic, words=words), expression)
