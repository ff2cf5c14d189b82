"""Pareto/NBD: who buys leaves at any moment, at a rate of their own (Schmittlein, Morrison & Colombo 1987)."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, hyp2f1

from churn.training.buy_till_you_die.model import BuyTillYouDie


class ParetoNbd(BuyTillYouDie):
    """Paces are gamma(r, alpha) among customers, rates of leaving gamma(s, beta).

    Schmittlein, D. C., Morrison, D. G. & Colombo, R. (1987): Counting your customers. Management Science 33(1). The
    likelihood is that of Fader, P. S. & Hardie, B. G. S. (2005): A note on deriving the Pareto/NBD model.
    """

    name = "Pareto/NBD"
    times = np.array([False, True, False, True])

    @staticmethod
    def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Still there at T, or gone at some moment between t_x and T."""
        r, alpha, s, beta = parameters
        there = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
        gone_after, still_to_go = (_gone_after(parameters, x, t) for t in (t_x, T))
        with np.errstate(divide="ignore"):  # log(0): no time to go between t_x and T
            gone = gone_after + np.log(-np.expm1(np.minimum(still_to_go - gone_after, 0)))
        return gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.logaddexp(there, gone)


def _gone_after(parameters: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Log of s times the integral from t on of (alpha + u)^-(r + x) (beta + u)^-(s + 1).

    It is a hypergeometric function; by Euler's transformation one whose series has positive terms below one, so that
    hundreds of purchases do not overflow it.
    """
    r, alpha, s, beta = parameters
    a, k = np.log(alpha + t), r + s + x
    b = np.log(beta + t)
    if alpha >= beta:
        series = hyp2f1(1, r + x, k + 1, (alpha - beta) / (alpha + t))
        return np.log(s / k * series) - (r + x) * a - s * b
    series = hyp2f1(1, s + 1, k + 1, (beta - alpha) / (beta + t))
    return np.log(s / k * series) - (r + x - 1) * a - (s + 1) * b
