"""What contacting customers earns, and the threshold from which it pays.

A contact costs `contact_cost`; it keeps a leaver, worth `saved_value`, with probability `success_rate`, and does
nothing for one who would have stayed. Outcomes and probabilities as in metrics.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.evaluation import resampling

CONTACT_NOBODY = math.nextafter(1.0, 2.0)  # no probability reaches it, and unlike infinity it is valid JSON


@dataclass(frozen=True)
class Policy:
    """Contact everyone with p >= threshold: the share of customers contacted, and the money per customer.

    `low` and `high` bound the profit.
    """

    threshold: float
    contacted: float
    profit: float
    low: float
    high: float


def choose(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    contact_cost: float,
    saved_value: float,
    success_rate: float,
    replicates: int,
    seed: int,
) -> Policy:
    """The threshold that earned most on the training rows; contacts and profit are those of the test rows.

    `train` and `test`: outcomes and probabilities of either side.
    """
    economics = {"contact_cost": contact_cost, "saved_value": saved_value, "success_rate": success_rate}
    threshold = best_threshold(curve(*train, **economics))
    low, high = interval(*test, threshold, **economics, replicates=replicates, seed=seed)
    contacted = float((test[1] >= threshold).mean())
    return Policy(threshold, contacted, per_customer(*test, threshold, **economics), low, high)


def curve(
    y: np.ndarray, p: np.ndarray, *, contact_cost: float, saved_value: float, success_rate: float
) -> pd.DataFrame:
    """What contacting everyone with p >= threshold earns: columns threshold, contacted (share), profit (per customer).

    At most 201 thresholds (quantiles of `p`), then CONTACT_NOBODY.
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


def per_customer(
    y: np.ndarray, p: np.ndarray, threshold: float, *, contact_cost: float, saved_value: float, success_rate: float
) -> float:
    """Money per customer when everyone with p >= threshold is contacted."""
    return float(np.mean(_earned(y, p, threshold, contact_cost, saved_value, success_rate)))


def interval(
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
    """Low and high of `per_customer` in the resamples of `bootstrap`; the threshold is a choice and stays as it is."""
    earned = _earned(y, p, threshold, contact_cost, saved_value, success_rate)
    batches = resampling.resamples(len(y), replicates, np.random.default_rng(seed))
    means = np.concatenate([np.einsum("rn,n->r", counts, earned) / len(y) for counts in batches])
    low, high = resampling.percentiles(means, confidence)
    return float(low), float(high)


def _earned(
    y: np.ndarray, p: np.ndarray, threshold: float, contact_cost: float, saved_value: float, success_rate: float
) -> np.ndarray:
    """What each customer brings when everyone with p >= threshold is contacted, shape (n,)."""
    return (p >= threshold) * (success_rate * saved_value * y - contact_cost)
