"""What the models share: the maximum of a likelihood over histories, and what follows of the days to come."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin

from churn.errors import InvalidData
from churn.training.buy_till_you_die import histories
from churn.training.buy_till_you_die.histories import Histories

ENOUGH = 30_000  # histories; four parameters are no better known from more
FARTHEST = 6.0  # from the start, in logarithms: there a parameter says "hardly ever" or "all alike"
SIMPLEX = {"xatol": 1e-3, "fatol": 1e-9, "maxiter": 1_000, "maxfev": 2_000}
NEAREST = 1e-15  # below one, the least that a double can tell of a probability


class BuyTillYouDie(ClassifierMixin, BaseEstimator):
    """The probability of no event within `horizon_days`, given a customer's history. Subclasses have the likelihood.

    X, shape (n, 3): days since the last event, days per event, days with an event.
    """

    def __init__(self, horizon_days: float = 30) -> None:
        self.horizon_days = horizon_days

    @staticmethod
    def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Of each history, shape (n,), given r, alpha and two more. One of r, alpha, ... above 0, times in one unit."""
        raise NotImplementedError

    name: str
    times: np.ndarray  # which of the four parameters are in the unit of time

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> BuyTillYouDie:
        """The four parameters of largest likelihood, times in days. No label is looked at. Raises InvalidData."""
        seen = np.asarray(X, dtype=float)
        seen = seen[~np.isnan(seen).any(axis=1)]
        if not (seen[:, 2] > 1).any():
            raise InvalidData(
                f"{self.name}: no customer has an event on a second day; nothing tells how often they come"
            )
        self.parameters_ = self._most_likely(histories.from_pace(seen[:: -(-len(seen) // ENOUGH)]))
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Log-odds of no event within the horizon, shape (n,).

        That nothing follows in h days is the same history seen h days later: its likelihood over that of now.
        """
        x, t_x, T = histories.from_pace(np.asarray(X, dtype=float))
        now, later = (self.log_likelihood(self.parameters_, x, t_x, T + h) for h in (0, self.horizon_days))
        silent = np.minimum(later - now, -NEAREST)
        return silent - np.log(-np.expm1(silent))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Of an event and of none, shape (n, 2)."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """1 where no event is the likelier, shape (n,)."""
        return (self.decision_function(X) > 0).astype(int)

    def _most_likely(self, seen: Histories) -> np.ndarray:
        (x, t_x, T), count = np.unique(np.array(seen), axis=1, return_counts=True)
        unit = T.mean()
        t_x, T = t_x / unit, T / unit

        def loss(logs: np.ndarray) -> float:
            total = -(count * self.log_likelihood(np.exp(logs), x, t_x, T)).sum() / count.sum()
            return total if np.isfinite(total) else np.inf

        with np.errstate(all="ignore"):
            bounds = [(-FARTHEST, FARTHEST)] * 4
            found = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=bounds)
            if not found.success:  # where the loss is flat its differences are noise, on which this one does not rest
                found = minimize(loss, found.x, method="Nelder-Mead", bounds=bounds, options=SIMPLEX)
        if not (found.success and np.isfinite(found.fun)):
            raise InvalidData(
                f"{self.name}: no most likely parameters were found from {count.sum():,} histories ({found.message})"
            )
        return np.exp(found.x) * np.where(self.times, unit, 1.0)
