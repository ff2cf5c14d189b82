"""BG/NBD: who buys leaves after any purchase with a probability of their own (Fader, Hardie & Lee 2005)."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, gammaln

from churn.training.buy_till_you_die.model import BuyTillYouDie


class BgNbd(BuyTillYouDie):
    """Paces are gamma(r, alpha) among customers, probabilities of leaving after a purchase beta(a, b).

    Fader, P. S., Hardie, B. G. S. & Lee, K. L. (2005): "Counting your customers" the easy way. Marketing Science 24(2).
    """

    name = "BG/NBD"
    times = np.array([False, True, False, False])

    @staticmethod
    def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Equation 6, in the form that does not overflow: still there, or gone after the last purchase."""
        r, alpha, a, b = parameters
        there = betaln(a, b + x) - (r + x) * np.log(alpha + T)
        gone = betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
        either = np.where(x > 0, np.logaddexp(there, gone), there)
        return gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b) + either
