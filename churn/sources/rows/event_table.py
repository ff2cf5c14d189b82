"""What the params file says of a table of events, or of customers: its columns, and its rows by the contract."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from churn.errors import InvalidData
from churn.sources.contract import OWN, VALUE, known_at
from churn.sources.files.json_lines import NOT_JSON
from churn.sources.formats.format import Format
from churn.sources.rows import expressions
from churn.sources.rows.cleaning import (
    CLOCK,
    EARLIEST,
    EXACT,
    FILE,
    LATEST,
    PASSED,
    ROW,
    SCIENTIFIC,
    Fault,
    as_identifier,
    as_text,
    is_missing,
    with_faults,
)
from churn.sources.rows.columns import Columns
from churn.sources.rows.table import InputTable
from churn.sources.snapshots import moment

Fields = dict[str, Value]


@dataclass(frozen=True)
class EventTable(InputTable):
    """columns: role (customer_id, at, ...) -> column or expression; kind: where no column says it."""

    columns: dict[str, str]
    kind: str
    where: str | None

    def fields(self, columns: Columns) -> Fields:
        """The fields of the contract, and those beside them by which their faults are seen."""
        fields: Fields = {"kind": ibis.literal(self.kind), "value": ibis.literal(1).cast(VALUE)}
        for role, column in self.columns.items():
            fields |= ROLES[role].fields(role, column, columns.named(f"columns.{role}"))
        return fields | _beside(self.where, columns)

    def faults(self, read: Columns) -> list[Fault]:
        """The faults of what was read: columns beside the fields, staged."""
        return [fault for role, column in self.columns.items() for fault in ROLES[role].faults(role, column, read)]


@dataclass(frozen=True)
class CustomerTable(InputTable):
    """columns: customer_id and signup_at -> column or expression; segments: columns of text."""

    columns: dict[str, str]
    segments: list[str]
    where: str | None

    def fields(self, columns: Columns) -> Fields:
        """As of an EventTable."""
        fields: Fields = {}
        for role, column in self.columns.items():
            fields |= ROLES[role].fields(role, column, columns.named(f"columns.{role}"))
        return fields | {name: _segment(name, columns) for name in self.segments} | _beside(self.where, columns)

    def faults(self, read: Columns) -> list[Fault]:
        """As of an EventTable."""
        return [fault for role, column in self.columns.items() for fault in ROLES[role].faults(role, column, read)]


def tables(data: dict) -> list[tuple[dict, EventTable | CustomerTable]]:
    """The tables of a data section, each with the section that describes it; customers first."""
    sections = data.get("inputs") or [data]
    found = [(section, _events(data, section, i, alone=len(sections) == 1)) for i, section in enumerate(sections)]
    return [(data["customers"], _customers(data)), *found] if data.get("customers") else found


def times_of(data: dict) -> dict:
    """The data section of a log of which nothing but the times of events, and which of them are read, matters."""
    if data.get("inputs"):
        return data | {"customers": None, "inputs": [times_of(section) for section in data["inputs"]]}
    roles = {role: data["columns"][role] for role in ("at", "arrived_at") if data["columns"].get(role)}
    return data | {"customers": None, "columns": roles}


def known_times(con, table: EventTable, scratch: Path) -> list[Table]:
    """When each event was known, as far as its times can be read: tables of one column, `known`."""
    known = []
    for columns in table.open(con, scratch):
        fields = table.fields(columns)
        rows = columns.raw.select(passed=fields[PASSED], **{role: fields[role] for role in table.columns})
        read = rows.filter(
            ~rows.passed, *(rows[role].between(moment(EARLIEST), moment(LATEST)) for role in table.columns)
        )
        known.append(read.select(known=known_at(read)))
    return known


def rows_of(con, table: EventTable | CustomerTable, opened: list[Columns], *, hashed: bool) -> list[Table]:
    """The rows of a table by the contract, one table for each set of columns; `hashed`: to tell duplicates."""
    common = _common(opened) if hashed else []
    return [_rows(con, table, columns, common, hashed=hashed) for columns in opened]


def _rows(con, table: EventTable | CustomerTable, columns: Columns, common: list[str], *, hashed: bool) -> Table:
    table.fields(columns)
    columns = columns.ahead(con)
    fields = table.fields(columns)
    if hashed:
        whole = {name: value for name, value in fields.items() if not name.startswith(OWN)}
        fields[ROW] = ibis.struct(whole | {f"{OWN}{name}": columns.raw[name] for name in common}).hash()
        fields |= {FILE: columns.raw[FILE]} if table.has_several_files() else {}

    def faults(read: Table) -> list[Fault]:
        return line_faults(read) + table.faults(replace(columns, raw=read))

    return with_faults(con, columns.raw, fields, faults)


def line_faults(read: Table) -> list[Fault]:
    """The faults of whole lines."""
    return [("(line)", "is not a JSON object", read[NOT_JSON])] if NOT_JSON in read.columns else []


def category(name: str, columns: Columns) -> StringValue:
    """A column of words, among which NA is Namibia."""
    words = tuple(word for word in columns.format.null_words if word not in ("na", "-"))
    return as_text(columns.raw[name], words)


def _common(opened: list[Columns]) -> list[str]:
    """Columns that all tables have, of the same type."""
    first, *others = opened
    same = lambda name, other: name in other.names and other.raw[name].type() == first.raw[name].type()  # noqa: E731
    return [name for name in first.names if all(same(name, other) for other in others)]


def _events(data: dict, section: dict, number: int, *, alone: bool) -> EventTable:
    roles = {role: column for role, column in section["columns"].items() if column is not None}
    kind, key = section.get("kind"), "data" if alone and "inputs" not in data else f"data.inputs.{number}"
    if kind and kind.lower().startswith("case "):  # an expression where a word could stand
        roles, kind = roles | {"kind": kind}, None
    if kind and "kind" in roles:
        raise InvalidData(f"{key}: give one constant `kind` or a column for it (columns.kind), not both")
    ordered = {role: roles[role] for role in ROLES if role in roles}
    where = section.get("where")
    needed = (*ordered.values(), *([where] if where else []))
    name = "events" if alone else os.path.basename(str(section["path"]))
    return EventTable(name, key, section["path"], _format(data, section), needed, ordered, kind or "event", where)


def _customers(data: dict) -> CustomerTable:
    section = data["customers"]
    segments, where = list(section.get("segments") or []), section.get("where")
    if clash := {"customer_id", "signup_at"} & {*segments}:
        raise InvalidData(f"data.customers: a segment cannot be named {sorted(clash)[0]}; leave it out of segments")
    needed = (*section["columns"].values(), *segments, *([where] if where else []))
    format = _format(data, section)
    return CustomerTable(
        "customers", "data.customers", section["path"], format, needed, section["columns"], segments, where
    )


def _format(data: dict, section: dict) -> Format:
    zone = section.get("zone") or data.get("zone")
    return Format.of(section.get("format"), zone=zone, null_words=data.get("null_words"))


def _beside(where: str | None, columns: Columns) -> Fields:
    passed = ~expressions.truth(where, columns.named("where")).fill_null(False) if where else ibis.literal(False)
    return {PASSED: passed, CLOCK: columns.clock_faults()}


def _id_fields(role: str, column: str, columns: Columns) -> Fields:
    raw = columns.raw[column] if column in columns.names else None
    rounded = raw is not None and raw.type().is_floating() and raw.abs() >= EXACT[raw.type().nbytes]
    return {role: as_identifier(expressions.text(column, columns)), f"{OWN}rounded": ibis.literal(False) | rounded}


def _id_faults(role: str, column: str, read: Columns) -> list[Fault]:
    customer = read.raw[OWN + role]
    scientific = ibis.ifelse(customer.contains("E") | customer.contains("e"), customer.re_search(SCIENTIFIC), False)
    rounded = read.raw[f"{OWN}rounded"] | scientific.fill_null(False)
    return [
        (column, "is missing", customer.isnull()),
        (column, "is a rounded number, as a spreadsheet writes long ones", rounded),
    ]


def _time_fields(role: str, column: str, columns: Columns) -> Fields:
    return {role: expressions.time(column, columns)}


def _time_faults(role: str, column: str, read: Columns) -> list[Fault]:
    at = read.raw[OWN + role]
    return [
        (column, "is missing", _missing(at, column, read)),
        (column, "is not a time", at.isnull()),
        (column, f"lies outside {EARLIEST.year} to {LATEST.year}", ~at.between(moment(EARLIEST), moment(LATEST))),
    ]


def _number_fields(role: str, column: str, columns: Columns) -> Fields:
    return {role: expressions.number(column, columns)}


def _number_faults(role: str, column: str, read: Columns) -> list[Fault]:
    value = read.raw[OWN + role]
    return [(column, "is missing", _missing(value, column, read)), (column, "is not a number", value.isnull())]


def _text_fields(role: str, column: str, columns: Columns) -> Fields:
    return {role: expressions.text(column, columns)}


def _text_faults(role: str, column: str, read: Columns) -> list[Fault]:
    return [(column, "is missing", read.raw[OWN + role].isnull())]


def _segment(name: str, columns: Columns) -> Value:
    return category(name, columns).fill_null("unknown")


def _missing(value: Value, column: str, read: Columns) -> BooleanValue:
    """Whether there is no value because there was nothing to read."""
    names = sorted(expressions.names_in(column, read.names, key=read.key))
    missing = [is_missing(read.raw[name], read.format.null_words) for name in names]
    return ibis.ifelse(value.isnull(), ibis.or_(ibis.literal(False), *missing), ibis.literal(False))


@dataclass(frozen=True)
class Role:
    """How a column of the contract is read, and the faults that it can have."""

    fields: Callable[[str, str, Columns], Fields]
    faults: Callable[[str, str, Table], list[Fault]]


ID, TIME, NUMBER, TEXT = (
    Role(_id_fields, _id_faults), Role(_time_fields, _time_faults),
    Role(_number_fields, _number_faults), Role(_text_fields, _text_faults),
)  # fmt: skip
ROLES = {
    "customer_id": ID, "at": TIME, "arrived_at": TIME, "signup_at": TIME, "kind": TEXT, "value": NUMBER,
    "event_id": TEXT,
}  # fmt: skip
