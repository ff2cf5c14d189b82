"""What a model looks at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score

NOBODY = DummyClassifier()  # scikit-learn asks for an estimator, and hands it on to what scores


def by_permutation(
    scores: Callable[[pd.DataFrame], np.ndarray],
    X: pd.DataFrame,
    y: np.ndarray,
    *,
    seed: int,
    rows: int = 5000,
    repeats: int = 5,
) -> pd.DataFrame:
    """AUC lost when a feature is shuffled (Breiman 2001), on a sample of rows: feature, importance, std.

    `scores` gives one of each row, shape (n,); it is asked once a feature and repeat.
    """
    sample = np.random.default_rng(seed).permutation(len(X))[:rows]
    lost = permutation_importance(
        NOBODY, X.iloc[sample], y[sample], n_repeats=repeats, random_state=seed,
        scoring=lambda _, shuffled, left: roc_auc_score(left, scores(shuffled)),
    )  # fmt: skip
    table = pd.DataFrame({"feature": list(X), "importance": lost.importances_mean, "std": lost.importances_std})
    return table.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)
