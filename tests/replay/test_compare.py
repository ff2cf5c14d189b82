"""Policies against each other: what is added up, who is drawn, and whether an interval holds what it says."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from churn.replay import compare


def month(**profits: float) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(profits), "profit": list(profits.values())})


def test_the_months_of_a_customer_are_added_up():
    assert {"a": 5.0, "b": 1.0, "c": -1.0} == compare.earned([month(a=2.0, b=1.0), month(a=3.0, c=-1.0)]).to_dict()


def test_a_life_without_a_list_has_earned_nothing():
    assert -3.0 == compare.difference(compare.earned([]), compare.earned([month(a=3.0)])).estimate


def test_equal_lists_differ_by_nothing():
    found = compare.difference(compare.earned([month(a=2.0, b=-1.0)]), compare.earned([month(b=-1.0, a=2.0)]))
    assert (0.0, 0.0, 0.0) == (found.estimate, found.low, found.high)


def test_whoever_was_on_one_list_alone_counts_for_that_one():
    assert 2.0 - 7.0 == compare.difference(compare.earned([month(a=2.0)]), compare.earned([month(b=7.0)])).estimate


def test_a_customer_is_drawn_with_all_months():
    """Twelve months of one customer are one draw: taken for twelve, the interval would be a third as wide."""
    rng = np.random.default_rng(0)
    each = pd.Series(rng.normal(size=400), [f"c{n}" for n in range(400)])
    yearly = compare.difference(12 * each, 0 * each)
    once = compare.difference(each, 0 * each)
    assert 12 == pytest.approx((yearly.high - yearly.low) / (once.high - once.low))


@pytest.mark.parametrize(
    ("policies", "pairs"),
    [
        (["always"], []),
        (["always", "alarm"], [("alarm", "always")]),
        (["always", "never"], [("always", "never")]),
        (["never", "always"], [("always", "never")]),
        (["always", "alarm", "never"], [("alarm", "always"), ("always", "never"), ("alarm", "never")]),
    ],
)
def test_each_policy_is_told_against_the_first_and_against_never(policies, pairs):
    assert pairs == compare.pairs(policies)


def lists(rng: np.random.Generator, customers: int, months: int) -> tuple[pd.Series, pd.Series]:
    """What two models of equal worth earn by contacting whom they take for likely to leave: each errs by as much, in
    its own way, about a customer for good and about a month of a customer."""
    names = [f"c{n}" for n in range(customers)]
    leaning, sums = rng.normal(-1.5, 1.0, customers), [pd.Series(0.0, names), pd.Series(0.0, names)]
    for_good = rng.normal(0, 0.5, (2, customers))
    for _ in range(months):
        truly = leaning + rng.normal(0, 0.3, customers)
        left = rng.random(customers) < expit(truly)
        for model in (0, 1):
            p = expit(truly + for_good[model] + rng.normal(0, 0.3, customers))
            sums[model] += np.where(p >= 0.125, 8.0 * left - 1.0, 0.0)
    return sums[0], sums[1]


def test_the_interval_of_two_equal_policies_holds_zero_in_95_of_100():
    held = 0
    for seed in range(200):
        found = compare.difference(*lists(np.random.default_rng(seed), customers=800, months=12), replicates=400)
        held += found.low <= 0 <= found.high
    assert 0.90 <= held / 200 <= 0.98
