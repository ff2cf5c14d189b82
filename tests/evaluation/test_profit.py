"""Whom to contact by the money alone, and what that earns, by hand."""

from __future__ import annotations

import json
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from churn.errors import InvalidParams
from churn.evaluation import profit
from tests.evaluation.samples import outcomes_and_tied_predictions, sample

ECONOMICS = {"contact_cost": 1.0, "saved_value": 40.0, "success_rate": 0.2}
OWN = ECONOMICS | {"saved_value": {"column": "value", "margin": 0.5}}
RESAMPLED = {"replicates": 40, "seed": 3}


def nothing(n: int) -> pd.DataFrame:
    """Features that no economics look at."""
    return pd.DataFrame({"visits": np.arange(n)})


def decided(y: np.ndarray, p: np.ndarray, X: pd.DataFrame | None = None, **changed) -> profit.Policy:
    given = {"economics": ECONOMICS, "budget": None} | RESAMPLED | changed
    return profit.decide(y, p, nothing(len(y)) if X is None else X, **given)


def test_the_threshold_is_cost_over_value_times_success():
    assert 1.0 / (40.0 * 0.2) == decided(*sample()).threshold


def test_no_outcome_has_a_say_in_whom_to_contact():
    y, p = sample(200)
    one, other = decided(y, p), decided(1 - y, p)
    assert (one.threshold, one.contacted) == (other.threshold, other.contacted)


@pytest.mark.parametrize(
    ("changed", "threshold"),
    [
        ({"success_rate": 0.0}, profit.CONTACT_NOBODY),
        ({"saved_value": 0.0}, profit.CONTACT_NOBODY),
        ({"saved_value": 0.0, "contact_cost": 0.0}, profit.CONTACT_NOBODY),
        ({"contact_cost": 8.1}, profit.CONTACT_NOBODY),
        ({"contact_cost": 8.0}, 1.0),
        ({"contact_cost": 0.0}, 0.0),
    ],
)
def test_nothing_to_gain_means_nobody_and_nothing_to_pay_everybody(changed, threshold):
    y, p = np.array([0, 1, 1]), np.array([0.0, 0.5, 1.0])
    policy = decided(y, p, economics=ECONOMICS | changed)
    assert threshold == policy.threshold
    assert {0.0: 1.0, 1.0: 1 / 3}.get(threshold, 0.0) == policy.contacted
    json.dumps(policy.document(), allow_nan=False)


def test_what_is_earned_is_the_mean_over_all_customers_with_the_interval_of_the_resamples():
    y, p = sample(200)
    policy = decided(y, p)
    earned = np.where(p >= 0.125, 8.0 * y - 1.0, 0.0)
    rng = np.random.default_rng(3)
    means = [earned[rng.integers(200, size=200)].mean() for _ in range(40)]
    expected = (earned.mean(), *np.quantile(means, [0.025, 0.975]))
    assert expected == pytest.approx(astuple(policy.profit), abs=1e-12)
    assert np.mean(p >= 0.125) == policy.contacted


def test_contacting_everybody_is_priced_beside_it():
    y, p = sample(200)
    policy = decided(y, p)
    assert np.mean(8.0 * y - 1.0) == pytest.approx(policy.everybody.estimate)
    assert policy.everybody.low < policy.everybody.estimate < policy.everybody.high


def test_who_contacts_nobody_earns_nothing_in_every_resample():
    policy = decided(*sample(), economics=ECONOMICS | {"success_rate": 0.0})
    assert (0.0, 0.0, 0.0) == astuple(policy.profit)


def test_a_budget_contacts_those_with_the_most_to_gain_and_nobody_who_does_not_pay():
    y, p = np.array([1, 0, 1, 1]), np.array([0.2, 0.9, 0.5, 0.01])
    policy = decided(y, p, budget=2)
    assert {"most": 2, "contacted": 2} == {name: policy.budget[name] for name in ("most", "contacted")}
    assert (-1.0 + 7.0) / 4 == pytest.approx(policy.budget["estimate"])
    assert policy.budget["low"] <= policy.budget["estimate"] <= policy.budget["high"]
    roomy = decided(y, p, budget=100).budget
    assert (3, policy.profit.estimate) == (roomy["contacted"], roomy["estimate"])
    assert decided(y, p).budget is None


def test_among_equals_the_budget_takes_the_earlier_row():
    y, p = np.array([0, 1, 0]), np.full(3, 0.5)
    assert -1.0 / 3 == pytest.approx(decided(y, p, budget=1).budget["estimate"])


