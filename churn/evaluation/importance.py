"""What a model looks at."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline


def by_permutation(
    model: Pipeline, X: pd.DataFrame, y: np.ndarray, *, seed: int, rows: int = 5000, repeats: int = 5
) -> pd.DataFrame:
    """AUC lost when a feature is shuffled (Breiman 2001), on a sample of rows: feature, importance, std."""
    sample = np.random.default_rng(seed).permutation(len(X))[:rows]
    lost = permutation_importance(
        model, X.iloc[sample], y[sample], scoring="roc_auc", n_repeats=repeats, random_state=seed
    )
    table = pd.DataFrame({"feature": list(X), "importance": lost.importances_mean, "std": lost.importances_std})
    return table.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)
