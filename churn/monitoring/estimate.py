"""How good predictions are before anybody has left: confidence-based performance estimation (CBPE).

Assumes that the probabilities mean what they say: of customers with probability .3, three in ten leave. Where that no
longer holds (concept drift) the estimate is wrong and does not notice; only labels that have matured do.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata

from churn.evaluation import metrics
from churn.evaluation.calibration import Z
from churn.evaluation.resampling import CELLS, Interval, percentiles

STEPS = 4  # of Newton, from where the mean is nearly right


def estimate(
    p: np.ndarray, *, seed: int, replicates: int, margin: float | None = None, slope: dict | None = None
) -> dict:
    """`auc` and `log_loss` of the customers with probabilities `p`, shape (n,): estimate, low and high (95%) each.

    In every replicate these customers leave or stay by their probabilities. These are what the test said of them:
    `slope`, its estimate and error there (1: neither too extreme nor too timid), stretches the log-odds; `margin`, half
    of the 95% interval on the share of leavers, moves their level.
    """
    p = np.clip(np.asarray(p, dtype="float64"), metrics.EPSILON, 1 - metrics.EPSILON)
    rng, batch, known = np.random.default_rng(seed), max(1, CELLS // len(p)), (slope or {}).get("estimate") is not None
    mean, error = (slope["estimate"], slope["error"]) if known else (1.0, 0.0)
    drawn = []
    for done in range(0, replicates, batch):
        size = min(batch, replicates - done)
        off = rng.normal(0, (margin or 0.0) / Z, size)
        drawn.append(_scores(p, rng.random((size, len(p))) < _true(p, rng.normal(mean, error, size), off)))
    (auc, log_loss), (low, high) = _expected(p, _true(p, np.array([mean]), np.zeros(1))[0]), _bounds(drawn)
    found = zip(("auc", "log_loss"), (auc, log_loss), low, high, strict=True)
    return {name: asdict(Interval(*map(float, interval))) for name, *interval in found}


def expected_auc(p: np.ndarray, true: np.ndarray | None = None) -> float:
    """The AUC that is expected of `p` where customers leave with the probabilities `true`, those of `p` if not given:
    of a leaver and a stayer, how often the leaver's is higher. Not a number where all are certain to do the same."""
    order = np.argsort(p, kind="stable")
    p = np.asarray(p, dtype="float64")[order]
    true = p if true is None else np.asarray(true)[order]
    stay = np.concatenate([[0.0], np.cumsum(1 - true)])
    below, upto = (stay[np.searchsorted(p, p, side)] for side in ("left", "right"))
    itself = (true * (1 - true)).sum()
    pairs = true.sum() * (1 - true).sum() - itself
    return float(((true * (below + upto)).sum() - itself) / 2 / pairs) if pairs > 0 else np.nan


def entropy(p: np.ndarray, true: np.ndarray | None = None) -> np.ndarray:
    """The log loss that is expected of each probability, shape (n,); `true` as above."""
    true = p if true is None else true
    return true * metrics.log_losses(1, p) + (1 - true) * metrics.log_losses(0, p)


def _expected(p: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    return expected_auc(p, true), float(entropy(p, true).mean())


def _bounds(drawn: list[np.ndarray]) -> np.ndarray:
    return percentiles(np.concatenate(drawn, axis=1), 0.95)


def _true(p: np.ndarray, slopes: np.ndarray, off: np.ndarray) -> np.ndarray:
    """The probabilities with another slope and a mean that is `off`, shape (replicates, n); a row each."""
    if (slopes == 1).all() and (off == 0).all():
        return p[None]
    x = logit(p)
    x = slopes[:, None] * (x - x.mean()) + x.mean()
    for _ in range(STEPS):
        true = expit(x)
        x = x + ((p.mean() + off - true.mean(axis=1)) / (true * (1 - true)).mean(axis=1))[:, None]
    return expit(x)


def _scores(p: np.ndarray, left: np.ndarray) -> np.ndarray:
    """AUC and log loss of each row of outcomes, shape (2, replicates); of one class no AUC."""
    stay, leave = metrics.log_losses(0, p), metrics.log_losses(1, p)
    # einsum adds in one fixed order; a matrix product may add differently on a machine with more cores
    ranks, extra = np.einsum("rn,kn->kr", left, np.stack([rankdata(p), leave - stay]))
    leavers = left.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = (ranks - leavers * (leavers + 1) / 2) / (leavers * (len(p) - leavers))
    return np.stack([auc, stay.mean() + extra / len(p)])
