"""The effects of a model of few inputs: Shapley values (1953) by all subsets of them, which is exact."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import factorial

import numpy as np


class Subsets:
    """`average`: the log-odds of the average customer, whose inputs are `means`, shape (k,)."""

    def __init__(self, log_odds: Callable[[np.ndarray], np.ndarray], means: np.ndarray) -> None:
        self._log_odds, self._means = log_odds, means
        self.average = float(log_odds(means[:, None])[0])

    def of(self, X: np.ndarray) -> np.ndarray:
        """What each input adds to the average log-odds, shape (k, n), of inputs of that shape."""
        k = len(X)
        worth = {chosen: self._log_odds(self._with(X, chosen)) for n in range(k + 1) for chosen in _of(range(k), n)}
        effects = np.zeros_like(X)
        for player in range(k):
            others = [at for at in range(k) if at != player]
            for n in range(k):
                weight = factorial(n) * factorial(k - 1 - n) / factorial(k)
                for chosen in _of(others, n):
                    joined = tuple(sorted((*chosen, player)))
                    effects[player] += weight * (worth[joined] - worth[chosen])
        return effects

    def _with(self, X: np.ndarray, chosen: tuple[int, ...]) -> np.ndarray:
        mixed = np.repeat(self._means[:, None], X.shape[1], axis=1)
        mixed[list(chosen)] = X[list(chosen)]
        return mixed


def _of(players: range | list[int], n: int) -> list[tuple[int, ...]]:
    return list(combinations(players, n))
