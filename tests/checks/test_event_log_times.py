"""Times that cannot be a log's own: events before sign-up, and times shuffled among the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from churn.checks import event_log
from churn.checks.event_log import EARLY, FEWEST
from churn.sources.contract import Source

T = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def checks(log, events: list[tuple], customers: list[tuple]) -> dict:
    source = Source(*log(events, customers), {}, None, [], {}, pd.DataFrame())
    return {check.name: check for check in event_log.checks(source)}


@pytest.mark.parametrize(("early", "passes"), [(0, True), (5, True), (6, False)])
def test_a_few_events_may_lie_before_sign_up(log, early, passes):
    events = [("ann", T + (n - early) * DAY, "buy", 1) for n in range(100)]
    check = checks(log, events, [("ann", T)])["events after sign-up"]
    assert 0.05 == EARLY
    assert passes == check.passed
    if not early:
        assert "none lies before" == check.observed
    if not passes:
        named = "ann on 2023-12-26 00:00:00 (signed up 2024-01-01 00:00:00)"
        assert f"at: 6.0% of the events lie before signup_at, for example {named}" == check.observed


def lives(seed: int, *, customers: int = FEWEST * 3) -> list[tuple]:
    """Customers who come and go, with a few events each."""
    rng = np.random.default_rng(seed)
    starts, counts = rng.uniform(0, 300, customers), rng.integers(2, 9, customers)
    return [
        (f"c{i}", T + timedelta(days=float(starts[i] + rng.exponential(20))), "buy", 1)
        for i in range(customers)
        for _ in range(counts[i])
    ]


def shuffled(events: list[tuple], seed: int) -> list[tuple]:
    order = np.random.default_rng(seed).permutation(len(events))
    return [(one, events[n][1], kind, value) for (one, _, kind, value), n in zip(events, order, strict=True)]


def own_times(log, events: list[tuple]):
    return checks(log, events, [(one, T) for one in {e[0] for e in events}])["times of their own"]


def test_customers_who_come_and_go_have_times_of_their_own(log):
    assert own_times(log, lives(1)).passed


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_times_are_nobodys_own(log, seed):
    found = own_times(log, shuffled(lives(seed), seed))
    assert not found.passed
    assert found.observed.startswith("at: F is ") and ", where chance gives 1 ± 0." in found.observed


def test_events_as_regular_as_a_clock_are_not_shuffled(log):
    """All customers over the same months: less between them than chance would give."""
    assert own_times(log, [(f"c{i}", T + n * DAY, "buy", 1) for i in range(150) for n in range(20)]).passed


def test_the_ratio_is_that_of_an_analysis_of_variance(log):
    events = lives(2)
    hours = pd.DataFrame(events).groupby(0)[1].agg(lambda times: [(t - T) // timedelta(hours=1) for t in times])
    assert own_times(log, events).observed == (
        f"variance between customers over that within them: {f_oneway(*hours).statistic:.2f}"
    )


def test_the_error_shrinks_with_customers_and_with_events():
    """F of chance is 1, with a variance of two over the customers and two over the other events."""
    sums = {"total": 0.0, "squares": 2.0, "between": 1.0}
    assert 0.2 == pytest.approx(event_log._variance_ratio(k=101, n=201, **sums)[1])
    assert 0.15 == pytest.approx(event_log._variance_ratio(k=101, n=501, **sums)[1], abs=0.01)


@pytest.mark.parametrize(("customers", "says"), [(FEWEST - 1, False), (FEWEST, True)])
def test_a_small_log_says_nothing(log, customers, says):
    assert says == (own_times(log, lives(1, customers=customers)).passed is not None)


def test_one_event_a_customer_says_nothing(log):
    assert own_times(log, [(f"c{i}", T + i * DAY, "buy", 1) for i in range(300)]).passed is None