def test_each_customer_has_an_own_threshold_where_the_value_is_the_own():
    X = pd.DataFrame({"value": [100.0, 10.0, 2.0, -5.0, np.nan]})
    p = np.full(5, 0.9)
    worth = profit.worths(OWN, X)
    assert [50.0, 5.0, 1.0, 0.0, 0.0] == worth.tolist()
    never = profit.CONTACT_NOBODY
    assert [0.1, 1.0, never, never, never] == profit.thresholds(OWN, worth).tolist()
    assert [True, False, False, False, False] == profit.flagged(p, X, OWN).tolist()
    policy = decided(np.array([1, 1, 0, 0, 1]), p, X, economics=OWN)
    assert (None, 0.2) == (policy.threshold, policy.contacted)
    assert (50.0 * 0.2 - 1.0) / 5 == pytest.approx(policy.profit.estimate)


def test_the_budget_heeds_what_each_customer_is_worth():
    X = pd.DataFrame({"value": [20.0, 1000.0]})
    policy = decided(np.array([0, 1]), np.array([0.9, 0.3]), X, economics=OWN, budget=1)
    assert (500.0 * 0.2 - 1.0) / 2 == pytest.approx(policy.budget["estimate"])


@pytest.mark.parametrize(
    ("asked", "features", "found"),
    [
        ("value_180d", ["purchase_value_180d", "visits"], "purchase_value_180d"),
        ("value_180d", ["value_180d", "purchase_value_180d"], "value_180d"),
        ("purchase_value_180d", ["purchase_value_180d"], "purchase_value_180d"),
        ("value_180d", ["return_value_180d", "purchase_value_180d", "days_per_purchase"], "purchase_value_180d"),
    ],
)
def test_the_column_of_the_value_may_leave_its_kind_away(asked, features, found):
    economics = OWN | {"saved_value": {"column": asked, "margin": 0.3}}
    assert economics | {"saved_value": {"column": found, "margin": 0.3}} == profit.resolved(economics, features)


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (["purchase_value_90d", "visits"],
         "evaluate.economics.saved_value.column: 'value_180d' is no feature; name one: purchase_value_90d"),
        (["purchase_value_180d", "return_value_180d"],
         "evaluate.economics.saved_value.column: 'value_180d' is several features; name one: purchase_value_180d, "
         "return_value_180d"),
        (["xx"], "evaluate.economics.saved_value.column: 'value_180d' is no feature; name one"),
    ],
)  # fmt: skip
def test_a_column_that_is_no_feature_or_several_is_refused_with_the_nearest(features, told):
    with pytest.raises(InvalidParams) as caught:
        profit.resolved(OWN | {"saved_value": {"column": "value_180d", "margin": 0.3}}, features)
    assert told == str(caught.value)


def test_a_fixed_value_is_left_as_it_is():
    assert ECONOMICS == profit.resolved(ECONOMICS, [])


def test_serving_is_told_the_threshold_or_the_economics_of_an_own_one_and_never_both():
    y, p = sample(50)
    assert {"threshold": "0.125", "economics": ""} == decided(y, p).tags()
    assert 0.125 == decided(y, p).told
    tags = decided(y, p, pd.DataFrame({"value": p}), economics=OWN).tags()
    assert "own" == decided(y, p, pd.DataFrame({"value": p}), economics=OWN).told
    assert ("", OWN) == (tags["threshold"], json.loads(tags["economics"]))


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_every_point_of_the_profit_curve_is_what_its_customers_earn(data):
    y, p = data
    for point in profit.curve(y, p, nothing(len(y)), economics=ECONOMICS).itertuples():
        number = round(point.contacted * len(y))
        least = np.sort(p)[::-1][number - 1] if number else 2.0
        assert number == np.sum(p >= least)
        assert np.sum((8.0 * y - 1.0)[p >= least]) / len(y) == pytest.approx(point.profit)


def test_the_profit_curve_goes_from_nobody_to_everybody_in_at_most_201_points():
    y, p = sample(5000)
    curve = profit.curve(y, p, nothing(5000), economics=ECONOMICS)
    assert (201, (0.0, 0.0), 1.0) == (len(curve), tuple(curve.iloc[0]), curve.contacted.iloc[-1])
    assert np.mean(8.0 * y - 1.0) == pytest.approx(curve.profit.iloc[-1])


def test_the_profit_curve_begins_with_those_worth_most_where_the_value_is_the_own():
    X = pd.DataFrame({"value": [20.0, 1000.0]})
    curve = profit.curve(np.array([0, 1]), np.array([0.9, 0.3]), X, economics=OWN)
    assert [0.0, (500.0 * 0.2 - 1.0) / 2, (500.0 * 0.2 - 2.0) / 2] == pytest.approx(curve.profit.tolist())
