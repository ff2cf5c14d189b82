"""Estimators by name: a scikit-learn pipeline from the features' columns to a churn probability."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from churn.errors import InvalidData
from churn.training.buy_till_you_die import histories
from churn.training.buy_till_you_die.bg_nbd import BgNbd
from churn.training.buy_till_you_die.model import BuyTillYouDie
from churn.training.buy_till_you_die.pareto_nbd import ParetoNbd

# Several cores add up a product of matrices in another order than one, and the last bits differ.
one_core = threadpool_limits.wrap(limits=1, user_api="blas")

# Types that a saved model may hold beside those that skops trusts by itself. Loading compares the model's with these,
# and finds our own by these names: under another one, a version registered before would not load.
TRUSTED_TYPES = [
    "churn.training.buy_till_you_die.bg_nbd.BgNbd",
    "churn.training.buy_till_you_die.pareto_nbd.ParetoNbd",
    "churn.training.estimators.signed_log1p",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]


def logistic(numeric: list[str], categorical: list[str], *, seed: int, C: float) -> Pipeline:
    """Logistic regression on standardised logarithms, nulls filled with the median and marked.

    A power fitted to the training rows (Yeo & Johnson 2000) is of their season, and bends what lies beyond them.
    """
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        FunctionTransformer(signed_log1p, feature_names_out="one-to-one"),
        StandardScaler(),
    )
    columns = ColumnTransformer(
        [
            ("number", numbers, numeric),
            ("category", _categories(), categorical),
        ]
    )
    return Pipeline([("columns", columns), ("classifier", LogisticRegression(C=C, max_iter=2000, random_state=seed))])


def signed_log1p(X: np.ndarray) -> np.ndarray:
    """log(1 + x) of each number, mirrored below zero: orders of magnitude either way."""
    logs = np.log1p(np.abs(X))
    return np.copysign(logs, X, out=logs)


def hist_gradient_boosting(numeric: list[str], categorical: list[str], *, seed: int, **settings: float) -> Pipeline:
    """Gradient boosted trees on binned features (Ke et al. 2017); nulls go their own way at each split."""
    columns = ColumnTransformer([("number", "passthrough", numeric), ("category", _categories(), categorical)])
    classifier = HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **settings)
    return Pipeline([("columns", columns), ("classifier", classifier)])


def bg_nbd(numeric: list[str], categorical: list[str], *, seed: int, horizon_days: int) -> Pipeline:
    """Who buys leaves after a purchase (Fader, Hardie & Lee 2005); of the features only those of pace are looked at."""
    return _from_histories(BgNbd(horizon_days), numeric)


def pareto_nbd(numeric: list[str], categorical: list[str], *, seed: int, horizon_days: int) -> Pipeline:
    """Who buys leaves at any moment (Schmittlein, Morrison & Colombo 1987); the same features."""
    return _from_histories(ParetoNbd(horizon_days), numeric)


def _from_histories(classifier: BuyTillYouDie, numeric: list[str]) -> Pipeline:
    pace = histories.columns(numeric)
    if not pace:
        raise InvalidData(
            "train.model: bg_nbd and pareto_nbd learn from days_since, days_per and active_days of one kind of event, "
            "which are not all among the features; set features.recipe to pace or both, or train.model to logistic"
        )
    return Pipeline([("columns", ColumnTransformer([("number", "passthrough", pace)])), ("classifier", classifier)])


def _categories() -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False)


ESTIMATORS = {
    "logistic": logistic,
    "hist_gradient_boosting": hist_gradient_boosting,
    "bg_nbd": bg_nbd,
    "pareto_nbd": pareto_nbd,
}


@one_core
def fit(
    X: pd.DataFrame, y: np.ndarray, *, model: str, settings: dict, seed: int, newest: pd.DataFrame | None = None
) -> Pipeline:
    """A fitted pipeline; columns of text are categories, the others numbers. One without any value is not looked at.

    A model that learns from histories without labels takes the `newest`, where they are given.
    """
    categorical = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    numeric = [name for name in X if name not in categorical and X[name].notna().any()]
    pipeline = ESTIMATORS[model](numeric, categorical, seed=seed, **settings)
    if not isinstance(pipeline["classifier"], BuyTillYouDie):
        return pipeline.fit(X, y)
    try:
        return pipeline.fit(X if newest is None else newest)
    except InvalidData as error:
        raise InvalidData(f"train.model: {error}; take logistic or hist_gradient_boosting") from None


@one_core
def log_odds(model: Pipeline, X: pd.DataFrame) -> np.ndarray:
    """Log-odds to leave per customer, shape (n,), at the level of the training rows."""
    return model.decision_function(X)


def probability(model: Pipeline, X: pd.DataFrame, level: float | np.ndarray = 0.0) -> np.ndarray:
    """Churn probability per customer, shape (n,), in [0, 1]; `level` in log-odds, for all or one each, is added."""
    return expit(log_odds(model, X) + level)


def training_ranges(X: pd.DataFrame) -> dict[str, dict]:
    """What the model saw of each feature: whether it had nulls, and lowest and highest number or the categories."""
    return {
        name: {"nulls": bool(column.isna().any())}
        | (
            {"low": float(column.min()), "high": float(column.max())}
            if pd.api.types.is_numeric_dtype(column)
            else {"values": sorted(column.dropna().unique())}
        )
        for name, column in X.items()
        if column.notna().any()
    }


def average(X: pd.DataFrame) -> dict[str, float | dict[str, float]]:
    """The average customer: of each feature that has a value the mean, or of each category the shares."""
    return {
        name: float(column.mean())
        if pd.api.types.is_numeric_dtype(column)
        else (column.value_counts() / len(column)).to_dict()
        for name, column in X.items()
        if column.notna().any()
    }


def metadata(
    model: Pipeline,
    X: pd.DataFrame,
    example: pd.DataFrame,
    *,
    service: str,
    features: str,
    segments: list[str],
    label: dict,
    about: dict[str, dict],
) -> dict:
    """What a model's own files say of it, for whoever loads it: the label that it foretells, its feature service, the
    fingerprint of the features, the segments, the training ranges, the average customer and what each feature is
    about, from which reasons are told, and the probability that its example must give."""
    return {
        "label": label,
        "feature_service": service,
        "features": features,
        "segments": segments,
        "training_ranges": training_ranges(X),
        "average": average(X),
        "about": {name: about[name] for name in about if name in X},
        "example_probability": float(probability(model, example)[0]),
    }
