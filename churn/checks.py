"""Data-quality and leakage checks of a training set. Each returns a result to show and to act on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from churn.errors import InvalidData

MINIMUM_ROWS = 50
FROM_THE_PAST = ("days_since_", "tenure_days")


@dataclass(frozen=True)
class Check:
    """`level` error stops the run; a warning is shown. `observed` names columns, customers and numbers."""

    name: str
    rule: str
    passed: bool
    observed: str
    level: str = "error"


def training_set(rows: pd.DataFrame, *, features: list[str], split: str) -> list[Check]:
    """Every check of a training set with columns customer_id, snapshot, churned, part and the features."""
    return [
        _size(rows),
        _both_classes(rows),
        _unique(rows),
        _nothing_from_the_future(rows, features),
        *([_no_customer_on_both_sides(rows)] if split == "entity" else []),
        _no_constant(rows, features),
        _missing(rows, features),
    ]


def table(checks: list[Check]) -> pd.DataFrame:
    """The results as a table for the report."""
    outcome = {
        (True, "error"): "pass",
        (True, "warning"): "pass",
        (False, "error"): "FAIL",
        (False, "warning"): "warning",
    }
    return pd.DataFrame(
        [
            {"check": c.name, "outcome": outcome[c.passed, c.level], "observed": c.observed, "rule": c.rule}
            for c in checks
        ]
    )


def stop_on_failure(checks: list[Check]) -> None:
    """Raise InvalidData with every check that failed."""
    failed = [f"{c.name}: {c.observed} (rule: {c.rule})" for c in checks if not c.passed and c.level == "error"]
    if failed:
        raise InvalidData("the training set fails its checks: " + "; ".join(failed))


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
        f"{len(repeated):,} repeated" + _examples(repeated),
    )


def _nothing_from_the_future(rows: pd.DataFrame, features: list[str]) -> Check:
    ages = rows[[f for f in features if f.startswith(FROM_THE_PAST) and pd.api.types.is_numeric_dtype(rows[f])]]
    worst = ages.min().dropna()
    wrong = worst[worst < 0]
    observed = (
        f"{len(ages.columns)} ages looked at, none negative"
        if wrong.empty
        else f"{wrong.index[0]} reaches {-wrong.iloc[0]:.4g} days past its snapshot"
        + _examples(rows[ages[wrong.index[0]] < 0])
    )
    return Check("nothing from the future", "no feature is stamped after its snapshot", wrong.empty, observed)


def _no_customer_on_both_sides(rows: pd.DataFrame) -> Check:
    sides = rows.groupby("customer_id").part.nunique()
    both = rows[rows.customer_id.isin(sides[sides > 1].index)]
    return Check(
        "no customer on both sides",
        "split: entity tests on other customers",
        both.empty,
        f"{both.customer_id.nunique():,} shared" + _examples(both),
    )


def _no_constant(rows: pd.DataFrame, features: list[str]) -> Check:
    constant = [f for f in features if rows.loc[rows.part == "train", f].nunique(dropna=False) < 2]
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


def _examples(rows: pd.DataFrame) -> str:
    return "" if rows.empty else ", for example " + ", ".join(rows.customer_id.astype(str).unique()[:3])
