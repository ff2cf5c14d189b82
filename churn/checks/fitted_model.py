"""Where the numbers come from: a training set from the feature store and nothing else, a model from the training rows.

A category written as a churn rate, or a column scaled over all rows, is not what the store holds. What happens inside
the model is done again on the training rows alone, as much of it as tells: the transformation of all categories and of
one number, and the classifier's own mark of the rows it learnt from. A full second fit would double the time of a run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from churn.checks.result import Check
from churn.features import manifest as manifests

STORED, AS_STORED = "as the feature store has it", "every value of the training set is the one in the feature tables"
PREPARED, ALONE = "prepared by training rows", "the model's columns are transformed as the training rows alone say"
LEARNT, FROM_ROWS = "learnt from training rows", "the classifier is the one that the training rows alone give"
NUMBERS, COMPARED = 1, 1_000  # numbers that are transformed again, rows on which the results are compared
CLOSE = 1e-9  # relative; other rows change a mean or a rank by a thousand times more


def of_training_set(rows: pd.DataFrame, manifest: dict, *, features: list[str]) -> Check:
    """Every value of every row compared with the feature tables; any column made elsewhere is named."""
    if strangers := [name for name in features if name not in {f["name"] for f in manifest["features"]}]:
        return Check(STORED, AS_STORED, False, f"{', '.join(strangers)}: not in feature service {manifest['service']}")
    found = [_unlike(at, manifest, features) for _, at in rows.groupby("snapshot")]
    unlike = pd.concat(found, ignore_index=True)
    if unlike.empty:
        return Check(STORED, AS_STORED, True, f"{len(rows):,} rows, {len(features)} features: all equal")
    worst, names = unlike.iloc[0], list(unlike.feature.unique())
    return Check(
        STORED, AS_STORED, False,
        f"{', '.join(names[:5])}{', ...' if names[5:] else ''}: {len(unlike):,} values are not the store's; customer "
        f"{worst.customer_id} at {worst.snapshot:%Y-%m-%d} has {worst.feature} {worst.found}, the store {worst.held}",
    )  # fmt: skip


def _unlike(rows: pd.DataFrame, manifest: dict, features: list[str]) -> pd.DataFrame:
    """The values of one snapshot's rows that the store does not hold: customer_id, snapshot, feature, found, held."""
    snapshot = rows.snapshot.iloc[0]
    paths = [manifests.table_path(manifest, f"{snapshot:%Y-%m-%d}", view) for view in manifests.views(manifest)]
    views = [pd.read_parquet(path).set_index("customer_id").drop(columns="snapshot") for path in paths]
    stored = pd.concat(views, axis=1).reindex(rows.customer_id)
    found = []
    for name in features:
        held, given = stored[name], rows[name].to_numpy()
        held = (held.astype("float64") if pd.api.types.is_numeric_dtype(held) else held.fillna("unknown")).to_numpy()
        differs = (held != given) & ~(pd.isna(held) & pd.isna(given))
        if differs.any():
            values = {"feature": name, "found": list(given[differs]), "held": list(held[differs])}
            found.append(rows.loc[differs, ["customer_id", "snapshot"]].assign(**values))
    return pd.concat(found) if found else pd.DataFrame(columns=["customer_id", "snapshot", "feature", "found", "held"])


def of_model(fitted: Pipeline, rows: pd.DataFrame, *, features: list[str]) -> list[Check]:
    """Both steps of a fitted model, against the training rows of the set."""
    train = rows[rows.part == "train"].reset_index(drop=True)
    return [_prepared(fitted["columns"], train, features), _learnt(fitted, train, features)]


def _prepared(columns: ColumnTransformer, train: pd.DataFrame, features: list[str]) -> Check:
    shown = train.head(COMPARED)
    ours = _fitted_again(columns, train, shown)
    theirs = pd.DataFrame(columns.transform(shown[features]), columns=columns.get_feature_names_out())
    more = [name for name in theirs if name.startswith("category__") and name not in ours]  # which only others have
    ours, theirs = (table.reindex(columns=[*ours, *more]) for table in (ours, theirs))
    differs = ~np.isclose(ours, theirs, rtol=CLOSE, atol=CLOSE, equal_nan=True)
    if not differs.any():
        told = f"{len(ours.columns)} columns made again: the same on {len(shown):,} rows"
        return Check(PREPARED, ALONE, True, told)
    row, column = np.argwhere(differs)[0]
    names = ", ".join(name.split("__")[1] for name in ours.columns[differs.any(axis=0)][:3])
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
    made = {}
    for group, step, names in columns.transformers:
        few = names if group == "category" else sorted(names, key=lambda name: -variety[name])[:NUMBERS]
        if few and step != "passthrough":
            again = clone(step).fit(train[few])
            values = again.transform(shown[few])
            made |= {f"{group}__{name}": values[:, i] for i, name in enumerate(again.get_feature_names_out())}
    return pd.DataFrame(made, index=shown.index)


def _learnt(fitted: Pipeline, train: pd.DataFrame, features: list[str]) -> Check:
    classifier, left = fitted["classifier"], train.churned.to_numpy(dtype="int64")
    seen = fitted["columns"].transform(train[features])
    passed, told = MARKS[type(classifier)](classifier, seen, left)
    if passed is False:
        told += f"; the training rows are {len(train):,} customers, {train.customer_id.iloc[0]} and others, "
        told += f"at {', '.join(f'{t:%Y-%m-%d}' for t in train.snapshot.unique())}"
    return Check(LEARNT, FROM_ROWS, passed, told)


def _at_its_optimum(classifier: LogisticRegression, X: np.ndarray, y: np.ndarray) -> tuple[bool | None, str]:
    """The penalised loss of the training rows is flat at the coefficients, to the tolerance that ended the fit."""
    if classifier.n_iter_[0] >= classifier.max_iter:
        return None, "the fit was cut off before it converged"
    residual = classifier.predict_proba(X)[:, 1] - y
    slope = (X.T @ residual + classifier.coef_[0] / classifier.C) / len(y)
    steepest = max(np.abs(slope).max(), abs(residual.mean()))
    said = f"slope {steepest:.1e} of the loss at the coefficients, where the fit ends below {classifier.tol:.0e}"
    return bool(steepest <= 2 * classifier.tol), said


def _has_their_first_tree(
    classifier: HistGradientBoostingClassifier, X: np.ndarray, y: np.ndarray
) -> tuple[bool | None, str]:
    """The first tree, grown again from the training rows."""
    again = clone(classifier).set_params(max_iter=1).fit(X, y)
    ours, theirs = again.predict_proba(X[:COMPARED])[:, 1], next(classifier.staged_predict_proba(X[:COMPARED]))[:, 1]
    worst = int(np.abs(ours - theirs).argmax())
    said = f"the first tree gives {theirs[worst]:.6g}, grown again {ours[worst]:.6g}"
    return bool((ours == theirs).all()), said


MARKS = {LogisticRegression: _at_its_optimum, HistGradientBoostingClassifier: _has_their_first_tree}
