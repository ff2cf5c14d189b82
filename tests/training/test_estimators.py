"""Estimators by name: the same model from the same rows and seed, saved and loaded with the types that we trust."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from churn.errors import InvalidData
from churn.params.schema import HistGradientBoosting, Logistic
from churn.training import dataset, estimators

SETTINGS = {
    "logistic": Logistic().model_dump(),
    "hist_gradient_boosting": HistGradientBoosting().model_dump(),
}
FEATURES = ["days_since_visit", "visit_count", "plan"]
PACE = ["days_since_visit", "days_per_visit", "active_days_visit"]
each_model = pytest.mark.parametrize("name", list(SETTINGS))


def fitted(rows: pd.DataFrame, name: str, features: list[str] = FEATURES):
    X, y = dataset.matrix(rows, "train", features)
    return estimators.fit(X, y, model=name, settings=SETTINGS[name], seed=7)


@each_model
def test_the_same_rows_and_seed_give_the_same_probabilities_bit_for_bit(training_set, name):
    X, y = dataset.matrix(training_set, "test", FEATURES)
    first, second = (estimators.probability(fitted(training_set, name), X) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert (first.shape, first.min() >= 0, first.max() <= 1) == (y.shape, True, True)
    assert roc_auc_score(y, first) > 0.7


@each_model
def test_a_level_is_added_to_the_log_odds_of_all_or_of_each(training_set, name):
    X, _ = dataset.matrix(training_set, "test", FEATURES)
    pipeline = fitted(training_set, name)
    plain, each = pipeline.predict_proba(X)[:, 1], np.linspace(-2, 2, len(X))
    for level in (0.0, -1.25, each):
        assert np.abs(expit(logit(plain) + level) - estimators.probability(pipeline, X, level)).max() < 1e-12


@each_model
def test_columns_are_found_by_name(training_set, name):
    X = dataset.matrix(training_set, "test", FEATURES)[0]
    pipeline = fitted(training_set, name)
    assert np.array_equal(estimators.probability(pipeline, X), estimators.probability(pipeline, X[FEATURES[::-1]]))


@each_model
@pytest.mark.parametrize(
    "changed",
    [{"plan": "platinum"}, {"days_since_visit": np.nan}, {"visit_count": np.nan}, {"visit_count": 1e12}],
    ids=["unknown category", "null", "null never seen", "far out of range"],
)
def test_what_training_never_held_still_has_a_probability(training_set, name, changed):
    X = dataset.matrix(training_set, "test", FEATURES)[0].assign(**changed)
    p = estimators.probability(fitted(training_set, name), X)
    assert np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1


@each_model
def test_that_a_value_is_missing_tells_something(training_set, name):
    rows = training_set.assign(seldom=training_set.visit_count.where(~training_set.churned))
    X, y = dataset.matrix(rows, "test", ["seldom"])
    assert roc_auc_score(y, estimators.probability(fitted(rows, name, ["seldom"]), X)) > 0.99


@each_model
def test_constant_and_empty_features_do_no_harm(training_set, name):
    rows = training_set.assign(same=1.0, never=np.nan, one="x")
    X, y = dataset.matrix(rows, "test", [*FEATURES, "same", "never", "one"])
    p = estimators.probability(fitted(rows, name, list(X)), X)
    assert roc_auc_score(y, p) > 0.7


@each_model
@pytest.mark.parametrize("features", [["visit_count", "days_since_visit"], ["plan"]], ids=["numbers", "categories"])
def test_features_may_be_all_numbers_or_all_categories(training_set, name, features):
    X = dataset.matrix(training_set, "test", features)[0]
    assert len(estimators.probability(fitted(training_set, name, features), X)) == 300


@each_model
def test_a_saved_model_gives_the_same_probabilities_after_loading(training_set, name):
    pipeline = fitted(training_set, name)
    loaded = skops.io.loads(skops.io.dumps(pipeline), trusted=estimators.TRUSTED_TYPES)
    X = dataset.matrix(training_set, "test", FEATURES)[0]
    assert estimators.probability(pipeline, X).tobytes() == estimators.probability(loaded, X).tobytes()


def test_logarithms_are_mirrored_below_zero():
    logs = estimators.signed_log1p(np.array([-np.e + 1, -0.0, 0.0, 1e300]))
    assert [-1.0, 0.0, 0.0, pytest.approx(300 * np.log(10))] == logs.tolist()


def test_the_trusted_types_are_those_that_the_models_hold_and_no_others(training_set, with_pace):
    models = [fitted(training_set, name) for name in SETTINGS] + [
        of_histories(with_pace, name) for name in OF_HISTORIES
    ]
    held = {t for model in models for t in skops.io.get_untrusted_types(data=skops.io.dumps(model))}
    assert set(estimators.TRUSTED_TYPES) == held


OF_HISTORIES = ["bg_nbd", "pareto_nbd"]


@pytest.fixture
def with_pace(training_set) -> pd.DataFrame:
    """The training set with features of pace: days with a visit, and days per such day."""
    n = training_set.visit_count.where(training_set.days_since_visit.notna(), 0.0)
    per = (training_set.days_since_visit + 10 * n) / n.clip(lower=1)
    return training_set.assign(days_per_visit=per, active_days_visit=n)


def of_histories(rows: pd.DataFrame, name: str, features: Sequence[str] = (*FEATURES, *PACE[1:])):
    X, y = dataset.matrix(rows, "train", list(features))
    newest = dataset.newest(rows)[list(features)]
    return estimators.fit(X, y, model=name, settings={"horizon_days": 30}, seed=7, newest=newest)


@pytest.mark.parametrize("name", OF_HISTORIES)
def test_a_model_of_histories_learns_from_the_newest_and_from_no_label(with_pace, name):
    X = with_pace[PACE]
    model = of_histories(with_pace, name)
    other = of_histories(with_pace.assign(churned=~with_pace.churned).tail(600), name)
    assert model["classifier"].parameters_.tobytes() == other["classifier"].parameters_.tobytes()
    p = estimators.probability(model, X, 0.5)
    assert np.isfinite(p).all() and p.tobytes() == estimators.probability(model, X[X.columns[::-1]], 0.5).tobytes()
    loaded = skops.io.loads(skops.io.dumps(model), trusted=estimators.TRUSTED_TYPES)
    assert p.tobytes() == estimators.probability(loaded, X, 0.5).tobytes()


@pytest.mark.parametrize("name", OF_HISTORIES)
def test_a_model_of_histories_without_features_of_pace_is_refused_with_the_remedy(with_pace, name):
    with pytest.raises(InvalidData, match=r"set features\.recipe to pace or both, or train\.model to logistic$"):
        of_histories(with_pace, name, FEATURES)


def test_settings_of_the_params_file_reach_the_estimator(training_set):
    X, y = dataset.matrix(training_set, "train", FEATURES)
    tiny = SETTINGS["hist_gradient_boosting"] | {"max_iter": 3, "max_leaf_nodes": 2}
    classifier = estimators.fit(X, y, model="hist_gradient_boosting", settings=tiny, seed=7).named_steps["classifier"]
    assert (classifier.n_iter_, classifier.max_leaf_nodes, classifier.random_state) == (3, 2, 7)
    strong = estimators.fit(X, y, model="logistic", settings={"C": 1e-6}, seed=7).named_steps["classifier"]
    assert np.abs(strong.coef_).max() < 0.01


def test_training_ranges_tell_what_was_seen_of_each_feature():
    X = pd.DataFrame({"count": [3.0, 1.0], "days": [np.nan, 2.5], "plan": ["gold", "basic"], "never": [np.nan, np.nan]})
    assert estimators.training_ranges(X) == {
        "count": {"nulls": False, "low": 1.0, "high": 3.0},
        "days": {"nulls": True, "low": 2.5, "high": 2.5},
        "plan": {"nulls": False, "values": ["basic", "gold"]},
    }


@each_model
def test_a_model_records_what_its_example_must_give_again(training_set, name):
    X = dataset.matrix(training_set, "train", FEATURES)[0]
    pipeline = fitted(training_set, name)
    told = {"service": "churn_1", "features": "9-ab", "segments": ["plan"], "label": {}}
    found = estimators.metadata(pipeline, X, X.head(1), **told, about={FEATURES[0]: {"unit": "events"}, "other": {}})
    assert estimators.probability(pipeline, X)[0] == found["example_probability"]
    assert ("churn_1", "9-ab", ["plan"], FEATURES) == (
        found["feature_service"],
        found["features"],
        found["segments"],
        list(found["training_ranges"]),
    )
    assert {FEATURES[0]: {"unit": "events"}} == found["about"]
    json.dumps(found, allow_nan=False)
