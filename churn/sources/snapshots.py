"""A snapshot: the moment that it stands for, and what was known before it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import ibis
from ibis.expr.types import Column, NumericColumn, Table, TimestampScalar

from churn.sources.contract import known_at

MICROSECONDS_A_DAY = 86_400_000_000


def instant(day: date | str, *, days_before: int = 0) -> datetime:
    """00:00 UTC of a snapshot, or so many days before."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(day, time(), UTC) - timedelta(days=days_before)


def moment(day: date | str, *, days_before: int = 0) -> TimestampScalar:
    """The same as a literal that every engine reads alike, whatever the zone of its machine."""
    return ibis.literal(instant(day, days_before=days_before), type="timestamp('UTC', 6)")


def known_before(events: Table, day: date | str) -> Table:
    """The events that were known before a snapshot."""
    return events.filter(known_at(events) < moment(day))


def days_between(later: Column, earlier: Column) -> NumericColumn:
    """Days between two times with their fraction; whole units differ by one between engines, microseconds do not."""
    return later.delta(earlier, unit="microsecond") / MICROSECONDS_A_DAY
