"""Three rows of a table as they stand and as they are read: the proof of a proposal."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ibis
import pandas as pd

from churn.discovery.tables import LEFT_OUT, Proposal
from churn.sources.contract import OWN
from churn.sources.rows import event_table, expressions

ROWS, LOOKED_AT, LONGEST = 3, 200, 40

Proofs = dict[str, dict[str, list[str]]]  # by section of the params file, then by role


def of(con: ibis.BaseBackend, data: dict) -> Proofs:
    """By section and role: `text is value` of three rows."""
    with tempfile.TemporaryDirectory() as scratch:
        return {table.key: _rows(con, table, Path(scratch)) for _, table in event_table.tables(data)}


def of_rows(con: ibis.BaseBackend, data: dict, read: list[Proposal]) -> Proofs:
    """The same of the rows of a database, which lie in files."""
    del con, data
    return {
        one.found.name: {c.role: _texts(one, c.column) for c in one.choices} for one in read if one.role != LEFT_OUT
    }


def _texts(one: Proposal, column: str) -> list[str]:
    names = expressions.names_in(column, list(one.found.sample.columns))
    some = one.found.sample.head(ROWS)
    return [", ".join(str(row[name]) for name in sorted(names)) for row in some.to_dict("records")]


def _rows(con, table: event_table.EventTable | event_table.CustomerTable, scratch: Path) -> dict[str, list[str]]:
    columns = table.open(con, scratch, head=True)[0]
    fields = {f"{OWN}field {name}": v for name, v in table.fields(columns).items() if name in table.columns}
    rows = columns.raw.select(*columns.names, **fields).limit(LOOKED_AT).execute()
    return {role: _shown(rows, role, written) for role, written in table.columns.items()}


def _shown(rows: pd.DataFrame, role: str, written: str) -> list[str]:
    """Of rows that could be read, and differ where they can."""
    names = sorted(expressions.names_in(written, list(rows.columns)))
    field = f"{OWN}field {role}"
    some = rows.dropna(subset=[field]).drop_duplicates(subset=[field]).head(ROWS)
    return [f"{_text(row, names)} is {_value(row[field])}" for row in some.to_dict("records")]


def _text(row: dict, names: list[str]) -> str:
    return ", ".join(str(row[name])[:LONGEST] for name in names)


def _value(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value.day} {value:%B %Y}" + (f" {value:%H:%M}" if value != value.normalize() else "")
    return f"{value.normalize():f}" if hasattr(value, "normalize") else str(value)[:LONGEST]
