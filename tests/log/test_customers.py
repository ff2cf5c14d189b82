"""Customers by their number of events, and what events are worth by kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn.log import customers

T = datetime(2024, 1, 1, tzinfo=UTC)


def counted(*rows: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["events", "customers"])


@pytest.fixture
def of(log):
    """Customers with so many events each, over several months."""

    def _of(*numbers: int) -> pd.DataFrame:
        events = [
            (f"c{n}", T + timedelta(days=20 * k), "visit", 1) for n, many in enumerate(numbers) for k in range(many)
        ]
        seen, people = log(events, [(f"c{n}", T) for n in range(len(numbers))])
        return customers.by_events(seen, people)

    return _of


def test_customers_are_counted_by_their_events_and_those_without_any_too(of):
    assert [(0, 2), (1, 1), (3, 2)] == list(of(0, 3, 1, 3, 0).itertuples(index=False, name=None))
    assert [(1, 1), (3, 1)] == list(of(3, 1).itertuples(index=False, name=None))


def test_few_groups_hold_all_customers_and_all_events():
    found = customers.grouped(counted((0, 1), (1, 2), (3, 1), (4, 1), (1000, 1), (5000, 1)))
    assert ["none", "1", "2 to 4", "1,000 and more"] == found.group.tolist()
    assert [1, 2, 2, 2] == found.customers.tolist()
    assert [0, 2, 7, 6000] == found.events.tolist()
    assert [1.0, 1.0] == pytest.approx(found[["share", "share_of_events"]].sum().tolist())


def test_the_tenth_with_most_events_may_part_a_number_of_events():
    assert 10 / 19 == customers.share_of_top(counted((1, 9), (10, 1)))
    assert 0.1 == pytest.approx(customers.share_of_top(counted((4, 25))))
    assert np.isnan(customers.share_of_top(counted((0, 3))))


def test_values_are_told_by_kind_that_with_most_events_first(log):
    events = [("ann", T, "order", n) for n in range(1, 102)] + [("ann", T, "gift", v) for v in (0, -5, 5, 0)]
    found = customers.values(log(events, [])[0]).set_index("kind")
    assert ["order", "gift"] == found.index.tolist()
    assert [6.0, 26.0, 51.0, 76.0, 96.0] == found.loc["order", list(customers.QUANTILES)].tolist()
    assert [4, 0.5, 0.25, 0.0] == found.loc["gift", ["events", "zero", "below_zero", "total"]].tolist()


def test_a_kind_with_one_value_is_constant(log):
    events = [("ann", T, "visit", 1)] * 100 + [("ann", T, "order", n) for n in range(50)]
    found = customers.values(log(events, [])[0]).set_index("kind")
    assert [True, False] == [bool(customers.constant(found.loc[kind])) for kind in ("visit", "order")]
