"""How good predictions are: scores, calibration, segments, intervals, money, and the trivial models to beat.

Everywhere `y` is the outcome, shape (n,), 1 = the customer left, 0 = stayed; `p` the predicted probability of leaving,
shape (n,), in [0, 1]; `predictions` such arrays by model name, on the same rows as `y`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churn.errors import InvalidData

RESAMPLED = ["auc", "average_precision", "log_loss", "brier", "lift_top"]  # the scores with an interval of `bootstrap`
CONTACT_NOBODY = math.nextafter(1.0, 2.0)  # no probability reaches it, and unlike infinity it is valid JSON
CELLS = 2**21  # counts held at once while resampling, 16 MB
EPSILON = float(np.finfo("float64").eps)


def scores(y: np.ndarray, p: np.ndarray, *, top_fraction: float) -> dict[str, float]:
    """The nine scores of one model; the `_top` ones flag the `top_fraction` of customers with the highest `p`.

    Raises InvalidData for outcomes of one class or other than 0 and 1, and for probabilities outside [0, 1].
    """
    y, p = _checked(y, p)
    table = calibration(y, p)
    gaps = (table["predicted"] - table["observed"]).abs()
    ranking = {
        "auc": roc_auc_score(y, p),
        "average_precision": average_precision_score(y, p),
        "log_loss": _log_losses(y, p).mean(),
        "brier": np.mean((p - y) ** 2),
        "calibration_error": np.average(gaps, weights=table["customers"]),
    }
    return {name: float(value) for name, value in (ranking | _top_scores(y, p, top_fraction)).items()}


def top(p: np.ndarray, fraction: float) -> np.ndarray:
    """Which customers are flagged, shape (n,), bool: exactly ceil(fraction * n), the earlier row first among equals."""
    flagged = np.zeros(len(p), dtype=bool)
    flagged[np.argsort(-np.asarray(p), kind="stable")[: _size_of_top(len(p), fraction)]] = True
    return flagged


def calibration(y: np.ndarray, p: np.ndarray, *, bins: int = 10) -> pd.DataFrame:
    """Mean prediction and observed churn rate in bins of equal count: columns predicted, observed, customers."""
    groups = pd.DataFrame({"p": p, "y": y}).groupby(equal_count_bins(p, bins))
    table = groups.agg(predicted=("p", "mean"), observed=("y", "mean"), customers=("y", "size"))
    return table.reset_index(drop=True)


def equal_count_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each value, shape (n,), 0 to bins - 1 from low to high.

    Equal values share a bin, so that the bins do not depend on row order and a constant falls into a single one.
    """
    ranks = pd.Series(values).rank(method="average").to_numpy()
    return ((ranks - 0.5) / len(ranks) * bins).astype(int)


