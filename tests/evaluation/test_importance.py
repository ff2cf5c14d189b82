"""What a model looks at."""

from __future__ import annotations

import pandas as pd
import pytest

from churn.evaluation import importance
from churn.params.schema import HistGradientBoosting, Logistic
from churn.training import dataset, estimators

FEATURES = ["days_since_visit", "visit_count", "plan"]


@pytest.mark.parametrize(
    ("model", "settings"), [("logistic", Logistic), ("hist_gradient_boosting", HistGradientBoosting)]
)
def test_the_feature_that_matters_most_comes_first(training_set, model, settings):
    X, y = dataset.matrix(training_set, "train", FEATURES)
    pipeline = estimators.fit(X, y, model=model, settings=settings().model_dump(), seed=7)
    X, y = dataset.matrix(training_set, "test", FEATURES)
    first, second = (
        importance.by_permutation(lambda rows: estimators.probability(pipeline, rows), X, y, seed=7) for _ in range(2)
    )
    assert ["days_since_visit", "plan", "visit_count"] == list(first.feature)
    assert first.importance.is_monotonic_decreasing and (first["std"] >= 0).all()
    pd.testing.assert_frame_equal(first, second)
