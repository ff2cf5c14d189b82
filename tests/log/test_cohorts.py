"""Retention: of those who signed up together, how many come so long after it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from churn.log import cohorts
from churn.log.spells import spells

FIRST, LAST = date(2024, 1, 10), date(2024, 5, 31)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CUSTOMERS = [("old", at("2023-11-05")), ("jan", at("2024-01-20")), ("feb", at("2024-02-01")), ("fay", at("2024-02-29")),
             ("apr", at("2024-04-10"))]  # fmt: skip
SEEN = {"old": ["2024-01-10", "2024-03-01"], "jan": ["2024-01-20", "2024-02-02"], "feb": ["2024-02-01", "2024-04-30"],
        "fay": ["2024-02-29", "2024-03-01", "2024-03-09"], "apr": ["2024-04-10", "2024-05-31"]}  # fmt: skip


@pytest.fixture
def retained(log):
    def _retained(last: date = LAST):
        events = [(who, at(day), "visit", 1) for who, days in SEEN.items() for day in days]
        seen, customers = log(events, CUSTOMERS)
        return cohorts.retention(spells(seen), customers, "month", FIRST, last)

    return _retained


def test_a_cohort_is_told_for_as_long_as_the_log_lasts(retained):
    found = retained()
    assert cohorts.COHORTS == list(found)
    of = {day: rows.active.tolist() for day, rows in found.groupby("cohort")}
    assert {date(2024, 2, 1): [2, 1, 1, 0], date(2024, 4, 1): [1, 1]} == of
    assert [2, 2, 2, 2, 1, 1] == found.customers.tolist()
    assert [1.0, 0.5, 0.5, 0.0, 1.0, 1.0] == found.share.tolist()


def test_a_month_that_the_log_has_not_all_of_is_left_out(retained):
    assert {date(2024, 2, 1): 3, date(2024, 4, 1): 1} == retained(date(2024, 5, 20)).groupby(
        "cohort"
    ).age.size().to_dict()


def test_together_an_age_is_that_of_the_cohorts_that_reached_it(retained):
    found = cohorts.kept(retained())
    assert [(0, 3, 1.0), (1, 3, 2 / 3), (2, 2, 0.5), (3, 2, 0.0)] == list(found.itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("every", "last", "expected"),
    [
        ("week", date(2024, 4, 1), ("week", 1)),
        ("month", date(2025, 1, 1), ("month", 1)),
        ("month", date(2027, 1, 1), ("quarter", 3)),
        ("month", date(2031, 1, 1), ("year", 12)),
    ],
)
def test_cohorts_are_as_long_as_the_log_allows_to_be_seen(every, last, expected):
    assert expected == cohorts.unit(every, FIRST, last)


def test_quarters_and_years_begin_with_their_first_month(log):
    events, customers = log(
        [("ann", at("2022-05-03"), "visit", 1), ("ann", at("2022-08-01"), "visit", 1)], [("ann", at("2022-05-03"))]
    )
    found = cohorts.retention(spells(events), customers, "month", date(2022, 1, 1), date(2023, 12, 31))
    assert {date(2022, 4, 1)} == set(found.cohort)
    assert [1, 1, 0, 0, 0, 0, 0] == found.active.tolist()
