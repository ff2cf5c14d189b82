"""EMPC: what contacting could earn at most where the success rate is not known for certain.

Verbraken, T., Verbeke, W. & Baesens, B. (2013): A novel profit maximizing metric for measuring classification
performance of customer churn prediction models. IEEE Transactions on Knowledge and Data Engineering 25(5).

The success rate is Beta(alpha, beta) with the economics' own as its mean and alpha + beta = 20, as in the paper's
Beta(6, 14); there is no incentive, whose cost is part of the contact's. Outcomes and probabilities as in metrics.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc
from sklearn.isotonic import isotonic_regression

from churn.evaluation.profit import CONTACT_NOBODY

WEIGHT = 20.0  # alpha + beta: as sure of the success rate as after 20 contacts


@dataclass(frozen=True)
class Empc:
    """`empc` is money per customer, `share` that of the customers to contact on average over the success rates, and
    from `threshold` on so many are contacted."""

    empc: float
    share: float
    threshold: float
    alpha: float
    beta: float


def empc(y: np.ndarray, p: np.ndarray, economics: Mapping) -> Empc | None:
    """EMPC of probabilities p with outcomes y, shape (n,) each; None where each customer has an own value, for which it
    is not defined.

    At a success rate the best cut through the ranking contacts whoever gains by the share of leavers among those ranked
    alike: the slopes of the ROC curve's hull, which are the isotonic regression of y on p.
    """
    value, rate, cost = (economics[name] for name in ("saved_value", "success_rate", "contact_cost"))
    if isinstance(value, Mapping):
        return None
    _, at, customers = np.unique(p, return_inverse=True, return_counts=True)
    left = isotonic_regression(np.bincount(at, weights=y) / customers, sample_weight=customers)
    with np.errstate(divide="ignore", invalid="ignore"):
        pays = np.where(value * left > 0, cost / (value * left), np.inf)  # the success rate from which a contact pays
    alpha, beta = WEIGHT * rate, WEIGHT * (1 - rate)
    certain, saved = _above(pays, alpha, beta, rate), rate * _above(pays, alpha + 1, beta, rate)
    share = float(np.average(certain, weights=customers))
    earned = float(np.average(value * left * saved - cost * certain, weights=customers))
    return Empc(earned, share, _from(p, share), alpha, beta)


def _above(rates: np.ndarray, alpha: float, beta: float, mean: float) -> np.ndarray:
    """How likely the success rate is to be at least that of each; a mean of 0 or 1 is certain."""
    if mean in (0, 1):
        return (rates <= mean).astype(float)
    return 1 - betainc(alpha, beta, np.minimum(rates, 1.0))


def _from(p: np.ndarray, share: float) -> float:
    """The probability from which a share of the customers, rounded to whole ones, is contacted."""
    most = round(share * len(p))
    return float(np.partition(p, -most)[-most]) if most else CONTACT_NOBODY