def bootstrap(
    y: np.ndarray,
    predictions: dict[str, np.ndarray],
    *,
    top_fraction: float,
    replicates: int,
    seed: int,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Percentile intervals by the paired bootstrap (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13).

    Every replicate draws n customers with replacement, the same ones for each model, so that with two models the
    rows of "difference" (the first minus the second) are free of the variation that both share. A replicate that
    drew a single class cannot be ranked and is left out of the intervals of auc, average_precision and lift_top.
    Columns: model, metric (one of RESAMPLED), estimate, low, high.
    """
    models = {name: _Ranked.of(*_checked(y, p), top_fraction) for name, p in predictions.items()}
    as_observed = np.ones((1, len(y)), dtype=np.int64)
    batches = chain([as_observed], _resamples(len(y), replicates, np.random.default_rng(seed)))
    scored = [np.stack([model.scores(counts) for model in models.values()]) for counts in batches]
    values = np.concatenate(scored, axis=-1)  # shape (models, metrics, 1 + replicates)
    names = list(models)
    if len(names) == 2:
        names.append("difference")
        values = np.concatenate([values, values[:1] - values[1:]])
    low, high = _percentiles(values[..., 1:], confidence)
    rows = pd.MultiIndex.from_product([names, RESAMPLED], names=["model", "metric"])
    columns = {"estimate": values[..., 0].ravel(), "low": low.ravel(), "high": high.ravel()}
    return pd.DataFrame(columns, index=rows).reset_index()


def by_segment(
    segments: pd.DataFrame, y: np.ndarray, predictions: dict[str, np.ndarray], *, minimum: int = 50
) -> pd.DataFrame:
    """The AUC of each model within every value of every column of `segments` (n rows, in the order of `y`).

    Columns: segment, value, customers, churn_rate and `<name>_auc`, which is NaN where fewer than `minimum` customers
    or only one class are found; a missing segment has the value "(missing)". Sorted by segment and value.
    """
    y = np.asarray(y)
    rows = [
        {"segment": str(segment), "value": value, "customers": len(at), "churn_rate": float(np.mean(y[at]))}
        | {f"{name}_auc": _auc_or_nan(y[at], np.asarray(p)[at], minimum) for name, p in predictions.items()}
        for segment in sorted(segments.columns)
        for value, at in _positions(segments[segment])
    ]
    columns = ["segment", "value", "customers", "churn_rate", *(f"{name}_auc" for name in predictions)]
    return pd.DataFrame(rows, columns=columns)


def profit(
    y: np.ndarray, p: np.ndarray, *, contact_cost: float, saved_value: float, success_rate: float
) -> pd.DataFrame:
    """What contacting everyone with p >= threshold earns: columns threshold, contacted (share), profit (per customer).

    A contact costs `contact_cost`; it keeps a leaver, worth `saved_value`, with probability `success_rate`, and does
    nothing for one who would have stayed. At most 201 thresholds (quantiles of `p`), then CONTACT_NOBODY.
    """
    quantiles = np.quantile(p, np.linspace(0, 1, 201), method="higher")  # thresholds that occur, so none is in a gap
    thresholds = np.append(np.unique(quantiles), CONTACT_NOBODY)
    y, order = np.asarray(y), np.argsort(p)
    first = np.searchsorted(np.sort(p), thresholds)
    leavers_below = np.append(0, np.cumsum(y[order]))
    leavers = leavers_below[-1] - leavers_below[first]
    contacted = len(p) - first
    earned = success_rate * saved_value * leavers - contact_cost * contacted
    return pd.DataFrame({"threshold": thresholds, "contacted": contacted / len(p), "profit": earned / len(p)})


def best_threshold(curve: pd.DataFrame) -> float:
    """The threshold with the highest profit; among equals the highest, which contacts fewest customers."""
    return float(curve.loc[curve["profit"] == curve["profit"].max(), "threshold"].max())


def profit_at(
    y: np.ndarray, p: np.ndarray, threshold: float, *, contact_cost: float, saved_value: float, success_rate: float
) -> float:
    """Money per customer when everyone with p >= threshold is contacted; see `profit`."""
    return float(np.mean(_earned(y, p, threshold, contact_cost, saved_value, success_rate)))


def profit_interval(
    y: np.ndarray,
    p: np.ndarray,
    threshold: float,
    *,
    contact_cost: float,
    saved_value: float,
    success_rate: float,
    replicates: int,
    seed: int,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Low and high of `profit_at` in the resamples of `bootstrap`; the threshold is a choice and stays as it is."""
    earned = _earned(y, p, threshold, contact_cost, saved_value, success_rate)
    batches = _resamples(len(y), replicates, np.random.default_rng(seed))
    means = np.concatenate([np.einsum("rn,n->r", counts, earned) / len(y) for counts in batches])
    low, high = _percentiles(means, confidence)
    return float(low), float(high)


def baselines(train: pd.DataFrame, y_train: np.ndarray, test: pd.DataFrame) -> dict[str, np.ndarray]:
    """Predictions of trivial models on the test rows, by name, each shape (len(test),).

    "nobody leaves" treats all customers alike. It says the training churn rate rather than 0, since the log loss of a
    flat "no" is infinite; either way it ranks nobody. "best single feature: <name>" is a logistic regression on the
    numeric feature that ranks best in training, its missing values filled with the training median.
    """
    y_train = _outcomes(y_train)
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
    y = _outcomes(y)
    numeric = X.select_dtypes(["number", "bool"])
    leavers = y.sum()
    # Mann-Whitney: the sum of the leavers' ranks is the AUC up to scale, so one ranking a column is all it takes
    ranks = _filled(numeric, numeric).rank().to_numpy()[y == 1].sum(axis=0)
    auc = (ranks - leavers * (leavers + 1) / 2) / (leavers * (len(y) - leavers))
    return pd.Series(np.maximum(auc, 1 - auc), index=numeric.columns, name="auc")


@dataclass(frozen=True)
class _Ranked:
    """One model's predictions, sorted once, so that each resample costs two cumulative sums and no sort."""

    order: np.ndarray  # rows by falling prediction, shape (n,)
    left: np.ndarray  # y in that order, shape (n,)
    last: np.ndarray  # position of the last row of each group of equal predictions, shape (groups,)
    losses: np.ndarray  # log loss and squared error of each row, shape (2, n)
    top: int  # customers flagged for the lift

    @classmethod
    def of(cls, y: np.ndarray, p: np.ndarray, top_fraction: float) -> _Ranked:
        order = np.argsort(-p, kind="stable")
        last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
        losses = np.stack([_log_losses(y, p), (p - y) ** 2])
        return cls(order, y[order], last, losses, _size_of_top(len(y), top_fraction))

    def scores(self, counts: np.ndarray) -> np.ndarray:
        """The RESAMPLED scores, shape (5, r), when row i is seen counts[:, i] times; `counts` has shape (r, n)."""
        ranked = counts[:, self.order]
        customers, leavers_among = np.cumsum(ranked, axis=1), np.cumsum(ranked * self.left, axis=1)
        flagged, hits = customers[:, self.last], leavers_among[:, self.last]
        new_hits, new_misses = _steps(hits), _steps(flagged - hits)
        leavers, total = hits[:, -1], flagged[:, -1]
        with np.errstate(invalid="ignore"):  # 0/0: one class only, or a group that was not drawn
            auc = (new_misses * (2 * hits - new_hits)).sum(axis=1) / (2 * leavers * (total - leavers))
            precision = np.where(flagged > 0, hits / flagged, 0.0)
            average_precision = (new_hits * precision).sum(axis=1) / leavers
            lift = self._hits_in_top(customers, leavers_among) / self.top / (leavers / total)
        # einsum adds in one fixed order; a matrix product may add differently on a machine with more cores
        log_loss, brier = np.einsum("rn,kn->kr", counts, self.losses) / total
        return np.stack([auc, average_precision, log_loss, brier, lift])

    def _hits_in_top(self, customers: np.ndarray, leavers_among: np.ndarray) -> np.ndarray:
        """Leavers among the `top` first of each resample, shape (r,), of cumulative counts in the order of rank."""
        # the row at which the top is full, perhaps before the last of its repetitions
        at = np.array([np.searchsorted(row, self.top) for row in customers])
        each = np.arange(len(at))
        return leavers_among[each, at] - self.left[at] * (customers[each, at] - self.top)


def _steps(cumulative: np.ndarray) -> np.ndarray:
    return np.diff(cumulative, axis=1, prepend=0)


def _resamples(n: int, replicates: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of how often each row was drawn, shape (r, n), each small enough to stay in memory."""
    batch = max(1, CELLS // n)
    for start in range(0, replicates, batch):
        size = min(batch, replicates - start)
        yield np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(size)])


def _percentiles(values: np.ndarray, confidence: float) -> np.ndarray:
    """Low and high along the last axis of resampled values; what is not a number is left out."""
    tail = (1 - confidence) / 2
    return np.nanquantile(values, [tail, 1 - tail], axis=-1)


def _size_of_top(n: int, fraction: float) -> int:
    # 0.07 * 100 is 7.000000000000001 in floating point and means 7 customers, not 8
    return math.ceil(round(fraction * n, 9))


def _earned(
    y: np.ndarray, p: np.ndarray, threshold: float, contact_cost: float, saved_value: float, success_rate: float
) -> np.ndarray:
    """What each customer brings when everyone with p >= threshold is contacted, shape (n,)."""
    return (p >= threshold) * (success_rate * saved_value * y - contact_cost)


def _top_scores(y: np.ndarray, p: np.ndarray, fraction: float) -> dict[str, float]:
    flagged = top(p, fraction)
    hits = y[flagged].sum()
    return {
        "f1_top": 2 * hits / (flagged.sum() + y.sum()),
        "precision_top": hits / flagged.sum(),
        "recall_top": hits / y.sum(),
        "lift_top": hits / flagged.sum() / y.mean(),
    }


def _log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Log loss of each row, shape (n,), with `p` kept off 0 and 1 by one rounding unit, as scikit-learn does."""
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return -np.log(np.where(y == 1, clipped, 1 - clipped))


def _auc_or_nan(y: np.ndarray, p: np.ndarray, minimum: int) -> float:
    return float(roc_auc_score(y, p)) if len(y) >= minimum and 0 < y.sum() < len(y) else math.nan


def _positions(column: pd.Series) -> list[tuple[str, np.ndarray]]:
    """The row positions of each value of a segment, sorted by value."""
    values = column.astype("string").fillna("(missing)").astype(object).reset_index(drop=True)
    return sorted((value, np.asarray(at)) for value, at in values.groupby(values).indices.items())


def _filled(X: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """`X` as floats with missing values replaced by the medians of `reference` (0 where that has no value at all)."""
    return X.astype("float64").fillna(reference.astype("float64").median()).fillna(0.0)


def _checked(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, p = _outcomes(y), np.asarray(p, dtype="float64")
    if p.shape != y.shape:
        raise InvalidData(
            f"each outcome needs one prediction: {p.shape} predictions for {y.shape} outcomes; "
            "score the rows that the labels belong to"
        )
    if not np.all((p >= 0) & (p <= 1)):
        worst = p[~((p >= 0) & (p <= 1))][0]
        raise InvalidData(f"a churn probability lies in [0, 1]: found {worst}; pass predict_proba's second column")
    return y, p


def _outcomes(y: np.ndarray) -> np.ndarray:
    y = np.asarray(y)
    found = np.unique(y)
    if not np.isin(found, [0, 1]).all():
        raise InvalidData(
            f"an outcome is 0 (stayed) or 1 (left): found {found[~np.isin(found, [0, 1])][0]}; correct the label column"
        )
    if len(found) < 2:
        only = ", all of them " + ("leavers" if found[0] == 1 else "stayers") if len(found) else ""
        raise InvalidData(
            f"scores need both leavers and stayers: found {len(y)} customers{only}; "
            "choose a snapshot or a label rule with both"
        )
    return y.astype(np.int64)
