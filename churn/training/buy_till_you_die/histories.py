"""What these models know of a customer: how many times again, until when, and for how long there was time to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Histories(NamedTuple):
    """Of each customer, shape (n,): days with an event after the first such day, and days from the first one to the
    last one and to the snapshot. All are zero for somebody who has had no event yet."""

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray


def columns(features: Iterable[str]) -> list[str]:
    """The features of pace that `from_pace` takes, in its order; none where they are not among the features."""
    features = list(features)
    for kind in (name.removeprefix("days_per_") for name in features if name.startswith("days_per_")):
        named = [f"days_since_{kind}", f"days_per_{kind}", f"active_days_{kind}"]
        if set(named) <= set(features):
            return named
    return []


def from_pace(X: np.ndarray) -> Histories:
    """The histories behind days since the last event, days per event and days with an event, shape (n, 3).

    A null means that there was no event; a number below zero is none that a log can give, and counts as zero.
    """
    days_since, days_per, n = np.maximum(np.where(np.isnan(X).any(axis=1), 0.0, X.T), 0)
    x, T = np.maximum(n - 1, 0), days_per * n
    return Histories(x, np.where(x > 0, np.clip(T - days_since, 0, T), 0.0), T)
