from __future__ import annotations

import numpy as np
import pytest
from empulse.metrics import empc_score
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.evaluation import empc, profit
from tests.evaluation.samples import outcomes_and_tied_predictions, sample

ECONOMICS = {"contact_cost": 1.0, "saved_value": 40.0, "success_rate": 0.2}


@settings(max_examples=40, deadline=None)
@given(outcomes_and_tied_predictions(), st.floats(0.01, 0.99), st.floats(0, 30))
def test_empc_and_the_share_to_contact_are_those_of_the_package_empulse(given, rate, cost):
    y, p = given
    found = empc.empc(y, p, ECONOMICS | {"success_rate": rate, "contact_cost": cost})
    terms = {"alpha": 20 * rate, "beta": 20 * (1 - rate), "clv": 40.0, "incentive_cost": 0, "contact_cost": cost}
    assert empc_score(y, p, **terms) == pytest.approx(found.empc, abs=1e-6)
    assert empc_score.optimal_rate(y, p, **terms) == pytest.approx(found.share, abs=1e-6)


def test_the_success_rate_is_beta_about_that_of_the_economics():
    found = empc.empc(*sample(), ECONOMICS)
    assert (4.0, 16.0) == (found.alpha, found.beta)


def test_from_the_threshold_on_the_share_is_contacted():
    y, p = sample()
    found = empc.empc(y, p, ECONOMICS)
    assert found.share == pytest.approx((p >= found.threshold).mean(), abs=0.5 / len(p))


def test_where_the_success_rate_is_certain_it_is_the_best_that_could_have_been_earned():
    y, p = sample()
    earned = np.cumsum(40.0 * y[np.argsort(-p)] - 15.0) / len(y)
    found = empc.empc(y, p, ECONOMICS | {"success_rate": 1.0, "contact_cost": 15.0})
    assert [earned.max(), (earned.argmax() + 1) / len(y)] == pytest.approx([found.empc, found.share])


@pytest.mark.parametrize("changed", [{"success_rate": 0.0}, {"saved_value": 0.0}, {"contact_cost": 50.0}])
def test_where_nothing_is_to_be_gained_nobody_is_contacted(changed):
    found = empc.empc(*sample(), ECONOMICS | changed)
    assert (0.0, 0.0, profit.CONTACT_NOBODY) == (found.empc, found.share, found.threshold)


@pytest.mark.parametrize("y", [np.zeros(4), np.ones(4)])
def test_outcomes_of_one_kind_are_no_error(y):
    found = empc.empc(y, np.array([0.1, 0.2, 0.3, 0.4]), ECONOMICS)
    assert y[0] == pytest.approx(found.share, abs=0.01)


def test_it_is_not_defined_where_each_customer_has_an_own_value():
    assert empc.empc(*sample(), ECONOMICS | {"saved_value": {"column": "value", "margin": 0.5}}) is None
