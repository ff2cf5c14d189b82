"""What a feature is: its description, the expression that computes it, and the names that it may have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ibis.expr.types import Column, Table

from churn.errors import InvalidData

KEYS = ("customer_id", "snapshot")
OF_THE_TRAINING_SET = (*KEYS, "event_timestamp", "churned", "part")  # columns that no feature may be called


@dataclass(frozen=True)
class Feature:
    """One column of the manifest. `type` is integer, number or category; where one may be null, `meaning` says when."""

    name: str
    view: str
    type: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Definition:
    """A feature, and its expression over a table with KEYS and a row for each customer."""

    feature: Feature
    expression: Callable[[Table], Column]


def select(rows: Table, definitions: Iterable[Definition], *, view: str) -> Table:
    """A feature view: KEYS, then the features that are defined for it."""
    features = {d.feature.name: d.expression(rows) for d in definitions if d.feature.view == view}
    return rows.select(*KEYS, **features)


def slug(kind: str) -> str:
    """A kind of event as it appears in column names: `Gift card` -> `gift_card`."""
    return re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")


def refuse_shared_names(names: Iterable[str]) -> None:
    """Raises InvalidData when two features, or a feature and a column of the training set, would share a name."""
    for name, times in Counter(name.lower() for name in (*OF_THE_TRAINING_SET, *names)).items():
        if times > 1:
            raise InvalidData(
                f"{name!r} would name two features, or a feature and a column of the training set; "
                "rename the segment or the column in the input"
            )
