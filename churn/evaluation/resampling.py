"""How sure a score is: the paired bootstrap, for which each model's predictions are ranked once, and DeLong's interval
where many models are compared.

Outcomes, probabilities and predictions as in metrics.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from statistics import NormalDist

import numpy as np
import pandas as pd

from churn.evaluation import metrics

RESAMPLED = ["auc", "average_precision", "log_loss", "brier", "lift_top"]  # the scores with an interval of `bootstrap`
Z = NormalDist().inv_cdf(0.975)  # half of a 95% interval in standard errors
CELLS = 2**21  # counts held at once while resampling, 16 MB


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
    models = {name: _Ranked.of(*metrics.checked(y, p), top_fraction) for name, p in predictions.items()}
    as_observed = np.ones((1, len(y)), dtype=np.int64)
    batches = chain([as_observed], resamples(len(y), replicates, np.random.default_rng(seed)))
    scored = [np.stack([model.scores(counts) for model in models.values()]) for counts in batches]
    values = np.concatenate(scored, axis=-1)  # shape (models, metrics, 1 + replicates)
    names = list(models)
    if len(names) == 2:
        names.append("difference")
        values = np.concatenate([values, values[:1] - values[1:]])
    low, high = percentiles(values[..., 1:], confidence)
    rows = pd.MultiIndex.from_product([names, RESAMPLED], names=["model", "metric"])
    columns = {"estimate": values[..., 0].ravel(), "low": low.ravel(), "high": high.ravel()}
    return pd.DataFrame(columns, index=rows).reset_index()


def mean_intervals(values: np.ndarray, *, replicates: int, seed: int, confidence: float = 0.95) -> list[Interval]:
    """Of each row of `values`, shape (k, n), the mean over n customers with its interval in the same resamples."""
    batches = resamples(values.shape[1], replicates, np.random.default_rng(seed))
    means = np.concatenate([np.einsum("rn,kn->kr", counts, values) for counts in batches], axis=1) / values.shape[1]
    bounds = zip(values.mean(axis=1), *percentiles(means, confidence), strict=True)
    return [Interval(*map(float, found)) for found in bounds]


def log_loss_differences(
    y: np.ndarray, p: np.ndarray, others: dict[str, np.ndarray], *, replicates: int, seed: int
) -> dict[str, Interval]:
    """Log loss of `p` minus that of each other model, below zero where `p` is better, with its interval."""
    if not others:
        return {}
    own = metrics.log_losses(*metrics.checked(y, p))
    rows = np.stack([own - metrics.log_losses(*metrics.checked(y, other)) for other in others.values()])
    return dict(zip(others, mean_intervals(rows, replicates=replicates, seed=seed), strict=True))


def auc_difference(y: np.ndarray, p: np.ndarray, other: np.ndarray, *, of: int = 1) -> Interval:
    """AUC of `p` minus that of another model on the same rows (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44).

    The interval is wide enough that `of` such differences hold together in 95% (Bonferroni).
    """
    y = metrics.outcomes(y)
    (left, stayed), (other_left, other_stayed) = (placements(y, side) for side in (p, other))
    estimate = float(left.mean() - other_left.mean())
    variance = sum(d.var(ddof=1) / len(d) if len(d) > 1 else np.nan for d in (left - other_left, stayed - other_stayed))
    half = NormalDist().inv_cdf(1 - 0.025 / of) * float(np.sqrt(variance))
    return Interval(estimate, estimate - half, estimate + half)


def weighted_auc(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> Interval:
    """The AUC of customers who each stand for so many, `weights` of shape (n,), with DeLong's interval; all NaN where
    all that count left, or stayed."""
    left, stayed = (y == 1) & (weights > 0), (y == 0) & (weights > 0)
    if not left.any() or not stayed.any():
        return Interval(np.nan, np.nan, np.nan)
    sides = [(_lower(p[a], p[b], weights[b]), weights[a]) for a, b in ((left, stayed), (stayed, left))]
    spread = [(w**2 * (share - np.average(share, weights=w)) ** 2).sum() / w.sum() ** 2 for share, w in sides]
    estimate, half = float(np.average(sides[0][0], weights=sides[0][1])), Z * float(np.sqrt(sum(spread)))
    return Interval(estimate, max(0.0, estimate - half), min(1.0, estimate + half))


def _lower(p: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of each probability the share of others, by weight, that is lower; equal ones count half."""
    order = np.argsort(others, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    under, upto = (total[np.searchsorted(others[order], p, side)] for side in ("left", "right"))
    return (under + upto) / 2 / total[-1]


def placements(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each leaver the share of stayers ranked below, of each stayer that of leavers above; ties count half."""
    left, stayed = p[y == 1], p[y == 0]
    below, above = (np.searchsorted(np.sort(stayed), left, side) for side in ("left", "right"))
    under, upto = (np.searchsorted(np.sort(left), stayed, side) for side in ("left", "right"))
    return (below + above) / 2 / len(stayed), 1 - (under + upto) / 2 / len(left)


def resamples(n: int, replicates: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of how often each row was drawn, shape (r, n), each small enough to stay in memory."""
    batch = max(1, CELLS // n)
    for start in range(0, replicates, batch):
        size = min(batch, replicates - start)
        yield np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(size)])


def percentiles(values: np.ndarray, confidence: float) -> np.ndarray:
    """Low and high along the last axis of resampled values; what is not a number is left out."""
    tail = (1 - confidence) / 2
    return np.nanquantile(values, [tail, 1 - tail], axis=-1)


@dataclass(frozen=True)
class Interval:
    """A number with its 95% interval."""

    estimate: float
    low: float
    high: float


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
        losses = np.stack([metrics.log_losses(y, p), (p - y) ** 2])
        return cls(order, y[order], last, losses, metrics.size_of_top(len(y), top_fraction))

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
