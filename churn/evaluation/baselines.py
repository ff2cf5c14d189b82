"""The trivial models that a candidate has to beat: the churn rate for everyone, and the best single feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churn.evaluation import metrics


def probabilities(train: pd.DataFrame, y_train: np.ndarray, test: pd.DataFrame) -> dict[str, np.ndarray]:
    """Churn probabilities by trivial models on the test rows, by name, each shape (len(test),).

    "nobody leaves" treats all customers alike. It says the training churn rate rather than 0, since the log loss of a
    flat "no" is infinite; either way it ranks nobody. "best single feature: <name>" is a logistic regression on the
    numeric feature that ranks best in training, its missing values filled with the training median.
    """
    y_train = metrics.outcomes(y_train)
    predictions = {"nobody leaves": np.full(len(test), y_train.mean())}
    ranking = single_feature_auc(train, y_train)
    if ranking.empty:
        return predictions
    best = ranking.idxmax()
    known, unknown = _filled(train[[best]], train[[best]]), _filled(test[[best]], train[[best]])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(known.to_numpy(), y_train)
    return predictions | {f"best single feature: {best}": model.predict_proba(unknown.to_numpy())[:, 1]}


def single_feature_auc(X: pd.DataFrame, y: np.ndarray) -> pd.Series:
    """How well each numeric column alone ranks leavers, by name, in [0.5, 1] whichever way the column points.

    Missing values take the column's median, which puts them in the middle of the ranking.
    """
    y = metrics.outcomes(y)
    numeric = X.select_dtypes(["number", "bool"])
    leavers = y.sum()
    # Mann-Whitney: the sum of the leavers' ranks is the AUC up to scale, so one ranking a column is all it takes
    ranks = _filled(numeric, numeric).rank().to_numpy()[y == 1].sum(axis=0)
    auc = (ranks - leavers * (leavers + 1) / 2) / (leavers * (len(y) - leavers))
    return pd.Series(np.maximum(auc, 1 - auc), index=numeric.columns, name="auc")


def _filled(X: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """`X` as floats with missing values replaced by the medians of `reference` (0 where that has no value at all)."""
    return X.astype("float64").fillna(reference.astype("float64").median()).fillna(0.0)
