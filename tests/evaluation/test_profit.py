"""What contacting earns, by hand; and the threshold that is chosen from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from churn.evaluation import profit
from tests.evaluation.samples import outcomes_and_tied_predictions, sample

ECONOMICS = {"contact_cost": 1.0, "saved_value": 40.0, "success_rate": 0.2}


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_every_point_of_the_profit_curve_is_the_profit_at_its_threshold(data):
    y, p = data
    for point in profit.curve(y, p, **ECONOMICS).itertuples():
        assert profit.per_customer(y, p, point.threshold, **ECONOMICS) == pytest.approx(point.profit)
        assert np.mean(p >= point.threshold) == point.contacted


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_contacting_nobody_earns_nothing_even_when_someone_is_certain_to_leave(data):
    last = profit.curve(*data, **ECONOMICS).iloc[-1]
    assert (last["contacted"], last["profit"]) == (0.0, 0.0)


def test_the_profit_curve_has_at_most_201_thresholds_besides_nobody():
    assert len(profit.curve(*sample(5000), **ECONOMICS)) == 202


def test_every_threshold_but_nobody_is_a_probability_that_occurs():
    curve = profit.curve(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.2, 0.9]), **ECONOMICS)
    assert curve["threshold"].tolist() == [0.1, 0.2, 0.9, profit.CONTACT_NOBODY]


def test_the_best_threshold_contacts_nobody_when_contacts_only_cost():
    curve = profit.curve(*sample(), contact_cost=1.0, saved_value=0.0, success_rate=0.2)
    assert profit.best_threshold(curve) == profit.CONTACT_NOBODY


def test_the_best_threshold_earns_the_most_and_among_equals_contacts_fewest():
    curve = pd.DataFrame({"threshold": [0.1, 0.2, 0.3, 1.1], "profit": [1.0, 2.0, 2.0, 0.0]})
    assert profit.best_threshold(curve) == 0.3


def test_the_profit_has_the_interval_of_its_mean_in_the_resamples_of_the_bootstrap():
    y, p = sample(200)
    rng = np.random.default_rng(3)
    drawn = [rng.integers(200, size=200) for _ in range(40)]
    profits = [profit.per_customer(y[rows], p[rows], 0.4, **ECONOMICS) for rows in drawn]
    for confidence, tails in ((0.95, [0.025, 0.975]), (0.5, [0.25, 0.75])):
        found = profit.interval(y, p, 0.4, **ECONOMICS, replicates=40, seed=3, confidence=confidence)
        assert np.quantile(profits, tails).tolist() == pytest.approx(list(found), abs=1e-12)


def test_who_contacts_nobody_earns_nothing_in_every_resample():
    y, p = sample()
    assert (0.0, 0.0) == profit.interval(y, p, profit.CONTACT_NOBODY, **ECONOMICS, replicates=20, seed=1)


def test_the_threshold_is_chosen_on_the_training_rows_and_priced_on_the_test_rows():
    train, test, resampled = sample(200, seed=1), sample(300, seed=2), {"replicates": 40, "seed": 3}
    policy = profit.choose(train, test, **ECONOMICS, **resampled)
    assert profit.best_threshold(profit.curve(*train, **ECONOMICS)) == policy.threshold
    assert np.mean(test[1] >= policy.threshold) == policy.contacted
    assert profit.per_customer(*test, policy.threshold, **ECONOMICS) == policy.profit
    assert profit.interval(*test, policy.threshold, **ECONOMICS, **resampled) == (policy.low, policy.high)
