"""How many events and customers a log has over time, and the days of which it seems to have lost some."""

from __future__ import annotations

from datetime import date

import pandas as pd
from ibis.expr.types import Table

from churn.log import periods

WEEKS = 4  # to both sides, in which a day's volume is compared with that of the same weekday
HOLLOW = 1 / 3  # of what is usual
TELLING = 30  # events a day, from which so few are no chance (below 1 in 10,000 where they come independently)

DAILY = ["day", "kind", "events", "value"]
VOLUME = ["period", "kind", "events", "value", "whole"]
PEOPLE = ["period", "customers", "new", "whole"]


def daily(events: Table) -> pd.DataFrame:
    """Events a day and kind: DAILY, ordered by both; `value` is their sum."""
    counted = events.group_by(day=events["at"].date(), kind=events.kind).agg(
        events=events.count(), value=events.value.sum().cast("float64")
    )
    rows = counted.order_by("day", "kind").execute()
    return rows.assign(day=pd.to_datetime(rows.day))


def span(days: pd.DataFrame) -> tuple[date, date]:
    """The first and the last day with an event, of `daily`."""
    return days.day.min().date(), days.day.max().date()


def with_events(days: pd.DataFrame) -> pd.DatetimeIndex:
    """The days with events, as contract.days_with_events has them; of `daily`."""
    return pd.DatetimeIndex(days.day.unique())


def volume(days: pd.DataFrame, every: str) -> pd.DataFrame:
    """The events of `daily` by period and kind: VOLUME. Whole is a period of which the log has the first and the last
    day."""
    numbers = {day: periods.index_of(day.date(), every) for day in days.day.unique()}
    of_period = days.assign(number=days.day.map(numbers)).groupby(["number", "kind"], as_index=False)
    rows = of_period.agg(events=("events", "sum"), value=("value", "sum"))
    return _dated(rows, every, *span(days))[VOLUME]


def people(pairs: Table, every: str, first: date, last: date) -> pd.DataFrame:
    """How many customers came in each period, and how many of these for the first time: PEOPLE. `pairs` as
    `by_customer` gives them of a log from the day `first` to `last`."""
    begun = pairs.group_by("customer_id").agg(number=pairs.number.min())
    new = begun.group_by("number").agg(new=begun.count()).execute()
    rows = pairs.group_by("number").agg(customers=pairs.count()).order_by("number").execute()
    return _dated(rows.merge(new, how="left").fillna({"new": 0}).astype({"new": "int64"}), every, first, last)[PEOPLE]


def by_customer(active: Table, every: str, size: int = 1) -> Table:
    """A row for each customer and period with something that counts: customer_id, number (of the period). `active` as
    churn.log.spells gives them; a period has `size` weeks or months."""
    number, following = (periods.index(day, every) for day in (active.day, active.following))
    if size > 1:
        number, following = ((index / size).floor().cast("int64") for index in (number, following))
    rows = active.select("customer_id", number=number, following=following)
    return rows.filter(rows.following.isnull() | (rows.following > rows.number)).drop("following")


def hollow(days: pd.DataFrame, *, kinds: list[str] | None = None) -> pd.DataFrame:
    """The days of `daily` with under a third of the events usual for their weekday: day, events, usual. `kinds`: those
    that count; all where nothing is said."""
    counted = days[days.kind.isin(kinds)] if kinds else days
    each = counted.groupby("day").events.sum().asfreq("D").fillna(0)
    usual = usual_volume(each)
    odd = each.index[is_hollow(each, usual)]
    return pd.DataFrame({"day": odd, "events": each[odd].astype("int64"), "usual": usual[odd]}).reset_index(drop=True)


def usual_volume(each: pd.Series) -> pd.Series:
    """What is usual on each day of a log without a gap: the median of its weekday in the weeks around."""
    by_weekday = each.groupby(each.index.dayofweek, group_keys=False)
    usual = by_weekday.apply(lambda days: days.rolling(2 * WEEKS + 1, center=True, min_periods=WEEKS).median())
    return usual.reindex(each.index).where(each > 0, by_weekday.transform("median"))  # of an outage of months too


def is_hollow(each: pd.Series, usual: pd.Series) -> pd.Series:
    return (each < HOLLOW * usual) & (usual >= TELLING)


def _dated(rows: pd.DataFrame, every: str, first: date, last: date) -> pd.DataFrame:
    """With the first day of each period, and whether the log has all of it."""
    begins = [periods.start(int(number), every) for number in rows.number]
    ends = [periods.start(int(number) + 1, every) for number in rows.number]
    whole = [begin >= first and (end - last).days <= 1 for begin, end in zip(begins, ends, strict=True)]
    return rows.assign(period=begins, whole=whole)
