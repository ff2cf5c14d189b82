"""Whether a fitted model comes from the training rows of its set and from no others.

What happens inside the model is done again on the training rows alone, as much of it as tells: the transformation of
all categories and of one number, and the trace that the rows it learnt from leave in the classifier. A full second fit
would double the time of a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from churn.checks.result import Check
from churn.training import dataset
from churn.training.buy_till_you_die.bg_nbd import BgNbd
from churn.training.buy_till_you_die.model import BuyTillYouDie
from churn.training.buy_till_you_die.pareto_nbd import ParetoNbd

PREPARED, ALONE = "prepared by training rows", "the model's columns are transformed as the training rows alone say"
LEARNT, FROM_ROWS = "learnt from training rows", "the classifier is the one that the training rows alone give"
NUMBERS, COMPARED = 1, 1_000  # numbers that are transformed again, rows on which the results are compared
RANGE, WITHIN = "within the training range", "trees say the same of all that lies beyond the training rows"
LEADING = 0.1  # of the gain of all splits: from there on a feature leads
BEYOND = 0.2  # of the test rows: from there on it is a warning
CLOSE = 1e-9  # relative; other rows change a mean or a rank by a thousand times more


def checks(fitted: Pipeline, rows: pd.DataFrame, *, features: list[str]) -> list[Check]:
    """Both steps of a fitted model, against the training rows of the set."""
    train = rows[rows.part == "train"].reset_index(drop=True)
    learnt = dataset.newest(rows) if isinstance(fitted["classifier"], BuyTillYouDie) else train
    return [
        _prepared(fitted["columns"], train, features),
        _fitted_on_training_rows(fitted, learnt, features),
        _within_range(fitted, train, rows[rows.part == "test"]),
    ]


def _prepared(columns: ColumnTransformer, train: pd.DataFrame, features: list[str]) -> Check:
    shown = train.head(COMPARED)
    ours = _fitted_again(columns, train, shown)
    theirs = pd.DataFrame(columns.transform(shown[features]), columns=_told_apart(columns.get_feature_names_out()))
    more = [name for name in theirs if name.startswith("category__") and name not in ours]  # which only others have
    ours, theirs = (table.reindex(columns=[*ours, *more]) for table in (ours, theirs))
    differs = ~np.isclose(ours, theirs, rtol=CLOSE, atol=CLOSE, equal_nan=True)
    if not differs.any():
        same = f"{len(ours.columns)} columns made again: the same on {len(shown):,} rows"
        return Check(PREPARED, ALONE, True, same)
    row, column = np.argwhere(differs)[0]
    names = ", ".join(name.partition("__")[2] for name in ours.columns[differs.any(axis=0)][:3])
    customer = train.iloc[row]
    return Check(
        PREPARED, ALONE, False,
        f"{names}: customer {customer.customer_id} at {customer.snapshot:%Y-%m-%d} becomes "
        f"{theirs.iat[row, column]:.6g} in the model, {ours.iat[row, column]:.6g} by the training rows alone",
    )  # fmt: skip


def _fitted_again(columns: ColumnTransformer, train: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """All categories and the number that varies most, by transformers fitted on the training rows.

    A column is transformed by itself, so that one number tells of all.
    """
    variety = shown.nunique()
    columns_again = {}
    for group, step, names in columns.transformers:
        numbers = [name for name in names if f"missingindicator_{name}" not in names]
        few = names if group == "category" else sorted(numbers, key=lambda name: -variety[name])[:NUMBERS]
        if few and step != "passthrough":
            again = clone(step).fit(train[few])
            values = again.transform(shown[few])
            called = _told_apart(f"{group}__{name}" for name in again.get_feature_names_out())
            columns_again |= dict(zip(called, values.T, strict=True))
    return pd.DataFrame(columns_again, index=shown.index)


def _told_apart(columns: Iterable[str]) -> list[str]:
    """`plan` with `gold_x` and `plan_gold` with `x` are both `plan_gold_x` to scikit-learn: the second is numbered."""
    nth: Counter[str] = Counter()
    told = []
    for name in columns:
        nth[name] += 1
        told.append(name if nth[name] == 1 else f"{name} ({nth[name]})")
    return told


def _fitted_on_training_rows(fitted: Pipeline, train: pd.DataFrame, features: list[str]) -> Check:
    classifier, left = fitted["classifier"], train.churned.to_numpy(dtype="int64")
    seen = fitted["columns"].transform(train[features])
    passed, observed = TRACES_OF_TRAINING_ROWS[type(classifier)](classifier, seen, left)
    if passed is False:
        observed += f"; the training rows are {len(train):,} customers, {train.customer_id.iloc[0]} and others, "
        observed += f"at {', '.join(f'{t:%Y-%m-%d}' for t in train.snapshot.unique())}"
    return Check(LEARNT, FROM_ROWS, passed, observed)


def _at_its_optimum(classifier: LogisticRegression, X: np.ndarray, y: np.ndarray) -> tuple[bool | None, str]:
    """The penalised loss of the training rows is flat at the coefficients, to the tolerance that ended the fit."""
    if classifier.n_iter_[0] >= classifier.max_iter:
        return None, "the fit was cut off before it converged"
    residual = classifier.predict_proba(X)[:, 1] - y
    slope = (X.T @ residual + classifier.coef_[0] / classifier.C) / len(y)
    steepest = max(np.abs(slope).max(), abs(residual.mean()))
    observed = f"slope {steepest:.1e} of the loss at the coefficients, where the fit ends below {classifier.tol:.0e}"
    return bool(steepest <= 2 * classifier.tol), observed


def _has_their_first_tree(
    classifier: HistGradientBoostingClassifier, X: np.ndarray, y: np.ndarray
) -> tuple[bool | None, str]:
    """The first tree, grown again from the training rows."""
    again = clone(classifier).set_params(max_iter=1).fit(X, y)
    ours, theirs = again.predict_proba(X[:COMPARED])[:, 1], next(classifier.staged_predict_proba(X[:COMPARED]))[:, 1]
    worst = int(np.abs(ours - theirs).argmax())
    observed = f"the first tree gives {theirs[worst]:.6g}, grown again {ours[worst]:.6g}"
    return bool((ours == theirs).all()), observed


def _has_their_parameters(classifier: BuyTillYouDie, X: np.ndarray, y: np.ndarray) -> tuple[bool | None, str]:
    """The parameters, sought again; of histories as of the newest snapshot, and without labels."""
    ours, theirs = (model.parameters_ for model in (clone(classifier).fit(X), classifier))
    observed = f"parameters {np.round(theirs, 4).tolist()}, sought again {np.round(ours, 4).tolist()}"
    return bool(np.allclose(ours, theirs, rtol=CLOSE, atol=0)), observed


TRACES_OF_TRAINING_ROWS = {
    LogisticRegression: _at_its_optimum,
    HistGradientBoostingClassifier: _has_their_first_tree,
    BgNbd: _has_their_parameters,
    ParetoNbd: _has_their_parameters,
}


def _within_range(fitted: Pipeline, train: pd.DataFrame, test: pd.DataFrame) -> Check:
    """Of trees, which say the same of all that lies beyond the training rows: whether the test rows lie within."""
    if not isinstance(fitted["classifier"], HistGradientBoostingClassifier):
        return Check(RANGE, WITHIN, None, "the model goes on beyond what it has seen", "warning")
    share = beyond_range(fitted, train, test)
    far = share[share > BEYOND]
    told = [f"{name} of {part:.0%} of the test rows" for name, part in far.items()]
    observed = ", ".join(told) or f"{', '.join(share.index)}: of at most {share.max():.0%} of the test rows"
    return Check(RANGE, WITHIN, far.empty, observed, "warning")


def beyond_range(fitted: Pipeline, train: pd.DataFrame, test: pd.DataFrame) -> pd.Series:
    """Share of test rows outside of the training range of each leading feature, largest first: those that bring
    LEADING of the gain of all splits of the trees."""
    names = [name.partition("__")[2] for name in fitted["columns"].get_feature_names_out()]
    gain = np.zeros(len(names))
    for [tree] in fitted["classifier"]._predictors:
        splits = tree.nodes[tree.nodes["is_leaf"] == 0]
        np.add.at(gain, splits["feature_idx"], splits["gain"])
    leading = [name for name, part in zip(names, gain / gain.sum(), strict=True) if part >= LEADING and name in train]
    low, high = train[leading].min(), train[leading].max()
    return ((test[leading] < low) | (test[leading] > high)).mean().sort_values(ascending=False)
