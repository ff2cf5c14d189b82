"""The models that a candidate has to beat: the churn rate for everyone, the best single feature, and for the silence of
customers BG/NBD and Pareto/NBD."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from churn.errors import InvalidData
from churn.evaluation import metrics
from churn.training.buy_till_you_die import histories
from churn.training.buy_till_you_die.bg_nbd import BgNbd
from churn.training.buy_till_you_die.pareto_nbd import ParetoNbd


@dataclass(frozen=True)
class Baselines:
    """What the training rows alone foretell: their churn `rate`, and a `model` of the `best` single feature, whose
    missing values take the training `median`; no model where no feature is a number."""

    rate: float
    best: str | None = None
    median: float = 0.0
    model: Pipeline | None = None

    def probabilities(self, X: pd.DataFrame, *, silent_days: int | None = None) -> dict[str, np.ndarray]:
        """Churn probabilities by name, each shape (len(X),). Where leaving is silence for `silent_days` and the
        features of pace are there, `of_silence` adds its own."""
        predictions = {"training rate": np.full(len(X), self.rate)}  # which ranks nobody
        if self.best is None:
            return predictions
        known = X[[self.best]].astype("float64").fillna(self.median).to_numpy()
        predictions[f"best single feature: {self.best}"] = self.model.predict_proba(known)[:, 1]
        return predictions | (of_silence(X, silent_days=silent_days) if silent_days else {})


def fit(train: pd.DataFrame, y_train: np.ndarray) -> Baselines:
    """The baselines of these rows: the feature that ranks best, and a logistic regression on it."""
    y_train = metrics.outcomes(y_train)
    ranking = single_feature_auc(train, y_train)
    if ranking.empty:
        return Baselines(y_train.mean())
    best = ranking.idxmax()
    known, median = _filled(train[[best]], train[[best]]), train[best].astype("float64").median()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(known.to_numpy(), y_train)
    return Baselines(y_train.mean(), best, 0.0 if np.isnan(median) else float(median), model)


def of_silence(test: pd.DataFrame, *, silent_days: int) -> dict[str, np.ndarray]:
    """Probabilities of no event in so many days, by BG/NBD and Pareto/NBD, each fitted to the very histories of the
    test rows, for it needs no labels; none without the features of pace. A model without a fit is left out, with a
    warning."""
    predictions = {}
    if pace := histories.columns(test):
        X = test[pace].to_numpy(float)
        for model in (BgNbd(silent_days), ParetoNbd(silent_days)):
            try:
                predictions[model.name] = model.fit(X).predict_proba(X)[:, 1]
            except InvalidData as error:
                warnings.warn(f"baseline left out: {error}", stacklevel=2)
    return predictions


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
