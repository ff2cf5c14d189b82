"""The baselines that a candidate has to beat."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_auc_score

from churn.evaluation import baselines
from tests.evaluation.samples import outcomes_and_tied_predictions, sample


def test_the_training_rate_is_said_of_everyone():
    train = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})
    found = baselines.fit(train, np.array([0, 1, 1, 1])).probabilities(train.head(2))
    assert found["training rate"].tolist() == [0.75, 0.75]


def test_the_best_single_feature_may_point_down_and_may_have_gaps():
    y, p = sample()
    train = pd.DataFrame({"noise": np.arange(500) % 7, "orders": -p, "plan": "basic"})
    train.loc[:20, "orders"] = np.nan
    found = baselines.fit(train, y).probabilities(train)
    assert list(found) == ["training rate", "best single feature: orders"]
    assert roc_auc_score(y, found["best single feature: orders"]) == pytest.approx(
        baselines.single_feature_auc(train, y)["orders"], abs=1e-12
    )


def test_the_test_rows_gaps_are_filled_with_the_training_median():
    train = pd.DataFrame({"x": [1.0, 2.0, 9.0, 3.0]})
    test = pd.DataFrame({"x": [np.nan, 2.5, 100.0]})
    predicted = baselines.fit(train, np.array([0, 0, 1, 1])).probabilities(test)["best single feature: x"]
    assert predicted[0] == predicted[1] < predicted[2]


def test_the_unit_of_the_best_single_feature_does_not_matter():
    y, p = sample()
    minutes, hours = (
        baselines.fit(x, y).probabilities(x) for x in (pd.DataFrame({"x": p}), pd.DataFrame({"x": p / 60}))
    )
    assert minutes["best single feature: x"] == pytest.approx(hours["best single feature: x"], abs=1e-6)


def test_without_numeric_features_only_the_constant_baseline_is_left():
    train = pd.DataFrame({"plan": ["a", "b"]})
    assert list(baselines.fit(train, np.array([0, 1])).probabilities(train)) == ["training rate"]


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_single_feature_auc_is_scikit_learns_whichever_way_the_feature_points(data):
    y, x = data
    auc = roc_auc_score(y, x)
    found = baselines.single_feature_auc(pd.DataFrame({"up": x, "down": -x, "empty": np.nan}), y)
    assert [max(auc, 1 - auc)] * 2 + [0.5] == pytest.approx(found.tolist(), abs=1e-12)
    assert ("auc", ["up", "down", "empty"]) == (found.name, list(found.index))


@pytest.fixture
def paced() -> pd.DataFrame:
    """300 customers' features of pace."""
    rng = np.random.default_rng(3)
    n, tenure = 1.0 + rng.poisson(2, 300), rng.uniform(100, 300, 300)
    return pd.DataFrame(
        {
            "days_since_order": np.where(n > 1, rng.uniform(0, 1, 300) * tenure, tenure),
            "days_per_order": tenure / n,
            "active_days_order": n,
            "plan": "basic",
        }
    )


def test_silence_has_two_more_baselines_fitted_without_labels_to_the_rows_that_they_score(paced):
    y = np.arange(300) % 2
    found = baselines.fit(paced, y).probabilities(paced.tail(200), silent_days=60)
    assert ["BG/NBD", "Pareto/NBD"] == list(found)[2:]
    again = baselines.fit(paced.head(50), 1 - y[:50]).probabilities(paced.tail(200), silent_days=60)
    for name in ("BG/NBD", "Pareto/NBD"):
        assert found[name].tobytes() == again[name].tobytes()
        assert (found[name].shape, True) == ((200,), bool((found[name] > 0).all() and (found[name] < 1).all()))


def test_another_label_and_other_features_have_no_baselines_of_silence(paced):
    y = np.arange(300) % 2
    assert 2 == len(baselines.fit(paced, y).probabilities(paced))
    without = paced.drop(columns="days_per_order")
    assert 2 == len(baselines.fit(without, y).probabilities(without, silent_days=60))


def test_a_baseline_without_a_fit_is_left_out_and_told(paced):
    once = paced.assign(active_days_order=1.0)
    with pytest.warns(UserWarning, match="baseline left out: Pareto/NBD: no customer has an event on a second day"):
        assert {} == baselines.of_silence(once, silent_days=60)
