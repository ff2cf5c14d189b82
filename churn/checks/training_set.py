"""Data-quality and leakage checks: of the log, of the features, of the training set, of the model. Each of them runs in
every pipeline, returns results to show and to act on, and has a room of its own where it is more than a line.

docs/explanation/leaks.md tells which bug each of them stops, and which it cannot see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from churn.checks import embargo, event_log, future_leakage, target_leakage, timestamps
from churn.checks.result import Check, examples, stop_on_failure, table

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from churn.sources.contract import Source

__all__ = ["Check", "features", "log", "model", "stop_on_failure", "table", "training_set"]

MINIMUM_ROWS = 50
FROM_THE_PAST = ("days_since_", "tenure_days")
LOOKS_LIKE_A_DATE = r"\d{4}-\d{2}(-\d{2}([ T].*)?)?"


def log(source: Source) -> list[Check]:
    """The input as it was staged: who is who, and whether the times can be their own."""
    return [*event_log.of_customers(source), *timestamps.of_log(source)]


def features(
    con, source: Source, manifest: dict, *, kinds_before: str, windows_days: list[int], without_kinds: list[str]
) -> list[Check]:
    """The feature tables, computed again from logs with another future; settings as of `build.feature_tables`."""
    settings = {"kinds_before": kinds_before, "windows_days": windows_days, "without_kinds": without_kinds}
    return future_leakage.of_features(con, source, manifest, **settings)


def training_set(
    rows: pd.DataFrame, *, manifest: dict, source: Source, label: dict, split: str, trusted: list[str]
) -> list[Check]:
    """Every check of a training set with columns customer_id, snapshot, churned, part and the manifest's features.

    `label`: the section of the params file, with its `horizon_days`; `trusted`: features that may tell by themselves.
    """
    from churn.checks import fitted_model  # scikit-learn, for which the features stage would wait

    names = [feature["name"] for feature in manifest["features"]]
    return [
        *basics(rows, features=names, split=split, trusted=trusted),
        embargo.of_labels(rows, source, label=label),
        fitted_model.of_training_set(rows, manifest, features=names),
        *target_leakage.of_training_rows(rows, features=names, trusted=trusted),
    ]


def model(fitted: Pipeline, rows: pd.DataFrame, *, features: list[str]) -> list[Check]:
    """Whether a fitted model comes from the training rows of the set and from no others."""
    from churn.checks import fitted_model

    return fitted_model.of_model(fitted, rows, features=features)


def basics(rows: pd.DataFrame, *, features: list[str], split: str, trusted: list[str]) -> list[Check]:
    """What can be seen in the rows by themselves."""
    return [
        _size(rows),
        _both_classes(rows),
        _unique(rows),
        _nothing_from_the_future(rows, features),
        _no_later_date(rows, [name for name in features if name not in trusted]),
        *([_no_customer_on_both_sides(rows)] if split == "entity" else []),
        _no_constant(rows, features),
        _missing(rows, features),
    ]


def _size(rows: pd.DataFrame) -> Check:
    counts = rows.part.value_counts().reindex(["train", "test"], fill_value=0)
    return Check(
        "size",
        f"at least {MINIMUM_ROWS} rows on each side",
        bool((counts >= MINIMUM_ROWS).all()),
        f"{counts['train']:,} training rows, {counts['test']:,} test rows",
    )


def _both_classes(rows: pd.DataFrame) -> Check:
    rate = rows.groupby("part").churned.mean().reindex(["train", "test"])
    return Check(
        "both classes",
        "leavers and stayers on each side",
        bool(((rate > 0) & (rate < 1)).all()),
        f"churn rate {rate['train']:.1%} in training, {rate['test']:.1%} in the test",
    )


def _unique(rows: pd.DataFrame) -> Check:
    repeated = rows[rows.duplicated(["customer_id", "snapshot"])]
    return Check(
        "no duplicates",
        "one row a customer and snapshot",
        repeated.empty,
        f"{len(repeated):,} repeated" + examples(repeated),
    )


def _nothing_from_the_future(rows: pd.DataFrame, features: list[str]) -> Check:
    ages = rows[[f for f in features if f.startswith(FROM_THE_PAST) and pd.api.types.is_numeric_dtype(rows[f])]]
    worst = ages.min().dropna()
    wrong = worst[worst < 0]
    observed = (
        f"{len(ages.columns)} ages looked at, none negative"
        if wrong.empty
        else f"{wrong.index[0]} reaches {-wrong.iloc[0]:.4g} days past its snapshot"
        + examples(rows[ages[wrong.index[0]] < 0])
    )
    return Check("nothing from the future", "no feature is stamped after its snapshot", wrong.empty, observed)


def _no_later_date(rows: pd.DataFrame, features: list[str]) -> Check:
    """Of categories: a date in one of them is a moment that lies before the snapshot, or that nobody knew of."""
    name, rule = "no date from the future", "no category is a date after its snapshot"
    dated = [f for f in features if not pd.api.types.is_numeric_dtype(rows[f])]
    for feature in dated:
        words = pd.Series(rows[feature].dropna().unique(), dtype=object).astype(str)
        words = words[words.str.fullmatch(LOOKS_LIKE_A_DATE)]
        if words.empty:
            continue
        times = pd.to_datetime(words, errors="coerce", utc=True, format="ISO8601").set_axis(words)
        late = rows[rows[feature].map(times).astype("datetime64[ns, UTC]") >= rows.snapshot]
        if len(late):
            worst = late.iloc[0]
            told = f"{feature}: customer {worst.customer_id} at {worst.snapshot:%Y-%m-%d} has {worst[feature]}"
            return Check(name, rule, False, f"{told}; {late.customer_id.nunique():,} customers have such a date")
    return Check(name, rule, True, f"{len(dated)} categories looked at")


def _no_customer_on_both_sides(rows: pd.DataFrame) -> Check:
    sides = rows.groupby("customer_id").part.nunique()
    both = rows[rows.customer_id.isin(sides[sides > 1].index)]
    return Check(
        "no customer on both sides",
        "split: entity tests on other customers",
        both.empty,
        f"customer_id: {both.customer_id.nunique():,} shared{_sides(both)}",
    )


def _sides(both: pd.DataFrame) -> str:
    """Up to three customers who are on both sides, with when."""
    named = [
        f"{customer} ({', '.join(f'{row.part} at {row.snapshot:%Y-%m-%d}' for row in rows.itertuples())})"
        for customer, rows in both[both.customer_id.isin(both.customer_id.unique()[:3])].groupby("customer_id")
    ]
    return f", for example {', '.join(named)}" if named else ""


def _no_constant(rows: pd.DataFrame, features: list[str]) -> Check:
    train = rows[rows.part == "train"]
    constant = [f for f in features if train[f].nunique(dropna=False) < 2]
    return Check(
        "no constant feature",
        "a feature that never varies teaches nothing",
        not constant,
        ", ".join(constant) or "none",
        level="warning",
    )


def _missing(rows: pd.DataFrame, features: list[str], limit: float = 0.95) -> Check:
    share = rows[features].isna().mean()
    empty = share[share > limit]
    return Check(
        "missing values",
        f"at most {limit:.0%} of a feature may be null",
        empty.empty,
        ", ".join(f"{f} {s:.1%}" for f, s in empty.items()) or f"most: {share.idxmax()} {share.max():.1%}",
        level="warning",
    )
