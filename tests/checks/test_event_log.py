"""One person as two customers: ids in two spellings, histories under two ids; and all that only looks like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from churn.checks import event_log
from churn.checks.event_log import SHARED
from churn.sources.contract import Source

T = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def twice(log):
    """What each check says of events (customer, at, kind, value), None where it passes: (spelling, history)."""

    def _twice(events: list[tuple]) -> tuple[str | None, str | None]:
        ids = sorted({one for one, *_ in events})
        source = Source(*log(events, [(one, T) for one in ids]), {}, None, [], {}, pd.DataFrame())
        spelling, history, *_ = event_log.checks(source)
        return tuple(None if check.passed else check.observed for check in (spelling, history))

    return _twice


def life(one: str, *, events: int = SHARED, start: timedelta = DAY, values: int = 1000) -> list[tuple]:
    """Some purchases, three days apart, each of another value unless `values` says how many there are."""
    return [(one, T + start + n * 3 * DAY, "buy", 10 + n % values) for n in range(events)]


@pytest.mark.parametrize("other", ["ANN", "Ann", " ann", "ａｎｎ"])
def test_ids_that_differ_in_case_space_or_width_only_are_one(twice, other):
    spelling, _ = twice([*life("ann"), *life(other, start=2 * DAY)])
    both = " and ".join(map(repr, sorted(["ann", other])))
    assert spelling == (
        f"customer_id: 1 customers in several spellings, for example {both}; "
        "where case tells customers apart: data.ids: case_sensitive"
    )


@pytest.mark.parametrize("other", ["ann1", "an n", "a-nn", "0ann"])
def test_ids_that_differ_otherwise_are_two(twice, other):
    assert twice([*life("ann"), *life(other, start=2 * DAY)])[0] is None


def test_the_same_events_under_two_ids_are_named_with_their_dates(twice):
    _, history = twice([*life("ann"), *life("bob"), *life("cy", start=2 * DAY)])
    assert "events: the same ones under two values of customer_id: ann and bob (5 events from 2024-01-02 to" in history


def test_three_ids_of_one_history_are_seen(twice):
    assert twice([*life("ann"), *life("bob"), *life("cy")])[1]


def test_a_short_history_may_be_that_of_two(twice):
    short = SHARED - 1
    assert twice([*life("ann", events=short), *life("bob", events=short)])[1] is None


def test_one_event_more_makes_another_history(twice):
    assert twice([*life("ann"), *life("bob"), ("bob", T + 90 * DAY, "buy", 3)])[1] is None


def test_scheduled_bills_of_one_price_are_no_sign(twice):
    """Two customers who signed up on the same day, on the same plan."""
    assert twice([*life("ann", events=12, values=1), *life("bob", events=12, values=1)])[1] is None


def test_bills_of_a_changing_price_that_everybody_pays_are_no_sign(twice):
    """The first two customers of a box that costs something else every month."""
    log = [event for n in range(9) for event in life(f"c{n}", events=12)[0 if n < 2 else n :]]
    assert twice(log)[1] is None


def test_events_of_one_price_at_hours_of_their_own_are_a_sign(twice):
    visits = [(one, T + n * DAY + n * n * timedelta(minutes=7), "visit", 1) for n in range(6) for one in ("ann", "bob")]
    assert twice(visits)[1]


def ready_made(con, rows: pd.DataFrame) -> Source:
    table = rows.assign(snapshot=pd.Timestamp(T))
    tables = {"usage": con.create_table("usage", table, overwrite=True)}
    labels = con.create_table("given", table[["customer_id", "snapshot"]].assign(churned=True), overwrite=True)
    return Source(None, None, tables, labels, [], {}, pd.DataFrame())


@pytest.mark.parametrize(("hours", "outcome"), [(lambda n: n / 7, "FAIL"), (lambda n: n % 3, "not checked")])
def test_equal_rows_are_one_person_where_a_column_tells_people_apart(con, hours, outcome):
    rows = pd.DataFrame({"customer_id": [f"c{n:02}" for n in range(40)], "hours": [hours(n) for n in range(40)]})
    twin = rows.iloc[[7]].assign(customer_id="zoe")
    _, history, *_ = event_log.checks(ready_made(con, pd.concat([rows, twin])))
    assert outcome == history.outcome
    if outcome == "FAIL":
        assert "all columns (hours, ...) at 2024-01-01: the same for c07 and zoe" == history.observed
        _, sound, *_ = event_log.checks(ready_made(con, rows))
        assert "pass" == sound.outcome
