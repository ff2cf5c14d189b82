"""Whether a feature alone tells who leaves better than anything known beforehand could: each column by itself.

Looked at on the training rows of each snapshot, since a column that holds the answer for one date is worth little at
another. Two limits, far above what sound features reach (0.74 and 0.13 in the data sets that the project is tried on):
the AUC, and the share of one side, leavers or stayers, that the column parts from all of the other without an error.
The second sees a column that misses nobody and marks too many: the status of the customers on the day of the export.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn.checks.result import Check
from churn.errors import InvalidData

LIMIT_AUC, LIMIT_PARTED = 0.95, 0.6
FEWEST = 30  # leavers and stayers at a snapshot; of fewer, chance can part many
FOLDS = 5  # a category's churn rate is taken from other customers than those it is said of
RULE = (
    f"no column alone ranks leavers above AUC {LIMIT_AUC} or parts {LIMIT_PARTED:.0%} of a side without an error, "
    "but those in train.trusted_features"
)


def checks(rows: pd.DataFrame, *, features: list[str], trusted: list[str]) -> list[Check]:
    """What each feature says by itself, and what its nulls say. Raises InvalidData for a trusted name that is none."""
    refuse_unknown(trusted, features)
    scores = [
        table.assign(snapshot=snapshot)
        for snapshot, train in rows[rows.part == "train"].groupby("snapshot")
        if min(train.churned.sum(), (~train.churned.astype(bool)).sum()) >= FEWEST
        for table in _scores(train, [name for name in features if name not in trusted])
    ]
    names = {"values": "no feature tells by itself", "nulls": "no null tells by itself"}
    if not scores:
        too_few = f"no train snapshot has {FEWEST} leavers and {FEWEST} stayers"
        return [Check(name, RULE, None, too_few) for name in names.values()]
    scores = pd.concat(scores, ignore_index=True)
    return [_judged(scores[scores.of == of], rows, name, of) for of, name in names.items()]


def refuse_unknown(trusted: list[str], features: list[str]) -> None:
    """Raises InvalidData for a trusted name that is no feature's."""
    if unknown := sorted(set(trusted) - set(features)):
        raise InvalidData(f"train.trusted_features: no feature is called {unknown[0]!r}; take it out, or correct it")


def _scores(train: pd.DataFrame, features: list[str]) -> list[pd.DataFrame]:
    """AUC and share parted of every feature's values and of its nulls: columns feature, of, auc, parted."""
    left = train.churned.to_numpy(dtype=bool)
    numbers = train[features].select_dtypes("number")
    categories = {f: _churn_rate_elsewhere(train[f], left) for f in features if f not in numbers}
    values = pd.concat([numbers.fillna(-np.inf), pd.DataFrame(categories, index=train.index)], axis=1)
    nulls = numbers.isna().loc[:, numbers.isna().any()].astype("float64")
    return [
        _separation(table, left).assign(of=of)
        for of, table in (("values", values), ("nulls", nulls))
        if len(table.columns)
    ]


def _churn_rate_elsewhere(values: pd.Series, left: np.ndarray) -> np.ndarray:
    """The churn rate of each row's category among the rows of other folds, drawn to that of all by one row."""
    codes, names = pd.factorize(values)
    fold = np.arange(len(values)) % FOLDS
    shape = (FOLDS, len(names))
    cell = np.ravel_multi_index((fold, codes), shape)
    leavers = np.bincount(cell, weights=left, minlength=FOLDS * len(names)).reshape(shape)
    count = np.bincount(cell, minlength=FOLDS * len(names)).reshape(shape)
    rate = (leavers.sum(axis=0) - leavers + left.mean()) / (count.sum(axis=0) - count + 1)
    return rate[fold, codes]


def _separation(scores: pd.DataFrame, left: np.ndarray) -> pd.DataFrame:
    """AUC, whichever way a column points, and the larger share of a side that lies beyond all of the other."""
    ranks = scores.rank().to_numpy()
    leavers, stayers = ranks[left], ranks[~left]
    auc = (leavers.sum(axis=0) / len(leavers) - (len(leavers) + 1) / 2) / len(stayers)
    parted = [
        (stayers < leavers.min(axis=0)).mean(axis=0), (stayers > leavers.max(axis=0)).mean(axis=0),
        (leavers < stayers.min(axis=0)).mean(axis=0), (leavers > stayers.max(axis=0)).mean(axis=0),
    ]  # fmt: skip
    return pd.DataFrame({"feature": list(scores), "auc": np.maximum(auc, 1 - auc), "parted": np.max(parted, axis=0)})


def _judged(scores: pd.DataFrame, rows: pd.DataFrame, name: str, of: str) -> Check:
    scores = scores.sort_values("auc", ascending=False, kind="stable")
    wrong = scores[(scores.auc >= LIMIT_AUC) | (scores.parted >= LIMIT_PARTED)]
    if len(wrong):
        others = [feature for feature in wrong.feature.unique() if feature != wrong.feature.iloc[0]]
        also = f"; so do {', '.join(others[:5])}{', ...' if others[5:] else ''}" if others else ""
        return Check(name, RULE, False, _example(wrong.iloc[0], rows, of) + also)
    best = f"most: {scores.feature.iloc[0]}, AUC {scores.auc.iloc[0]:.3f}" if len(scores) else "there are none"
    return Check(name, RULE, True, best)


def _example(worst: pd.Series, rows: pd.DataFrame, of: str) -> str:
    at = rows[(rows.part == "train") & (rows.snapshot == worst.snapshot)]
    left = at.churned.astype(bool)
    leaver, stayer = at[left].iloc[0], at[~left].iloc[0]
    which = worst.feature if of == "values" else f"whether {worst.feature} is null"
    return (
        f"{which} at {worst.snapshot:%Y-%m-%d}: AUC {worst.auc:.3f}, parts {worst.parted:.0%} of a side without an "
        f"error; for example {leaver.customer_id}, who left, has {_value(leaver[worst.feature])}, and "
        f"{stayer.customer_id}, who stayed, {_value(stayer[worst.feature])}"
    )


def _value(value: object) -> str:
    return "null" if pd.isna(value) else repr(value) if isinstance(value, str) else f"{value:.10g}"
