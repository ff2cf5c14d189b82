"""Events and customers by period, and the days that seem to have lost theirs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from churn.log import over_time, periods
from churn.log.spells import spells

FIRST, LAST = date(2024, 1, 15), date(2024, 4, 30)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def visits(day: date, each: int, kind: str = "visit") -> list[tuple]:
    return [(f"c{n:02}", at(day, n % 24), kind, 2) for n in range(each)]


def every_day(each: int = 40, **changed: int) -> list[tuple]:
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    return [row for day in days for row in visits(day, changed.get(f"on_{day:%m_%d}", each))]


@pytest.fixture
def events(log):
    return lambda rows: log(rows, [])[0]


def test_events_are_counted_by_day_and_kind_with_what_they_are_worth(events):
    rows = [("ann", at(FIRST, 0), "visit", 2), ("ann", at(FIRST, 23), "visit", 3), ("bob", at(FIRST), "order", 7)]
    found = over_time.daily(events([*rows, ("ann", at(FIRST + timedelta(days=1), 0), "visit", 1)]))
    assert over_time.DAILY == list(found)
    assert [
        (FIRST, "order", 1, 7.0), (FIRST, "visit", 2, 5.0), (FIRST + timedelta(days=1), "visit", 1, 1.0),
    ] == [(row.day.date(), row.kind, row.events, row.value) for row in found.itertuples()]  # fmt: skip


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("month", [(date(2024, 1, 1), 680, False), (date(2024, 2, 1), 1160, True), (date(2024, 3, 1), 1240, True),
                   (date(2024, 4, 1), 1200, True)]),
        ("week", [(date(2024, 1, 15) + timedelta(days=7 * n), 280, True) for n in range(15)]
         + [(date(2024, 4, 29), 80, False)]),
    ],
)  # fmt: skip
def test_a_period_is_whole_where_the_log_has_its_first_and_last_day(events, every, expected):
    found = over_time.volume(over_time.daily(events(every_day())), every)
    assert expected == list(found[["period", "events", "whole"]].itertuples(index=False, name=None))


def test_a_customer_is_new_in_the_period_of_the_first_event(events):
    rows = [("ann", at(date(2024, 1, 20)), "visit", 1), ("ann", at(date(2024, 2, 1)), "visit", 1),
            ("ann", at(date(2024, 2, 9)), "order", 1), ("bob", at(date(2024, 2, 3)), "visit", 1)]  # fmt: skip
    pairs = over_time.by_customer(spells(events(rows)), "month")
    found = over_time.people(pairs, "month", date(2024, 1, 20), date(2024, 2, 9))
    assert [(date(2024, 1, 1), 1, 1), (date(2024, 2, 1), 2, 1)] == list(
        found[["period", "customers", "new"]].itertuples(index=False, name=None)
    )


def test_a_hollow_day_has_under_a_third_of_its_weekday(events):
    found = over_time.hollow(over_time.daily(events(every_day(on_03_05=13, on_03_07=0, on_03_09=14))))
    assert [("2024-03-05", 13, 40.0), ("2024-03-07", 0, 40.0)] == [
        (f"{row.day:%Y-%m-%d}", row.events, row.usual) for row in found.itertuples()
    ]


def test_days_with_few_events_are_never_hollow(events):
    assert over_time.hollow(over_time.daily(events(every_day(each=12, on_03_05=0)))).empty


def test_only_what_counts_can_be_missing(events):
    rows = [*every_day(on_03_05=0), *visits(date(2024, 3, 5), 40, "letter")]
    days = over_time.daily(events(rows))
    assert over_time.hollow(days).empty
    assert [pd.Timestamp("2024-03-05")] == over_time.hollow(days, kinds=["visit"]).day.tolist()


@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_a_period_begins_on_the_grid_s_newest_date(every):
    from churn import grid

    for day in (date(1969, 12, 29), date(1970, 1, 1), date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29)):
        assert grid.newest(every, day) == periods.start(periods.index_of(day, every), every)


@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_the_engine_numbers_periods_alike(events, every):
    days = [date(1969, 12, 28), date(1969, 12, 31), date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29)]
    table = events([("ann", at(day), "visit", 1) for day in days])
    found = table.select(number=periods.index(table["at"].date(), every)).execute().number
    assert [periods.index_of(day, every) for day in days] == sorted(found)
