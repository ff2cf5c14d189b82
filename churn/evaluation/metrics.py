"""How good predictions are: scores, calibration, segments.

Everywhere `y` is the outcome, shape (n,), 1 = the customer left, 0 = stayed; `p` the predicted probability of leaving,
shape (n,), in [0, 1]; `predictions` such arrays by model name, on the same rows as `y`.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from churn.errors import InvalidData

EPSILON = float(np.finfo("float64").eps)


def scores(y: np.ndarray, p: np.ndarray, *, top_fraction: float) -> dict[str, float]:
    """The nine scores of one model; the `_top` ones flag the `top_fraction` of customers with the highest `p`.

    Raises InvalidData for outcomes of one class or other than 0 and 1, and for probabilities outside [0, 1].
    """
    y, p = checked(y, p)
    table = calibration(y, p)
    gaps = (table["predicted"] - table["observed"]).abs()
    ranking = {
        "auc": roc_auc_score(y, p),
        "average_precision": average_precision_score(y, p),
        "log_loss": log_losses(y, p).mean(),
        "brier": np.mean((p - y) ** 2),
        "calibration_error": np.average(gaps, weights=table["customers"]),
    }
    return {name: float(value) for name, value in (ranking | _top_scores(y, p, top_fraction)).items()}


def top(p: np.ndarray, fraction: float) -> np.ndarray:
    """Which customers are flagged, shape (n,), bool: exactly ceil(fraction * n), the earlier row first among equals."""
    flagged = np.zeros(len(p), dtype=bool)
    flagged[np.argsort(-np.asarray(p), kind="stable")[: size_of_top(len(p), fraction)]] = True
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


def checked(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays. Raises InvalidData for what is neither an outcome nor a probability, or does not match."""
    y, p = outcomes(y), np.asarray(p, dtype="float64")
    if p.shape != y.shape:
        raise InvalidData(
            f"each outcome needs one prediction: {p.shape} predictions for {y.shape} outcomes; "
            "score the rows that the labels belong to"
        )
    if not np.all((p >= 0) & (p <= 1)):
        worst = p[~((p >= 0) & (p <= 1))][0]
        raise InvalidData(f"a churn probability lies in [0, 1]: found {worst}; pass predict_proba's second column")
    return y, p


def outcomes(y: np.ndarray) -> np.ndarray:
    """As whole numbers. Raises InvalidData for other values than 0 and 1, and for outcomes of one class."""
    y = np.asarray(y)
    classes = np.unique(y)
    if not np.isin(classes, [0, 1]).all():
        raise InvalidData(
            f"an outcome is 0 (stayed) or 1 (left): found {classes[~np.isin(classes, [0, 1])][0]}; "
            "correct the label column"
        )
    if len(classes) < 2:
        only = ", all of them " + ("leavers" if classes[0] == 1 else "stayers") if len(classes) else ""
        raise InvalidData(
            f"scores need both leavers and stayers: found {len(y)} customers{only}; "
            "choose a snapshot or a label rule with both"
        )
    return y.astype(np.int64)


def log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Log loss of each row, shape (n,), with `p` kept off 0 and 1 by one rounding unit, as scikit-learn does."""
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return -np.log(np.where(y == 1, clipped, 1 - clipped))


def size_of_top(n: int, fraction: float) -> int:
    """How many of n customers are flagged."""
    # 0.07 * 100 is 7.000000000000001 in floating point and means 7 customers, not 8
    return math.ceil(round(fraction * n, 9))


def _top_scores(y: np.ndarray, p: np.ndarray, fraction: float) -> dict[str, float]:
    flagged = top(p, fraction)
    hits = y[flagged].sum()
    return {
        "f1_top": 2 * hits / (flagged.sum() + y.sum()),
        "precision_top": hits / flagged.sum(),
        "recall_top": hits / y.sum(),
        "lift_top": hits / flagged.sum() / y.mean(),
    }


def _auc_or_nan(y: np.ndarray, p: np.ndarray, minimum: int) -> float:
    return float(roc_auc_score(y, p)) if len(y) >= minimum and 0 < y.sum() < len(y) else math.nan


def _positions(column: pd.Series) -> list[tuple[str, np.ndarray]]:
    """The row positions of each value of a segment, sorted by value."""
    values = column.astype("string").fillna("(missing)").astype(object).reset_index(drop=True)
    return sorted((value, np.asarray(at)) for value, at in values.groupby(values).indices.items())
