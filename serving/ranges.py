"""What a model saw of each feature in training, held against many customers at once."""

from __future__ import annotations

import numpy as np

from churn.features.reader import Rows


class Ranges:
    """`features`: as the reader orders them; `seen`: the version's training ranges, of numbers and of texts."""

    def __init__(self, features: list[str], seen: dict[str, dict]) -> None:
        self._features, of = features, [seen.get(name, {}) for name in features]
        self._low = np.array([one.get("low", -np.inf) for one in of], dtype=float)[:, None]
        self._high = np.array([one.get("high", np.inf) for one in of], dtype=float)[:, None]
        self._texts = {name: frozenset(one["values"]) for name, one in seen.items() if "values" in one}
        always = [name for name, one in seen.items() if not one.get("nulls", True)]
        self._numbers = [place for place, name in enumerate(features) if name in always and name not in self._texts]
        self._whole = [name for name in always if name in self._texts]

    def outside(self, rows: Rows) -> dict[int, list[str]]:
        """Of each customer, by place, the features that lie outside what the model saw; who is within has no entry."""
        beyond = (rows.numbers < self._low) | (rows.numbers > self._high)  # a nan is neither
        for name, values in self._texts.items():
            if odd := [i for i, text in enumerate(rows.texts[name]) if text is not None and text not in values]:
                beyond[self._features.index(name), odd] = True
        places = np.flatnonzero(beyond.any(axis=0)).tolist()
        return {i: [self._features[at] for at in np.flatnonzero(beyond[:, i]).tolist()] for i in places}

    def lacks(self, rows: Rows) -> np.ndarray:
        """Whether a customer is without a value that everybody had in training, shape (n,)."""
        lacks = np.isnan(rows.numbers[self._numbers]).any(axis=0)
        for name in self._whole:
            lacks |= [text is None for text in rows.texts[name]]
        return lacks

    def lacking(self, rows: Rows, place: int) -> list[str]:
        """Which these are, of one customer."""
        numbers = [self._features[at] for at in self._numbers if np.isnan(rows.numbers[at, place])]
        return numbers + [name for name in self._whole if rows.texts[name][place] is None]
