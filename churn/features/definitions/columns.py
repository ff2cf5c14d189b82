"""What a feature is: its description, the expression that computes it, and the names that it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

from ibis.expr.types import Column, Table

from churn import names

KEYS = ("customer_id", "snapshot")
# What no feature may be called: columns of the training set, and those that Feast's join makes for itself.
TAKEN = (*KEYS, "event_timestamp", "churned", "part", "entity_row_id", "event_expire_timestamp", "rn", "__log_date")


class Words(NamedTuple):
    """What stands before and after a value, and instead of one that is null, or of a count of 0."""

    before: str = ""
    after: str = ""
    none: str = ""


NOTHING_SAID = Words()


@dataclass(frozen=True)
class Feature:
    """One column of the manifest. `type` is integer, number or category; where one may be null, `meaning` says when.

    `given`: what it would be called, if a library could hold that; "" where it is called so.
    `words`: how a value of it is told as a reason; `topic`: what it tells of, together with others of the same.
    """

    name: str
    view: str
    type: str
    unit: str
    meaning: str
    given: str = ""
    topic: str = field(default="", compare=False)
    words: Words = field(default=NOTHING_SAID, compare=False)

    def entry(self) -> dict[str, str]:
        """As the manifest lists it; what it is told by stands beside, for it is no part of the definition."""
        own = {name: value for name, value in asdict(self).items() if name not in ("topic", "words")}
        return {name: value for name, value in own.items() if value or name != "given"}


@dataclass(frozen=True)
class Definition:
    """A feature, and its expression over a table with KEYS and a row for each customer."""

    feature: Feature
    expression: Callable[[Table], Column]


def select(rows: Table, definitions: Iterable[Definition], *, view: str) -> Table:
    """A feature view: KEYS, then the features that are defined for it."""
    return rows.select(*KEYS, *(d.expression(rows).name(d.feature.name) for d in definitions if d.feature.view == view))


def under_names_of_their_own(definitions: list[Definition], *, beside: Iterable[Definition] = ()) -> list[Definition]:
    """The same, each feature under a name that every library can hold and nothing else has, nor those `beside`."""
    features, taken = [d.feature for d in definitions], [*TAKEN, *(d.feature.name for d in beside)]
    called = names.distinct([(f.view, f.name) for f in features], form=names.column, taken=taken)
    return [
        d if name == d.feature.name else replace(d, feature=replace(d.feature, name=name, given=d.feature.name))
        for d, name in zip(definitions, called, strict=True)
    ]
