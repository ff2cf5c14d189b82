"""The effects of a linear model: each input's weight times how far it lies from its mean, which is exact."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression


class Linear:
    """`average`: the log-odds of a customer whose inputs are all at their means, shape (k,)."""

    def __init__(self, classifier: LogisticRegression, means: np.ndarray) -> None:
        self._weights, self._means = classifier.coef_[0][:, None], means[:, None]
        self.average = float(classifier.intercept_[0] + (self._weights * self._means).sum())

    def of(self, X: np.ndarray) -> np.ndarray:
        """What each input adds to the average log-odds, shape (k, n), of inputs of that shape."""
        return self._weights * (X - self._means)
