"""The reader `tables`: ready-made feature tables, one folder per snapshot, and their labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn import names
from churn.engine import read_parquet, write_parquet
from churn.errors import InvalidData
from churn.sources import files
from churn.sources.contract import SUMMARY, TIME, Source
from churn.sources.locate import find_table, folders, tables_named
from churn.sources.rows.cleaning import as_identifier, as_text
from churn.sources.snapshots import moment

KEYS = ("customer_id", "snapshot")
FILE = "(file)"  # beside columns that may be called anything
TRUE, FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


def read_tables(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    columns: dict[str, str],
    tables: list[str],
    snapshots: dict[str, str],
    labels: dict,
    path: str = ".",
    segments: Iterable[str] = (),
) -> Source:
    """Read each of `tables` over all `snapshots` (date: folder below `path`) and the labels.

    A table has one row per customer at a snapshot, and the same columns at all of them. Types of CSV columns are taken
    from all rows of all snapshots. Labels may be absent at a snapshot (one to be scored), not at all of them.
    Raises InvalidData.
    """
    segments = list(segments)
    places = folders(path, snapshots)
    customer = columns["customer_id"]
    files_of = {name: {day: find_table(place, name) for day, place in places.items()} for name in tables}
    given = {name: _features(con, name, by_day, customer) for name, by_day in files_of.items()}
    _refuse_the_label(given, label=labels["column"])
    _refuse_missing_segments(given, segments)
    written = {}
    for name, table in given.items():
        written[name] = _write(con, folder / "tables" / f"{name}.parquet", name, _contract(table, segments))
    churned = _labels(con, folder, places, customer=customer, table=labels["table"], column=labels["column"])
    counts = {"read": sum(_count(table) for table in written.values()), "rejected": 0}
    customers = ibis.union(*(table.select("customer_id") for table in written.values())).distinct()
    counts |= {"customers": _count(customers), "labels": _count(churned)}
    return Source(None, None, written, churned, segments, counts, pd.DataFrame(columns=SUMMARY))


def _labels(con, folder: Path, places: dict[str, Path], *, customer: str, table: str, column: str) -> Table:
    by_day = {day: find_table(place, table) for day, place in places.items() if tables_named(place, table)}
    if not by_day:
        shown = ", ".join(map(str, places.values()))
        raise InvalidData(f"labels: no {table}.csv or {table}.parquet in {shown}; at least one snapshot needs them")
    for file in by_day.values():
        files.require([customer, column], list(files.columns_of(file)), where=str(file))
    raw = _open(con, table, by_day, customer, all_varchar=True)
    word = as_text(raw[column]).lower()
    churned = ibis.cases((word.isin(TRUE), True), (word.isin(FALSE), False))
    if n := _count(unreadable := raw.filter(churned.isnull())):
        shown = ", ".join(map(repr, unreadable.select(column).distinct().order_by(column).limit(3)[column].execute()))
        raise InvalidData(f"labels {table}: '{column}' must be true or false, or 1 or 0; {n:,} rows hold {shown}")
    return _write(con, folder / "labels.parquet", table, raw.select(*KEYS, churned=churned))


def _features(con, name: str, by_day: dict[str, Path], customer: str) -> Table:
    """A feature table over its snapshots. Raises InvalidData where its columns are not the same at all of them."""
    columns = {file: list(files.columns_of(file)) for file in by_day.values()}
    first = next(iter(columns))
    for file in columns:
        files.require([customer], columns[file], where=str(file))
        files.require(columns[first], columns[file], where=str(file))
        files.require(columns[file], columns[first], where=str(first))
    return _open(con, name, by_day, customer)


def _open(con, name: str, by_day: dict[str, Path], customer: str, **csv_options) -> Table:
    """One table over its snapshots: customer_id, snapshot, and the other columns as found."""
    paths = [files.pattern_of(file) for file in by_day.values()]
    options = {"union_by_name": True, "filename": FILE, "hive_partitioning": False}
    csv_options |= files.CSV | {"types": {customer: "VARCHAR"}, "dateformat": "%Y-%m-%d", "sample_size": -1}
    of_csv = {files.is_csv(file) for file in by_day.values()}
    if len(of_csv) > 1:
        raise InvalidData(f"table {name}: CSV at one snapshot, Parquet at another; give one kind at all of them")
    with files.reading(f"table {name}"):
        raw = con.read_csv(paths, **options, **csv_options) if of_csv == {True} else con.read_parquet(paths, **options)
    midnights = {str(file): moment(day) for day, file in by_day.items()}
    keys = {"customer_id": as_identifier(as_text(raw[customer])), "snapshot": raw[FILE].cases(*midnights.items())}
    others = [column for column in raw.columns if column not in (customer, FILE)]
    called = names.distinct([(names.table(name), column) for column in others], form=str, taken=KEYS)
    own = {new: raw[column] for new, column in zip(called, others, strict=True)}
    return raw.select(*(value.name(column) for column, value in (keys | own).items()))


def _contract(table: Table, segments: list[str]) -> Table:
    """Columns as bool, int64, float64, string, date or timestamp('UTC'); segments as text."""
    changed = {}
    for name in table.columns:
        kind = table[name].type()
        if name in segments:
            changed[name] = as_text(table[name]).fill_null("unknown")
        elif kind.is_integer():
            changed[name] = table[name].cast("int64")
        elif kind.is_numeric() and not kind.is_boolean():
            changed[name] = table[name].cast("float64")
        elif kind.is_timestamp():
            changed[name] = table[name].cast(TIME)
        elif not (kind.is_boolean() or kind.is_date()):
            changed[name] = table[name].cast("string")
    return table.mutate(*(value.name(name) for name, value in changed.items()))


def _write(con, place: Path, name: str, table: Table) -> Table:
    """Write `table`, one row per customer and snapshot. Raises InvalidData where ids are missing or repeated."""
    with files.reading(f"table {name}"):
        write_parquet(con, table, place)
    written = read_parquet(con, place)
    if not _count(written):
        raise InvalidData(f"table {name}: the table is empty; at least one row is needed")
    if missing := _count(written.filter(written.customer_id.isnull())):
        raise InvalidData(f"table {name}: {missing:,} rows have no customer id; correct the column or the rows")
    counted = written.group_by(KEYS).agg(n=written.count())
    twice = counted.filter(counted.n > 1).order_by(*KEYS)
    if n := _count(twice):
        shown = ", ".join(twice.limit(3).customer_id.execute())
        raise InvalidData(f"table {name}: {n:,} customers have several rows at a snapshot, e.g. {shown}; give one each")
    return written


def _refuse_the_label(tables: dict[str, Table], *, label: str) -> None:
    for name, table in tables.items():
        if label in table.columns:
            raise InvalidData(f"table {name}: the label '{label}' is among its columns; take it out")


def _refuse_missing_segments(tables: dict[str, Table], segments: list[str]) -> None:
    columns = [column for table in tables.values() for column in table.columns if column not in KEYS]
    files.require(segments, columns, where=f"segments of the tables {', '.join(tables)}")


def _count(table: Table) -> int:
    return int(table.count().execute())
