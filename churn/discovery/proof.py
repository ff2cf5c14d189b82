"""Three rows of a table as they stand and as they are read: the proof of a proposal."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ibis
import pandas as pd

from churn.discovery.tables import CUSTOMERS, EVENTS, Proposal
from churn.sources.contract import OWN
from churn.sources.rows import event_table, expressions

ROWS, LOOKED_AT, LONGEST = 3, 200, 40

Proofs = dict[str, dict[str, list[str]]]  # by section of the params file, then by role


def of(con: ibis.BaseBackend, data: dict) -> Proofs:
    """By section and role: `text is value` of three rows."""
    with tempfile.TemporaryDirectory() as scratch:
        return {table.key: _rows(con, table, Path(scratch)) for _, table in event_table.tables(data)}


def of_rows(con: ibis.BaseBackend, data: dict, read: list[Proposal]) -> Proofs:
    """The same of the rows of a database, which were fetched into files."""
    files = {one.role: one.found.path for one in read}
    log = {name: value for name, value in data.items() if name not in ("url", "table", "query", "customers")}
    people = {name: value for name, value in (data.get("customers") or {}).items() if name not in ("table", "query")}
    customers = {"customers": people | {"path": files[CUSTOMERS]}} if people else {}
    return of(con, log | {"path": files[EVENTS]} | customers)


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
