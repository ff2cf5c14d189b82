"""What the params file says of a ready-made table, and its rows as they came: ids by the contract, other cells raw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import ibis
from ibis.expr.types import Table, Value

from churn.errors import InvalidData
from churn.sources import locate
from churn.sources.contract import TIME
from churn.sources.files import opening
from churn.sources.formats.format import Format
from churn.sources.rows import event_table
from churn.sources.rows.cleaning import Fault, SplitRows, as_identifier, examples, split_usable, with_faults
from churn.sources.rows.columns import Columns
from churn.sources.rows.table import InputTable
from churn.sources.snapshots import moment

KEYS = ("customer_id", "snapshot")


@dataclass(frozen=True)
class FeatureTable(InputTable):
    """table: as the params file names it; days: snapshot's date -> its file; customer: the column with the id.

    label: the column that says who left, in the table of labels; segments, categories: columns of words whatever is in
    them, of any table.
    """

    apart: ClassVar[str] = "write them in one way"
    table: str
    days: dict[str, Path]
    customer: str
    label: str | None
    segments: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def words(self) -> set[str]:
        """The columns that are words whatever is in them."""
        return {*self.segments, *self.categories}

    @property
    def is_known(self) -> bool:
        """Whether nothing is left to find out of how its files of text are written."""
        workbooks = any(locate.kind_of(file) == "workbook" for file in self.days.values())
        known = {"separator", "encoding", "header", "dates", "decimal", "thousands"}
        return not workbooks and known <= self.format.said().keys()

    def open(self, con: ibis.BaseBackend, scratch: Path, *, head: bool = False) -> list[Columns]:
        """The columns at each snapshot, in the order of `days`. Raises InvalidData."""
        opened = []
        for file in self.days.values():
            names = list(opening.columns_of(file, self.format))
            opening.require(list(self.needed), names, where=str(file))
            opened += InputTable.open(replace(self, path=str(file), needed=tuple(names)), con, scratch, head=head)
        return opened

    def features(self, columns: Columns) -> list[str]:
        """The columns beside the customer's id and the label."""
        return [name for name in columns.names if name not in (self.customer, self.label)]

    def _needed(self, names: list[str], file: Path | str) -> set[str]:
        return {*self.needed}


def tables(data: dict) -> list[FeatureTable]:
    """The feature tables of a data section, then the one of the labels. Raises InvalidData where files are missing."""
    places, labels = locate.folders(data.get("path", "."), data["snapshots"]), data["labels"]
    given = [_table(data, t, {day: locate.find_table(p, t) for day, p in places.items()}) for t in data["tables"]]
    days = {day: locate.find_table(p, labels["table"]) for day, p in places.items() if _is_in(p, labels["table"])}
    if not days:
        raise InvalidData(
            f"labels: no file named {labels['table']} ({locate.READ}) in {', '.join(map(str, places.values()))}; "
            "at least one snapshot needs them"
        )
    return [*given, replace(_table(data, labels["table"], days, labels["column"]), name=f"labels {labels['table']}")]


def rows_of(con, table: FeatureTable, opened: list[Columns], names: list[str], scratch: Path) -> SplitRows:
    """The rows of all snapshots, read once: `customer_id`, `snapshot`, and the columns `names` by their `keys`.

    Raises InvalidData where a row has no id, or one that was rounded, or does not fit its header.
    """
    types = {name: _type(table, opened, name) for name in names}
    rows = [_rows(con, table, columns, day, types) for day, columns in zip(table.days, opened, strict=True)]
    place = scratch / f"split-{table.malformed}.parquet"
    split = split_usable(con, rows, name=table.name, place=place, malformed=table.malformed)
    if split.lost:
        worst = split.summary.iloc[0]
        raise InvalidData(
            f"{table.name}: {worst['rows']:,} of {split.read:,} rows cannot be used, '{worst.column}' {worst.reason}, "
            f"e.g. {examples(split, worst)}; {'correct the file' if worst.column == '(line)' else 'correct the ids'}"
        )
    if not split.read:
        raise InvalidData(f"{table.name}: the table is empty; at least one row is needed")
    return split


def keys(names: list[str]) -> dict[str, str]:
    """Column -> its name in `rows_of`, which is a number, for people may call a column anything."""
    return {name: f"c{i}" for i, name in enumerate(names)}


def _table(data: dict, table: str, days: dict[str, Path], label: str | None = None) -> FeatureTable:
    said = (data.get("format") or {}) | ((data.get("formats") or {}).get(table) or {})
    format = Format.of(said, zone=data.get("zone"), null_words=data.get("null_words"))
    customer = data["columns"]["customer_id"]
    shared = data["labels"]["column"] if table == data["labels"]["table"] else None
    return FeatureTable(
        name=f"table {table}", key=f"data.{'labels' if label else 'tables'}.{table}", format=format,
        path=[str(file) for file in days.values()], needed=(customer, label) if label else (customer,),
        table=table, days=days, customer=customer, label=shared,
        segments=tuple(data.get("segments") or ()), categories=tuple(data.get("categories") or ()),
    )  # fmt: skip


def _is_in(place: Path, table: str) -> bool:
    return place.is_dir() and bool(locate.tables_named(place, table))


def _type(table: FeatureTable, opened: list[Columns], name: str) -> str:
    """What the types of a column at all snapshots say; text where they do not agree, or one is."""
    kinds = {_kind(file, columns, name) for file, columns in zip(table.days.values(), opened, strict=True)}
    dated = isinstance(table.format.dates, dict) and name in table.format.dates
    if name in table.words or name == table.label or (dated and kinds != {TIME}):
        return "string"
    if kinds == {"int64", "float64"}:
        return "float64"
    return kinds.pop() if len(kinds) == 1 else "string"


def _kind(file: Path, columns: Columns, name: str) -> str:
    """What a column's type says; a workbook has no whole numbers, so that its numbers are looked at as text."""
    type = columns.raw[name].type()
    if type.is_boolean():
        return "boolean"
    if type.is_integer():
        return "int64"
    if type.is_numeric():
        return "string" if locate.kind_of(file) == "workbook" else "float64"
    return TIME if type.is_date() or type.is_timestamp() else "string"


def _rows(con, table: FeatureTable, columns: Columns, day: str, types: dict[str, str]) -> Table:
    _fields(table, columns, day, types)
    columns = columns.ahead(con)
    fields, customer = _fields(table, columns, day, types), event_table.ROLES["customer_id"]

    def faults(read: Table) -> list[Fault]:
        known = replace(columns, raw=read)
        return event_table.line_faults(read) + customer.faults("customer_id", table.customer, known)

    return with_faults(con, columns.raw, fields, faults)


def _fields(table: FeatureTable, columns: Columns, day: str, types: dict[str, str]) -> dict[str, Value]:
    ids = event_table.ROLES["customer_id"].fields("customer_id", table.customer, columns)
    cells = {key: _cell(table, columns, name, types[name]) for name, key in keys(list(types)).items()}
    return ids | {"snapshot": moment(day)} | cells


def _cell(table: FeatureTable, columns: Columns, name: str, type: str) -> Value:
    if type == "string":
        text = event_table.category(name, columns) if name in table.words else columns.text(name)
        return as_identifier(text) if columns.raw[name].type().is_floating() else text
    return columns.time(name) if type == TIME else columns.raw[name].cast(type)
