from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PowerTransformer

from churn.registry import versions
from churn.scoring import compiled
from churn.scoring.compiled import TOLERANCE
from churn.training import estimators


@pytest.fixture(autouse=True)
def in_world(world, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(world.folder))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{world.folder / 'mlflow.db'}")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_numpy_gives_what_scikit_learn_gives_for_any_row(version):
    loaded = versions.load(versions.get("world", version))
    rows = compiled.trial_rows(loaded, count=2000)
    expected = compiled.ThroughPipeline(loaded)(rows)
    score, way = compiled.scorer(loaded)
    assert way == "numpy"
    assert np.abs(expected - score(rows)).max() <= TOLERANCE
    for level in (-1.5, np.linspace(-3, 3, len(rows))):
        expected_there = compiled.ThroughPipeline(loaded)(rows, level)
        assert np.abs(expected_there - score(rows, level)).max() <= TOLERANCE
    assert np.abs(expected[:5] - [score([row])[0] for row in rows[:5]]).max() <= TOLERANCE


def loaded_of(kind: str) -> versions.Loaded:
    """A version of the world; or of it a model of histories."""
    loaded = versions.load(versions.get("world", 3 if kind == "trees" else 1))
    if kind not in ("bg_nbd", "pareto_nbd"):
        return loaded
    X = compiled.table(loaded, compiled.trial_rows(loaded, count=300))
    X = X.assign(**{name: X[name].abs() for name in X if X[name].dtype == float})
    pipeline = estimators.fit(X, np.arange(300) % 3 > 0, model=kind, settings={"horizon_days": 30}, seed=1)
    return versions.Loaded(loaded.version, pipeline, loaded.columns, loaded.metadata)


@pytest.mark.parametrize("kind", ["logistic", "trees", "bg_nbd", "pareto_nbd"])
def test_a_probability_is_the_same_to_the_last_bit_among_any_others_as_row_or_in_columns(kind):
    loaded = loaded_of(kind)
    (score, way), rows = compiled.scorer(loaded), compiled.trial_rows(loaded, count=150)
    expected = [score([row], 0.3)[0] for row in rows]
    assert "numpy" == way

    @settings(max_examples=25, deadline=None)
    @given(start=st.integers(0, 149), count=st.integers(1, 150))
    def in_any_company(start, count):
        some = rows[start : start + count]
        assert expected[start : start + count] == score(some, 0.3).tolist()
        assert expected[start : start + count] == score.of_columns(columns_of(loaded, some), 0.3).tolist()

    in_any_company()


def columns_of(loaded: versions.Loaded, rows: compiled.Rows) -> compiled.Columns:
    table = compiled.table(loaded, rows)
    return {n: c.to_numpy() if c.dtype == float else pd.Categorical(c) for n, c in table.items()}


def test_scikit_learn_s_own_way_takes_columns_too():
    loaded = loaded_of("logistic")
    slow, rows = compiled.ThroughPipeline(loaded), compiled.trial_rows(loaded)
    assert slow(rows, 0.3).tolist() == pytest.approx(slow.of_columns(columns_of(loaded, rows), 0.3).tolist())


def test_trial_rows_hold_nulls_unknown_categories_and_values_beyond_the_ranges():
    loaded = versions.load(versions.get("world", 1))
    rows, ranges = compiled.trial_rows(loaded), loaded.metadata["training_ranges"]
    assert any(row["plan"] == "never seen" for row in rows) and any(row["plan"] is None for row in rows)
    assert any(row["momentum_7d_30d"] is None for row in rows)
    assert any((row["momentum_7d_30d"] or 0) > ranges["momentum_7d_30d"]["high"] for row in rows)


def test_a_model_that_numpy_would_score_otherwise_goes_through_scikit_learn(monkeypatch):
    loaded = versions.load(versions.get("world", 1))
    monkeypatch.setattr(compiled, "Compiled", lambda pipeline: lambda rows: np.full(len(rows), 0.5))
    assert compiled.scorer(loaded)[1] == "scikit-learn"


def test_a_version_of_before_with_yeo_johnson_s_powers_is_scored_by_numpy_too():
    loaded = versions.load(versions.get("world", 1))
    rows = compiled.trial_rows(loaded)
    pipeline = clone(loaded.pipeline)
    [(_, _, names), category] = pipeline.named_steps["columns"].transformers
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), PowerTransformer())
    pipeline.named_steps["columns"].transformers = [("number", numbers, names), category]
    pipeline.fit(compiled.table(loaded, rows), np.arange(len(rows)) % 4 == 0)
    before = versions.Loaded(loaded.version, pipeline, loaded.columns, loaded.metadata)
    score, way = compiled.scorer(before)
    assert way == "numpy"
    assert np.abs(compiled.ThroughPipeline(before)(rows) - score(rows)).max() <= TOLERANCE


@pytest.mark.parametrize("model", ["bg_nbd", "pareto_nbd"])
def test_a_model_of_histories_is_scored_by_numpy(model):
    rng = np.random.default_rng(4)
    n, tenure = 1.0 + rng.poisson(2, 200), rng.uniform(100, 300, 200)
    X = pd.DataFrame({"days_per_visit": tenure / n, "days_since_visit": tenure / n**2, "active_days_visit": n})
    pipeline = estimators.fit(X, n > 2, model=model, settings={"horizon_days": 30}, seed=1)
    ranges = {"training_ranges": estimators.training_ranges(X)}
    loaded = versions.Loaded(versions.get("world", 1), pipeline, list(X), ranges)
    rows = compiled.trial_rows(loaded, count=500)
    score, way = compiled.scorer(loaded)
    assert way == "numpy"
    assert np.abs(compiled.ThroughPipeline(loaded)(rows, -0.5) - score(rows, -0.5)).max() <= TOLERANCE


def test_an_estimator_that_is_not_known_goes_through_scikit_learn():
    loaded = versions.load(versions.get("world", 1))
    rows = compiled.trial_rows(loaded)
    X = compiled.table(loaded, rows)
    odd = Pipeline([("columns", loaded.pipeline.named_steps["columns"]), ("other", LinearDiscriminantAnalysis())])
    odd.fit(X, np.arange(len(rows)) % 4 == 0)
    score, way = compiled.scorer(versions.Loaded(loaded.version, odd, loaded.columns, loaded.metadata))
    assert way == "scikit-learn"
    assert odd.predict_proba(X)[:, 1].tolist() == pytest.approx(score(rows).tolist())
