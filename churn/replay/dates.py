"""The dates of a replay: the grid's, from the first as of which a run is possible to the last whose list came true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from churn import grid
from churn.errors import InvalidParams
from churn.params import schema
from churn.params.schema import Params
from churn.params.snapshots import SnapshotRule, Snapshots, resolve
from churn.replay.policies import Policy


@dataclass(frozen=True)
class Span:
    """The days on which the first and the last event of the log were known."""

    begins: date
    ends: date

    @property
    def over(self) -> date:
        """The first day of which the log knows nothing."""
        return self.ends + timedelta(days=1)


def chosen(
    policies: list[Policy], span: Span, *, first: date | None, last: date | None, every: str | None
) -> list[date]:
    """The dates that every policy can live, ascending. Raises InvalidParams where none of them would have come true, or
    where one that is asked for is not possible."""
    every = every or rule_of(policies[0].params).every
    possible = max(_first_possible(policy.params, span, every) for policy in policies)
    horizon = max(policy.params.horizon_days for policy in policies)
    judged = grid.newest(every, span.over - timedelta(days=horizon))
    if judged < possible:
        raise InvalidParams(_too_short(span, possible, horizon))
    first, last = first or possible, last or judged
    if first < possible:
        raise InvalidParams(f"--from {first}: the first date as of which every policy can be lived is {possible}")
    if first > last:
        raise InvalidParams(f"--from {first} lies after --to {last}; the dates run forward")
    if last > span.over:
        raise InvalidParams(f"--to {last}: the log ends on {span.ends}; name {span.over} or an earlier date")
    dates = _between(every, first, last)
    if not dates or dates[0] > judged:
        raise InvalidParams(
            f"--from {first} --to {last}: no list made then has come true by {span.over}, when the log is over; "
            f"begin on {judged} or before"
        )
    return dates


def at(params: Params, span: Span, day: date) -> Params:
    """The parameters of the run of a day. Raises InvalidParams where the log is too short for it."""
    days = {"horizon_days": params.horizon_days, "memory_days": params.memory_days}
    dates = resolve(rule_of(params), as_of=day, begins=span.begins, **days)
    return schema.with_snapshots(params, dates)


def rule_of(params: Params) -> SnapshotRule:
    """The rule of the snapshots; of dates, as many of them on the grid, or on that of months."""
    dates = params.snapshots
    if isinstance(dates, Snapshots):
        return SnapshotRule(every=dates.every or "month", train=len(dates.train))
    return dates


def _first_possible(params: Params, span: Span, every: str) -> date:
    for day in _between(every, span.begins, span.over):
        try:
            at(params, span, day)
        except InvalidParams:
            continue
        return day
    at(params, span, span.over)  # which says why not
    return span.over


def _between(every: str, first: date, last: date) -> list[date]:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in days if grid.newest(every, day) == day]


def _too_short(span: Span, possible: date, horizon: int) -> str:
    longer = possible + timedelta(days=horizon)
    return (
        f"the log, from {span.begins} to {span.ends}, is too short for a replay: as of {possible} the first run would "
        f"have been possible, and what it foretold ({horizon} days) is known from {longer} on; wait until then, or "
        "take a shorter horizon (--set label.horizon_days=N) or fewer training snapshots"
    )
