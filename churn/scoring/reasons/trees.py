"""The effects of boosted trees: path-dependent Shapley values (Lundberg et al. 2020), exact.

A leaf answers for a customer when every feature of its path does. Of the features that are not known, a split is taken
by the shares of the training rows that went either way. So a leaf's game is a product over its features, and its
Shapley value is the integral of the other factors along the line from all shares to all answers (Owen 1972): a
polynomial, which Gauss's points integrate exactly. All leaves of all trees are done at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier


@dataclass(frozen=True)
class Step:
    """All splits of a path on one input: low < x <= high, whether a null goes along, and the share of rows that did."""

    low: float = -np.inf
    high: float = np.inf
    null: bool = True
    share: float = 1.0

    def left(self, node: np.void, share: float) -> Step:
        """After a split, where it is small."""
        along = self.null and bool(node["missing_go_to_left"])
        return Step(self.low, min(self.high, node["num_threshold"]), along, self.share * share)

    def right(self, node: np.void, share: float) -> Step:
        """After a split, where it is large."""
        along = self.null and not node["missing_go_to_left"]
        return Step(max(self.low, node["num_threshold"]), self.high, along, self.share * share)


class Trees:
    """`average`: the mean log-odds of the training rows, as the trees know it from how many went where."""

    def __init__(self, classifier: HistGradientBoostingClassifier) -> None:
        leaves = [leaf for [tree] in classifier._predictors for leaf in _leaves(tree.nodes)]
        longest = max((len(steps) for steps, _ in leaves), default=0)
        nothing = (0, Step())  # an input that is asked nothing changes nothing
        rows = [[*steps.items(), *[nothing] * (longest - len(steps))] for steps, _ in leaves]
        self._input = np.array([[at for at, _ in row] for row in rows], dtype=np.intp)
        self._low, self._high, self._share = (
            np.array([[getattr(step, name) for _, step in row] for row in rows]) for name in ("low", "high", "share")
        )
        self._null = np.array([[step.null for _, step in row] for row in rows], dtype=bool)
        self._value = np.array([value for _, value in leaves])[:, None]
        points, weights = np.polynomial.legendre.leggauss(max(1, -(-longest // 2)))
        self._points = list(zip((points + 1) / 2, weights / 2, strict=True))
        by_share = (self._value[:, 0] * self._share.prod(axis=1)).sum()
        self.average = float(np.asarray(classifier._baseline_prediction).ravel()[0] + by_share)

    def of(self, X: np.ndarray) -> np.ndarray:
        """What each input adds to the average log-odds, shape (k, n), of inputs of that shape."""
        return np.array([self._of_one(x) for x in X.T]).reshape(-1, len(X)).T

    def _of_one(self, x: np.ndarray) -> np.ndarray:
        seen, share = x[self._input], self._share
        answers = np.where(np.isnan(seen), self._null, (seen > self._low) & (seen <= self._high))
        others = np.zeros_like(share)
        for at, weight in self._points:
            factors = (1 - at) * share + at * answers  # above zero, for every share is
            others += weight * factors.prod(axis=1, keepdims=True) / factors
        effects = self._value * (answers - share) * others
        return np.bincount(self._input.ravel(), weights=effects.ravel(), minlength=len(x))


def _leaves(nodes: np.ndarray) -> Iterator[tuple[dict[int, Step], float]]:
    """Each leaf's path, by input, and its value."""
    todo: list[tuple[int, dict[int, Step]]] = [(0, {})]
    while todo:
        at, path = todo.pop()
        node = nodes[at]
        if node["is_leaf"]:
            yield path, float(node["value"])
            continue
        split = int(node["feature_idx"])
        before = path.get(split, Step())
        for side in ("left", "right"):
            child = int(node[side])
            share = nodes[child]["count"] / node["count"]
            todo.append((child, path | {split: getattr(before, side)(node, share)}))
