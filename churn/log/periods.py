"""Days, weeks and months as whole numbers that ascend by one, so that an engine counts by them as by any number.

A period is numbered by the date of the calendar grid (churn.grid) that it begins on.
"""

from __future__ import annotations

from datetime import date, timedelta

from ibis.expr.types import DateColumn, IntegerColumn

EPOCH = date(1970, 1, 1)  # a Thursday
MONDAY = 3  # days from the Monday before it
SHORT = 200  # days of a log, up to which it is shown by week


def index(day: DateColumn, every: str) -> IntegerColumn:
    """The number of the period that a day lies in."""
    if every == "month":
        return (day.year() * 12 + day.month() - 1).cast("int64")
    days = day.epoch_days().cast("int64")
    return ((days + MONDAY) / 7).floor().cast("int64") if every == "week" else days


def index_of(day: date, every: str) -> int:
    """The same of one day."""
    if every == "month":
        return day.year * 12 + day.month - 1
    days = (day - EPOCH).days
    return (days + MONDAY) // 7 if every == "week" else days


def start(number: int, every: str) -> date:
    """The first day of a period."""
    if every == "month":
        return date(number // 12, number % 12 + 1, 1)
    return EPOCH + timedelta(days=7 * number - MONDAY if every == "week" else number)


def step(first: date, last: date) -> str:
    """By what a log that lasts from one day to another is shown: months, of a short one weeks."""
    return "week" if (last - first).days < SHORT else "month"
