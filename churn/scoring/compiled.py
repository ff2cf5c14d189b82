"""The fitted pipeline as plain numpy: the same probabilities at a fiftieth of the time for one customer.

scikit-learn takes 8 to 16 ms to send one row through a ColumnTransformer, nearly all of it checks and DataFrames.
`Compiled` takes the fitted numbers out of it once, and is used only where it proves equal to the pipeline.

A customer's probability is the same to the last bit alone, among others, as a row or in columns: the API and the list
of all customers never differ. So nothing here adds up by BLAS, whose order of sums hangs on how many rows there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer

from churn.registry.versions import Loaded
from churn.training import estimators

Rows = list[dict[str, float | int | str | None]]
Columns = Mapping[str, np.ndarray | pd.Categorical | list]  # numbers as floats, null is nan; texts coded, or a list
TOLERANCE = 1e-12
FEW = 64  # customers


class Scorer(Protocol):
    def __call__(self, rows: Rows, level: float | np.ndarray = 0.0) -> np.ndarray:
        """Probabilities, shape (n,), of customers (a dict of features each); `level` in log-odds is added."""

    def of_columns(self, columns: Columns, level: float | np.ndarray = 0.0) -> np.ndarray:
        """The same of customers whose features come as columns, shape (n,) each."""


def scorer(loaded: Loaded) -> tuple[Scorer, str]:
    """What scores a version, and the way it takes: numpy or scikit-learn."""
    slow = ThroughPipeline(loaded)
    rows = trial_rows(loaded)
    try:
        fast = Compiled(loaded.pipeline)
        if np.abs(fast(rows) - slow(rows)).max() <= TOLERANCE:
            return fast, "numpy"
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # an estimator that `Compiled` does not know
    return slow, "scikit-learn"


def of_table(loaded: Loaded) -> Callable[[pd.DataFrame], np.ndarray]:
    """What scores a table of a version's features, at the level of its training rows: a tenth of the time of
    scikit-learn's own way, for who looks as often as there are features."""
    score, _ = scorer(loaded)
    return lambda rows: score.of_columns({name: _as_column(rows[name]) for name in loaded.columns})


def _as_column(values: pd.Series) -> np.ndarray | pd.Categorical:
    return values.to_numpy() if pd.api.types.is_numeric_dtype(values) else pd.Categorical(values)


@dataclass(frozen=True)
class ThroughPipeline:
    """scikit-learn's own way, for any estimator; its last bits may hang on how many rows come together."""

    loaded: Loaded

    def __call__(self, rows: Rows, level: float | np.ndarray = 0.0) -> np.ndarray:
        return estimators.probability(self.loaded.pipeline, table(self.loaded, rows), level)

    def of_columns(self, columns: Columns, level: float | np.ndarray = 0.0) -> np.ndarray:
        text = {name: column.astype(object) for name, column in columns.items() if isinstance(column, pd.Categorical)}
        rows = pd.DataFrame({**columns, **text}).replace({name: {np.nan: None} for name in text})
        return estimators.probability(self.loaded.pipeline, table(self.loaded, rows), level)


def table(loaded: Loaded, rows: Rows | pd.DataFrame) -> pd.DataFrame:
    """The rows as the model was trained on them: categories are text, all others numbers."""
    text = {name for name, seen in loaded.metadata["training_ranges"].items() if "values" in seen}
    kinds = {name: float for name in loaded.columns if name not in text}
    return pd.DataFrame(rows, columns=loaded.columns).astype(kinds)


class Compiled:
    """The numbers of a fitted pipeline of churn.training.estimators in a function of numpy."""

    def __init__(self, pipeline: Pipeline) -> None:
        steps = _steps(pipeline)
        transform, self._numeric = steps["number"]
        encoder, self._categorical = steps.get("category", (None, []))
        self._number = _imputed_and_scaled(transform) if isinstance(transform, Pipeline) else _as_they_are
        self._codes = {name: _codes(encoder, self._categorical, name) for name in self._categorical}
        self._unknown = np.zeros(len(encoder.get_feature_names_out()) if self._categorical else 0)
        self.log_odds = _log_odds(pipeline.named_steps["classifier"])
        self.input_features = self._numeric + _marked(transform, self._numeric) + self._one_hot()

    def __call__(self, rows: Rows, level: float | np.ndarray = 0.0) -> np.ndarray:
        X = np.array([[row[name] for name in self._numeric] for row in rows], dtype=float)
        codes, unknown = self._codes, self._unknown
        coded = [[codes[name].get(row[name], unknown) for row in rows] for name in codes]
        return expit(self.log_odds(self._inputs(np.ascontiguousarray(X.T), coded)) + level)

    def of_columns(self, columns: Columns, level: float | np.ndarray = 0.0) -> np.ndarray:
        return expit(self.log_odds(self.inputs(columns)) + level)

    def inputs(self, columns: Columns) -> np.ndarray:
        """What the classifier looks at, shape (k, n); `input_features` names the feature that each row comes from."""
        X = np.array([columns[name] for name in self._numeric])
        return self._inputs(X, [self._coded(name, columns[name]) for name in self._categorical])

    def means(self, average: dict[str, float | dict[str, float]]) -> np.ndarray:
        """The mean of each input over customers of whom `average` tells the mean of each number, and of each category
        the shares; shape (k,). Scaled numbers have none but 0."""
        scaled = self._number is not _as_they_are
        numbers = [0.0 if scaled or name in self._codes else average.get(name, 0.0) for name in self.input_features]
        means = np.array(numbers)
        for name, codes in self._codes.items():
            shares = average.get(name, {})
            shares = shares | {None: 1 - sum(shares.values())} if shares else {}
            means[len(means) - len(self._unknown) :] += sum(
                (share * codes.get(value, self._unknown) for value, share in shares.items()), self._unknown
            )
        return means

    def _coded(self, name: str, column: pd.Categorical | list) -> np.ndarray:
        """The code of each customer's category; a null, which is number -1, has the last one."""
        if isinstance(column, list):
            return np.array([self._codes[name].get(value, self._unknown) for value in column])
        values = [*column.categories, None]
        return np.array([self._codes[name].get(value, self._unknown) for value in values])[column.codes]

    def _inputs(self, X: np.ndarray, coded: list) -> np.ndarray:
        """Of numbers, shape (k, n), and of each category's codes, shape (n, c), zeros where others have theirs."""
        X = self._number(X)
        return np.vstack([X, sum(map(np.asarray, coded)).T]) if coded else X

    def _one_hot(self) -> list[str]:
        """The category that each of the encoder's columns tells of."""
        told = {name: np.any([code != 0 for code in codes.values()], axis=0) for name, codes in self._codes.items()}
        return [next((name for name in told if told[name][at]), "") for at in range(len(self._unknown))]


