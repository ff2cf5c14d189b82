"""Horizon, active window, windows and snapshots, from a log's own gaps and its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from churn.discovery.leaving import Leaving
from churn.errors import InvalidData, InvalidParams
from churn.log import silence
from churn.params import snapshots
from churn.params.snapshots import SnapshotRule, Snapshots

HORIZONS = (7, 14, 30, 60, 90, 120, 180, 270, 365)  # days
AHEAD = 30  # days that a cancellation is foretold
FEW, MANY = 0.3, 0.6  # shares that come back: few enough to call it leaving, too many
PART = 5  # a horizon is at most such a part of the log
RETURNS = 0.9  # share of returns after which who came before counts as active
GRIDS = [("month", 3), ("month", 2), ("month", 1), ("week", 3), ("week", 2), ("day", 3), ("day", 1)]
MONTHLY = 28  # days of a horizon from which on snapshots lie a month apart
WINDOWS = {7: [3, 7, 14], 14: [7, 14, 30], 30: [7, 30, 90], 90: [30, 90, 180], 180: [30, 90, 180], 365: [60, 180, 365]}


@dataclass(frozen=True)
class Span:
    """The days on which the first and the last event were known."""

    begins: date
    ends: date

    @property
    def days(self) -> int:
        return (self.ends - self.begins).days + 1

    @property
    def as_of(self) -> date:
        return self.ends + timedelta(days=1)

    def fits(self, horizon: int, grids: list[tuple[str, int]] | None = None) -> tuple[SnapshotRule, Snapshots] | None:
        """The first rule that the log is long enough for, and its dates; a first training snapshot has as much of the
        log before it as its horizon after it."""
        for every, train in grids or GRIDS:
            if every == "month" and horizon < MONTHLY:
                continue
            rule = SnapshotRule(every=every, train=train)
            days = {"horizon_days": horizon, "memory_days": horizon}
            lead = self.begins + timedelta(days=min(horizon, 90))
            try:
                return rule, snapshots.resolve(rule, as_of=self.as_of, begins=lead, **days)
            except InvalidParams:
                continue
        return None

    def allows(self, horizon: int, every: str) -> int:
        """How many training snapshots the log would allow."""
        return next((n - 1 for n in range(1, 121) if not self.fits(horizon, [(every, n)])), 120)


@dataclass(frozen=True)
class Dates:
    """What of label, features and snapshots follows from time; and in words why, and what is not certain."""

    label: dict
    windows: list[int]
    rule: SnapshotRule
    dates: Snapshots
    allowed: int
    sure: bool
    why: dict[str, str]


def propose(found: pd.DataFrame, leaving: Leaving, span: Span) -> Iterator[Dates]:
    """Horizons that the log allows, the best first; `found`: its silences. Raises InvalidData where it is too short."""
    shares = {days: silence.returning(found, days) for days in HORIZONS}
    few = next((days for days, share in shares.items() if share <= FEW), HORIZONS[-1])
    wanted = AHEAD if leaving.kind else few
    allowed = [days for days in HORIZONS if days * PART <= span.days and span.fits(days)]
    allowed = [days for days in allowed if leaving.kind or not shares[days] > MANY]
    if not allowed:
        raise InvalidData(_too_short(found, shares, leaving, span))
    order = sorted(allowed, key=lambda days: (days > wanted, abs(days - wanted)))
    return (_of(days, wanted, found, None if leaving.kind else shares, leaving, span) for days in order)


def at(found: pd.DataFrame, leaving: Leaving, span: Span, horizon: int) -> Dates:
    """The same of a horizon that somebody has chosen. Raises InvalidData where the log is too short for it."""
    if span.fits(horizon) is None:
        raise InvalidData(f"horizon {horizon}: the log, {span.days:,} days long, is too short for it; give fewer days")
    shares = None if leaving.kind else {horizon: silence.returning(found, horizon)}
    return _of(horizon, horizon, found, shares, leaving, span)


def _of(
    horizon: int, wanted: int, found: pd.DataFrame, shares: dict[int, float] | None, leaving: Leaving, span: Span
) -> Dates:
    rule, dates = span.fits(horizon)
    room = (dates.train[0] - span.begins).days
    windows = _windows(horizon, room)
    allowed = span.allows(horizon, rule.every)
    why = {"snapshots": f"the log, {span.days:,} days long, allows {allowed} training snapshots a {rule.every} apart"}
    if shares is None:
        label = {"rule": "event", "kind": leaving.kind, "horizon_days": horizon}
        why["horizon"] = "a month ahead" if horizon == wanted else "as long as the log allows"
        return Dates(label, windows, rule, dates, allowed, horizon == wanted, why)
    active = _active(found, horizon, room)
    label = {"rule": "inactivity", "horizon_days": horizon, "active_within_days": active}
    label |= {"kinds": leaving.kinds} if leaving.kinds else {}
    share = shares[horizon]
    why["horizon"] = f"of customers who are silent for {horizon} days, {share:.0%} come back within a year"
    if horizon < wanted:
        why["horizon"] += f"; {wanted} days would be better, but the log is too short for it"
    inside = silence.usual(found, RETURNS)
    why["active"] = f"9 of 10 who come back do so within {inside:.0f} days"
    return Dates(label, windows, rule, dates, allowed, share <= 0.5, why)


def with_more_training(chosen: Dates, span: Span, train: int) -> Dates | None:
    """The same with more training snapshots, where the log allows them."""
    fitting = span.fits(chosen.label["horizon_days"], [(chosen.rule.every, train)])
    return fitting and replace(chosen, rule=fitting[0], dates=fitting[1])


def _windows(horizon: int, room: int) -> list[int]:
    """Three windows that go with a horizon, and lie in the log before the first snapshot."""
    fitting = WINDOWS[next((days for days in WINDOWS if days >= horizon), 365)]
    return [days for days in fitting if days <= max(room, fitting[0])]


def _active(found: pd.DataFrame, horizon: int, room: int) -> int:
    """Days in which most of those who still come have come, at least a horizon."""
    usual = silence.usual(found, RETURNS)
    wanted = next((days for days in HORIZONS if days >= max(horizon, usual)), HORIZONS[-1])
    return wanted if wanted <= room else horizon


def _too_short(found: pd.DataFrame, shares: dict[int, float], leaving: Leaving, span: Span) -> str:
    least = next((days for days, share in shares.items() if share <= MANY), None)
    usual = silence.usual(found, RETURNS)
    if leaving.kind:
        least = HORIZONS[0]
    elif least is None:
        least = next((days for days in HORIZONS if days >= usual), HORIZONS[-1])
    longer = (Span(span.begins, span.begins + timedelta(days=days)) for days in range(least * PART, 9_999))
    needed = next(one for one in longer if one.fits(least))
    return (
        f"the log, from {span.begins} to {span.ends}, is {span.days:,} days long, too short: with a horizon of {least} "
        f"days it would have to be {needed.days:,} days long, to {needed.ends}; wait for it, or export from earlier on"
    )
