"""Outcomes and predictions to judge."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st


def sample(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and well-calibrated probabilities without ties."""
    rng = np.random.default_rng(seed)
    p = rng.permutation(np.linspace(0.02, 0.98, n))
    return (rng.random(n) < p).astype(int), p


@st.composite
def outcomes_and_tied_predictions(draw) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 40))
    y = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    p = np.array(draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]), min_size=n, max_size=n)))
    assume(0 < y.sum() < n)
    return y, p