def trial_rows(loaded: Loaded, *, count: int = 64) -> Rows:
    """Made-up customers within and beyond the training ranges, with nulls, zeros and categories never seen."""
    rng = np.random.default_rng(0)
    columns = {
        name: _trial_values(rng, loaded.metadata["training_ranges"].get(name, {}), count) for name in loaded.columns
    }
    return [{name: values[i] for name, values in columns.items()} for i in range(count)]


def _trial_values(rng: np.random.Generator, seen: dict, count: int) -> list:
    if "values" in seen:
        choices = [*seen["values"], "never seen", None]
        return [choices[i] for i in rng.integers(len(choices), size=count)]
    low, high = seen.get("low", 0.0), seen.get("high", 1.0)
    values = rng.uniform(low - (high - low) / 4, high + (high - low) / 4, size=count)
    values[rng.random(count) < 0.1] = 0.0
    return [None if null else value for value, null in zip(values.tolist(), rng.random(count) < 0.2, strict=True)]


def _steps(pipeline: Pipeline) -> dict[str, tuple]:
    return {
        name: (transform, list(columns)) for name, transform, columns in pipeline.named_steps["columns"].transformers_
    }


def _as_they_are(X: np.ndarray) -> np.ndarray:
    return X


def _imputed_and_scaled(transform: Pipeline) -> Callable[[np.ndarray], np.ndarray]:
    """SimpleImputer with its indicators, then what makes numbers symmetric, then their scaling; of a row a feature."""
    imputer, *rest = (step for _, step in transform.steps)
    medians, marked = imputer.statistics_[:, None], imputer.indicator_.features_
    if isinstance(rest[0], PowerTransformer):
        symmetric, scaler = _yeo_johnson(rest[0].lambdas_[:, None]), rest[0]._scaler
    else:
        symmetric, scaler = rest[0].func, rest[1]
    mean, scale = scaler.mean_[:, None], scaler.scale_[:, None]

    def apply(X: np.ndarray) -> np.ndarray:
        missing = np.isnan(X)
        return (symmetric(np.vstack([np.where(missing, medians, X), missing[marked]])) - mean) / scale

    return apply


def _marked(transform: Pipeline | str, numeric: list[str]) -> list[str]:
    """The features of which a mark says that they are null."""
    at = transform.steps[0][1].indicator_.features_ if isinstance(transform, Pipeline) else []
    return [numeric[i] for i in at]


def _yeo_johnson(lambdas: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The powers of versions that were registered before logarithms took their place."""
    upper, lower = np.where(lambdas == 0, 1.0, lambdas), np.where(lambdas == 2, 1.0, 2 - lambdas)
    log_above, log_below = lambdas == 0, lambdas == 2

    def apply(X: np.ndarray) -> np.ndarray:
        logs = np.log1p(np.abs(X))
        above = np.where(log_above, logs, np.expm1(lambdas * logs) / upper)
        if (X < 0).any():
            below = np.where(log_below, logs, np.expm1((2 - lambdas) * logs) / lower)
            above = np.where(X < 0, -below, above)
        return above

    return apply


def _codes(encoder: OneHotEncoder, categorical: list[str], name: str) -> dict[str | None, np.ndarray]:
    """What the encoder makes of each value of one category while the others are unknown, and so zeros."""
    at = categorical.index(name)
    values = [*(v for v in encoder.categories_[at] if isinstance(v, str)), None]
    table = pd.DataFrame({other: ["\0"] * len(values) for other in categorical}, dtype=object)
    table[name] = pd.Series(values, dtype=object)
    return dict(zip(values, encoder.transform(table), strict=True))


def _log_odds(classifier) -> Callable[[np.ndarray], np.ndarray]:
    """Of what a classifier looks at, shape (k, n)."""
    if type(classifier) is LogisticRegression:
        weights, bias = classifier.coef_[0][:, None], classifier.intercept_[0]
        return lambda X: _summed(X * weights) + bias
    return lambda X: classifier.decision_function(np.ascontiguousarray(X.T))


def _summed(terms: np.ndarray) -> np.ndarray:
    """The sum over the rows, first to last, whatever the number of columns: numpy's own takes pairs where it is one."""
    if terms.shape[1] < FEW:
        return np.add.accumulate(terms)[-1]  # the same sums, at once
    total = terms[0].copy()
    for term in terms[1:]:
        total += term
    return total
