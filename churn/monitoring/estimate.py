"""How good predictions are before anybody has left: confidence-based performance estimation (CBPE).

Assumes that the probabilities mean what they say: of customers with probability .3, three in ten leave. Where that no
longer holds (concept drift) the estimate is wrong and does not notice; only labels that have matured do.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from scipy.special import expit, logit

from churn.evaluation import metrics
from churn.evaluation.resampling import CELLS, Interval, percentiles


def estimate(p: np.ndarray, *, seed: int, replicates: int, margin: float | None = None) -> dict:
    """`auc` and `log_loss` of the customers with probabilities `p`, shape (n,): estimate, low and high (95%) each.

    Every replicate draws customers with replacement and labels from their probabilities. `margin`: half of the 95%
    interval on the share of leavers; then the level at which labels are drawn moves by as much.
    """
    p = np.sort(np.clip(np.asarray(p, dtype="float64"), metrics.EPSILON, 1 - metrics.EPSILON))
    rng, batch = np.random.default_rng(seed), max(1, CELLS // len(p))
    drawn = [_drawn(p, min(batch, replicates - done), margin, rng) for done in range(0, replicates, batch)]
    low, high = percentiles(np.concatenate(drawn, axis=1), 0.95)
    means = (expected_auc(p), float(entropy(p).mean()))
    found = zip(("auc", "log_loss"), means, low, high, strict=True)
    return {name: asdict(Interval(mean, float(lower), float(upper))) for name, mean, lower, upper in found}


def expected_auc(p: np.ndarray) -> float:
    """The AUC that is expected of probabilities that mean what they say: of a leaver and a stayer drawn by them, how
    often the leaver's is higher. Not a number where none can be told from another."""
    p = np.sort(np.asarray(p, dtype="float64"))
    stay = np.concatenate([[0.0], np.cumsum(1 - p)])
    below, upto = (stay[np.searchsorted(p, p, side)] for side in ("left", "right"))
    itself = p * (1 - p)
    pairs = p.sum() * (1 - p).sum() - itself.sum()
    return float((p @ (below + upto) - itself.sum()) / 2 / pairs) if pairs > 0 else np.nan


def entropy(p: np.ndarray) -> np.ndarray:
    """The log loss that is expected of each probability, shape (n,)."""
    return p * metrics.log_losses(1, p) + (1 - p) * metrics.log_losses(0, p)


def _drawn(p: np.ndarray, replicates: int, margin: float | None, rng: np.random.Generator) -> np.ndarray:
    """AUC and log loss of so many draws, shape (2, replicates); `p` ascends."""
    at = np.sort(rng.integers(len(p), size=(replicates, len(p))), axis=1)
    true = p[at] if margin is None else expit(logit(p[at]) + _shifts(p, replicates, margin, rng)[:, None])
    left = rng.random(at.shape) < true
    ranks = np.arange(1, len(p) + 1)
    leavers = left.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw of one class cannot be ranked
        auc = (left @ ranks - leavers * (leavers + 1) / 2) / (leavers * (len(p) - leavers))
    auc[(leavers == 0) | (leavers == len(p))] = np.nan
    return np.stack([auc, metrics.log_losses(left, p[at]).mean(axis=1)])


def _shifts(p: np.ndarray, replicates: int, margin: float, rng: np.random.Generator) -> np.ndarray:
    """Log-odds by which the level moves in each draw, shape (replicates,): the mean by a normal, 95% within margin."""
    return rng.normal(0, margin / 1.96, replicates) / (p * (1 - p)).mean()
