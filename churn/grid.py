"""The calendar grid of snapshots: every day, every Monday, or the first of every month."""

from __future__ import annotations

from datetime import date, timedelta

DAY = timedelta(days=1)


def newest(every: str, day: date) -> date:
    """The newest date of the grid (`every` day, week or month) on or before a day."""
    if every == "month":
        return day.replace(day=1)
    return day - day.weekday() * DAY if every == "week" else day


def newest_of(every: str, day: date, count: int) -> list[date]:
    """The newest `count` dates of the grid on or before a day, oldest first."""
    found = [newest(every, day)]
    while len(found) < count:
        found.append(newest(every, found[-1] - DAY))
    return found[::-1]


def last_year(every: str, day: date) -> date:
    """The date a year before: the same of the month; on a grid of weeks the same weekday, of days 365 days before."""
    if every != "month":
        return day - (364 if every == "week" else 365) * DAY
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap else day.day)
