"""The reader `tables`: ready-made feature tables, one folder per snapshot, and their labels."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import StringValue, Table

from churn import names
from churn.engine import read_parquet, write_parquet
from churn.errors import InvalidData
from churn.sources import detection, notes
from churn.sources.contract import SUMMARY, Source
from churn.sources.files import opening
from churn.sources.formats import flags
from churn.sources.rows import column_types, feature_table
from churn.sources.rows.cleaning import SplitRows
from churn.sources.rows.columns import Columns
from churn.sources.rows.feature_table import KEYS, FeatureTable

MARKS = ("decimal", "thousands")


def resolve(con: ibis.BaseBackend, data: dict, scratch: Path) -> dict:
    """The data section with the format of all tables in `format`, and what is one table's own in `formats`.

    Raises InvalidData where the files leave it open.
    """
    found: dict[str, dict] = {}
    for table in feature_table.tables(data):
        known = table.is_known
        format = table.format if known else detection.complete(con, table, partial(_use, table), scratch=scratch)
        found.setdefault(table.table, {}).update(format.said())
    marks = [said for said in found.values() if said.get("thousands")]
    for said in found.values():  # a table without a mark in any number has none of its own
        said |= {key: marks[0][key] for key in MARKS if marks and said.get("thousands") == ""}
    keys = dict.fromkeys(key for said in found.values() for key in said)
    shared = {key: first for key in keys if (first := _agreed(found, key)) is not None}
    own = {table: {key: said[key] for key in said if key not in shared} for table, said in found.items()}
    pinned = {"format": shared, "formats": {table: said for table, said in own.items() if said}}
    return copy.deepcopy(data) | {key: said for key, said in pinned.items() if said}


def _agreed(found: dict[str, dict], key: str) -> object:
    """What all tables say that say anything; None where they differ."""
    first, *others = [said[key] for said in found.values() if key in said]
    return first if all(other == first for other in others) else None


def read_tables(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    segments: Iterable[str] = (),
    categories: Iterable[str] = (),
    future_dates: Iterable[str] = (),
    ids: str | None = None,
    **data,
) -> Source:
    """Read each of `tables` over all `snapshots` (date: folder below `path`) and the labels.

    `data`: path, columns, tables, snapshots, labels, format, formats, zone, null_words. A table has one row per
    customer at a snapshot, and the same columns at all of them. Types of columns of text follow from all rows of all
    snapshots. Labels may be absent at a snapshot (one to be scored), not at all of them. `ids` is for whoever compares
    these.
    Raises InvalidData.
    """
    data |= {"segments": list(segments), "categories": list(categories)}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".reading-") as name:
        scratch = Path(name)
        *tables, labels = feature_table.tables(resolve(con, data, scratch))
        read = [_features(con, folder, table, scratch) for table in tables]
        churned, of_labels = _labels(con, folder, labels, scratch)
    written = {table.table: features for table, (features, _) in zip(tables, read, strict=True)}
    _refuse_the_label(written, label=labels.label)
    _refuse_missing(written, {"segments": segments, "categories": categories, "future_dates": future_dates})
    _refuse_no_dates(written, future_dates)
    told = [*notes.of_categories(written, said={*segments, *categories}), *notes.beside([*tables, labels])]
    inputs = notes.of_tables([*tables, labels], [*(rows for _, rows in read), of_labels])
    return Source(
        None, None, written, churned, data["segments"], _counts(written, churned), pd.DataFrame(columns=SUMMARY),
        notes=told, inputs=inputs, future_dates=list(future_dates),
    )  # fmt: skip


def _use(table: FeatureTable, columns: Columns) -> None:
    """Read the columns of a table as the reader will, as far as it is open how they are written."""
    if table.label not in table.needed:
        column_types.use_as_written(columns, [name for name in table.features(columns) if name not in table.words])


def _features(con, folder: Path, table: FeatureTable, scratch: Path) -> tuple[Table, SplitRows]:
    """A feature table over its snapshots: customer_id, snapshot, and the other columns as what they are."""
    opened = table.open(con, scratch)
    given = _same_columns(table, opened)
    rows = feature_table.rows_of(con, table, opened, given, scratch)
    keys = feature_table.keys(given)
    typed = column_types.typed(con, rows.usable, keys, words=table.words, table=table.name, format=table.format)
    cells = [_segment(typed[key]) if name in table.segments else typed[key] for name, key in keys.items()]
    called = names.distinct([(names.table(table.table), name) for name in given], form=str, taken=KEYS)
    columns = [cell.name(name) for name, cell in zip(called, cells, strict=True)]
    place = folder / "tables" / f"{table.table}.parquet"
    return _write(con, place, table.name, typed.select(*KEYS, *columns)), rows


def _segment(words: StringValue) -> StringValue:
    """Words for reports; true and false are written alike, whatever kind of file they are from."""
    return ibis.ifelse(words.lower().isin(["true", "false"]), words.lower(), words).fill_null("unknown")


def _same_columns(table: FeatureTable, opened: list[Columns]) -> list[str]:
    """The columns of a feature table. Raises InvalidData where they are not the same at all snapshots."""
    given = table.features(opened[0])
    first, *others = table.days.values()
    for file, columns in zip(others, opened[1:], strict=True):
        opening.require(given, columns.names, where=str(file))
        opening.require(table.features(columns), opened[0].names, where=str(first))
    return given


def _labels(con, folder: Path, table: FeatureTable, scratch: Path) -> tuple[Table, SplitRows]:
    """Who left, at each snapshot of which this is known: where all labels are blank it is not."""
    rows = feature_table.rows_of(con, table, table.open(con, scratch), [table.label], scratch)
    given = rows.usable.select(*KEYS, word="c0", churned=flags.as_flag(rows.usable.c0))
    given = given.semi_join(given.filter(given.word.notnull()).select("snapshot").distinct(), "snapshot")
    if n := _count(odd := given.filter(given.churned.isnull())):
        shown = ", ".join(map(repr, odd.select("word").distinct().order_by("word").limit(3).word.execute()))
        raise InvalidData(f"{table.name}: '{table.label}' must be {flags.TOLD}; {n:,} rows hold {shown}")
    return _write(con, folder / "labels.parquet", table.name, given.drop("word")), rows


def _write(con, place: Path, name: str, table: Table) -> Table:
    """Write `table`, one row per customer and snapshot. Raises InvalidData where a customer has several."""
    with opening.reading(name):
        write_parquet(con, table, place)
    written = read_parquet(con, place)
    if not _count(written):
        raise InvalidData(f"{name}: the table is empty; at least one row is needed")
    counted = written.group_by(KEYS).agg(n=written.count())
    twice = counted.filter(counted.n > 1).order_by(*KEYS)
    if n := _count(twice):
        shown = ", ".join(twice.limit(3).customer_id.execute())
        raise InvalidData(f"{name}: {n:,} customers have several rows at a snapshot, e.g. {shown}; give one each")
    return written


def _refuse_the_label(tables: dict[str, Table], *, label: str) -> None:
    for name, table in tables.items():
        if label in table.columns:
            raise InvalidData(f"table {name}: the label '{label}' is among its columns; take it out")


def _refuse_missing(tables: dict[str, Table], said: dict[str, Iterable[str]]) -> None:
    columns = [column for table in tables.values() for column in table.columns if column not in KEYS]
    for key, needed in said.items():
        opening.require(list(needed), columns, where=f"data.{key}, of the tables {', '.join(tables)}")


def _refuse_no_dates(tables: dict[str, Table], future_dates: Iterable[str]) -> None:
    types = {column: table[column].type() for table in tables.values() for column in table.columns}
    if other := [name for name in future_dates if not types[name].is_timestamp()]:
        raise InvalidData(
            f"data.future_dates: '{other[0]}' holds no dates, it was read as {types[other[0]]}; take it out, or say "
            f"how its dates are written: format: {{dates: {{{other[0]}: day_first}}}}"
        )


def _counts(tables: dict[str, Table], labels: Table) -> dict[str, int]:
    customers = ibis.union(*(table.select("customer_id") for table in tables.values())).distinct()
    counts = {"read": sum(_count(table) for table in tables.values()), "rejected": 0}
    return counts | {"customers": _count(customers), "labels": _count(labels)}


def _count(table: Table) -> int:
    return int(table.count().execute())
