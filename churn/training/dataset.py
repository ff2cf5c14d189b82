"""The labelled training set: labels joined with features as of each snapshot, and split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn import fingerprint
from churn.errors import InvalidData
from churn.sources.snapshots import instant


def typed(rows: pd.DataFrame, manifest: dict) -> pd.DataFrame:
    """Features as the model takes them: categories as text (null: "unknown"), all else float64. Order kept."""
    category = {f["name"]: f["type"] == "category" for f in manifest["features"]}
    return pd.DataFrame(
        {name: _typed(values, category[name]) if name in category else values for name, values in rows.items()}
    )


def _typed(values: pd.Series, category: bool) -> pd.Series:
    if category:
        return values.astype("object").where(values.notna(), "unknown").astype(str)
    return values.astype("float64")


def with_columns(rows: pd.DataFrame, joined: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The rows with columns of another join of the same customers and snapshots beside them, typed alike."""
    keys = ["customer_id", "snapshot"]
    typed = {name: _typed(joined[name], not pd.api.types.is_numeric_dtype(joined[name])) for name in columns}
    return rows.merge(pd.DataFrame(typed | {key: joined[key] for key in keys}), on=keys, validate="1:1")


def with_parts(
    rows: pd.DataFrame, *, split: str, train_snapshots: list[str], test_snapshot: str, test_fraction: float
) -> pd.DataFrame:
    """Rows with `part` train or test; rows on neither side of an entity split are left out.

    `temporal`: test is the later snapshot. `entity`: test is a share of the customers, the same in every run.
    Raises InvalidData when a side is empty.
    """
    train = rows.snapshot.isin([instant(t) for t in train_snapshots])
    test = rows.snapshot == instant(test_snapshot)
    if split == "entity":
        held_out = fingerprint.stable_fraction(rows.customer_id) < test_fraction
        train, test = train & ~held_out, test & held_out
    for side, chosen, when in (("training", train, ", ".join(train_snapshots)), ("test", test, test_snapshot)):
        if not chosen.any():
            raise InvalidData(
                f"no customer counts on the {side} side ({when}): nobody was active there by the label's rule; "
                "check label.kinds and label.active_within_days, or move the snapshots"
            )
    parts = pd.Series(np.select([train, test], ["train", "test"], ""), index=rows.index)
    return rows.assign(part=parts)[parts != ""].reset_index(drop=True)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Customers and churn rate by part and snapshot."""
    table = rows.groupby(["part", "snapshot"], sort=True).agg(
        customers=("customer_id", "size"), churn_rate=("churned", "mean")
    )
    return table.reset_index().sort_values(["part", "snapshot"], ascending=[False, True], ignore_index=True)


def newest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the newest snapshot, whatever their part: customers as they were last seen."""
    return rows[rows.snapshot == rows.snapshot.max()].reset_index(drop=True)


def matrix(rows: pd.DataFrame, part: str, features: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Features X, shape (n, k), and labels y in {0, 1}, shape (n,), of one part."""
    side = rows[rows.part == part].reset_index(drop=True)
    return side[features], side.churned.to_numpy(dtype="int64")
