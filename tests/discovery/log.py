"""A log as somebody exports it, and what is true of it: its columns, its kinds, who has left, whether it is enough."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

MONTHLY = {"every": "month", "train": 3}
Place = tuple[str, str]  # of a column's meaning: the table's role, `events` or `customers`, and the column's own


@dataclass(frozen=True)
class Log:
    """Files with the sections of a params file that a person who knows them would write.

    `also`: meanings about which two people may differ, with the columns that either would name.
    """

    arguments: tuple[str, ...]  # of `churn init`
    data: dict
    label: dict
    snapshots: dict
    windows: tuple[int, ...]
    headers: dict[str, tuple[str, ...]]  # events, customers: all columns there are
    kinds: tuple[str, ...] = ()  # by name; none where the log does not say
    environment: dict[str, str] = field(default_factory=dict)
    also: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    ends: Literal["runs", "too short"] = "runs"

    @property
    def columns(self) -> dict[Place, set[str]]:
        """Each meaning with its columns: one, or the segments."""
        named = {("events", role): {column} for role, column in self.data["columns"].items()}
        if customers := self.data.get("customers"):
            named |= {("customers", role): {column} for role, column in customers["columns"].items()}
            named[("customers", "segment")] = {*customers["segments"]}
        return named

    def right(self, table: str, role: str, column: str) -> bool:
        """Whether a column or an expression has this meaning: it names the same columns as one that has."""
        named = {frozenset(self._named(table, text)) for text in self.columns.get((table, role), ())}
        named |= {frozenset(self._named(table, text)) for text in self.also.get((table, role), ())}
        return frozenset(self._named(table, column)) in named

    def _named(self, table: str, expression: str) -> set[str]:
        found = {name for name in self.headers[table] if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", expression)}
        within = {name for name in found for longer in found if name != longer and name in longer}
        rest = re.sub("|".join(map(re.escape, sorted(found - within, key=len, reverse=True))) or "$^", " ", expression)
        return found - {name for name in within if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", rest)}


def by_hand(log: Log, *, experiment: str = "by_hand") -> dict:
    """The params file that a person would write for a log."""
    return {
        "experiment": experiment, "seed": 1, "data": log.data, "label": log.label, "snapshots": log.snapshots,
        "features": {"windows_days": [*log.windows]},
    }  # fmt: skip


def events(path: Path, columns: dict[str, str], **others: object) -> dict:
    """A data section of one file."""
    return {"source": "events", "path": str(path), "columns": columns, **others}


def silent(days: int, *, active: int, **others: object) -> dict:
    """The label of customers who do not say when they leave."""
    return {"rule": "inactivity", "horizon_days": days, "active_within_days": active, **others}


def columns_of(place: Path, **options: str) -> tuple[str, ...]:
    """The header of a file of text."""
    return tuple(pd.read_csv(place, nrows=0, **options))
