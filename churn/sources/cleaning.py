"""Rows of an input as the contract has them: text, ids, times and numbers read, usable rows parted from the others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from churn.engine import write_parquet
from churn.errors import InvalidData
from churn.sources import files
from churn.sources.contract import SUMMARY, TIME, VALUE
from churn.sources.snapshots import moment

# Outside lie the placeholders 0001-01-01, 1899-12-30, 9999-12-31 and infinity.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True)
class SplitRows:
    """The rows of one input table, and how many could not be used: a summary by column and reason."""

    usable: Table
    rejected: Table
    read: int
    summary: pd.DataFrame

    @property
    def lost(self) -> int:
        return int(self.summary["rows"].sum())


def as_text(column: Value) -> StringValue:
    """Text without surrounding whitespace; null where nothing is left."""
    return column.cast("string").strip().nullif("")


def is_missing(column: Value) -> BooleanValue:
    """True where there is nothing to read: null, or text of nothing but whitespace."""
    return (as_text(column) if column.type().is_string() else column).isnull()


def as_identifier(column: Value) -> StringValue:
    """Text of an id; a whole number that went through a float (17850.0) is written as the whole number."""
    words = as_text(column)
    if column.type().is_integer():
        return words
    return ibis.ifelse(words.re_search(r"^-?\d+\.0$"), words.substr(0, words.length() - 2), words)


def as_time(column: Value) -> Value:
    """A time in UTC: naive times are UTC, dates are 00:00; null where it cannot be read."""
    if column.type().is_timestamp() or column.type().is_date():
        return column.cast(TIME)
    return as_text(column).try_cast(TIME)


def as_number(column: Value) -> Value:
    """An exact number with four decimals; null where it cannot be read, is infinite or too large."""
    return (column if column.type().is_numeric() else as_text(column)).try_cast(VALUE)


def time_faults(column: str, raw: Value, at: Value) -> list[tuple[str, str, BooleanValue]]:
    """The faults that a time can have, each (column, reason, condition)."""
    return [
        (column, "is missing", is_missing(raw)),
        (column, "is not a time", at.isnull()),
        (column, f"lies outside {EARLIEST.year} to {LATEST.year}", ~at.between(moment(EARLIEST), moment(LATEST))),
    ]


def with_faults(raw: Table, fields: dict[str, Value], faults: list[tuple[str, str, BooleanValue]]) -> Table:
    """`fields` of each row and the first of its `faults`: column, reason, row as JSON; null where it is usable."""
    row = ibis.struct({name: raw[name] for name in raw.columns}).cast("json").cast("string")
    return raw.select(
        **fields,
        fault_column=ibis.cases(*((condition, ibis.literal(column)) for column, _, condition in faults)),
        fault=ibis.cases(*((condition, ibis.literal(reason)) for _, reason, condition in faults)),
        row=ibis.or_(*(condition for *_, condition in faults)).ifelse(row, ibis.null("string")),
    )


def split_usable(con, rows: list[Table], *, name: str, place: Path, malformed: str | None) -> SplitRows:
    """Read `rows` (see `with_faults`) once, into `place`, and part the usable from the rejected. Raises InvalidData."""
    with files.reading(name):
        write_parquet(con, ibis.union(*rows), place)
    written = con.read_parquet(str(place))
    rejected = written.filter(written.fault.notnull())
    rejected = rejected.select(table=ibis.literal(name), reason="fault", column="fault_column", row="row")
    if malformed:
        rejected = rejected.union(_malformed_lines(con, name, malformed))
    summary = rejected.group_by(["table", "column", "reason"]).agg(rows=rejected.count()).execute()
    summary = summary.sort_values(["rows", "column", "reason"], ascending=[False, True, True], ignore_index=True)
    usable = written.filter(written.fault.isnull()).drop("fault", "fault_column", "row")
    read = int(usable.count().execute()) + int(summary["rows"].sum())
    return SplitRows(usable, rejected, read, summary[SUMMARY])


def refuse_too_many_rejected(rows: SplitRows, *, name: str, path: str | list[str], max_rejected: float) -> None:
    """Raises InvalidData where there is no usable row, or the share of rejected rows is above `max_rejected`."""
    if not rows.read:
        raise InvalidData(f"{name} at {path}: the table is empty; at least one row is needed")
    share = rows.lost / rows.read
    if share <= max_rejected and rows.lost < rows.read:
        return
    worst = rows.summary.iloc[0]
    alike = rows.rejected.column == worst.column, rows.rejected.reason == worst.reason
    examples = rows.rejected.filter(*alike).order_by("row").limit(3)
    shown = "; ".join(_shown(row, worst.column) for row in examples.row.execute())
    raise InvalidData(
        f"{name} at {path}: {share:.2%} of {rows.read:,} rows cannot be used, the limit is {max_rejected:.2%}; "
        f"most often '{worst.column}' {worst.reason} ({worst.rows:,} rows), e.g. {shown}; "
        "correct data.columns or the rows, or raise data.max_rejected"
    )


def _malformed_lines(con, name: str, malformed: str) -> Table:
    """Lines of CSV that do not fit the header; an unclosed quote swallows lines, so each of them counts."""
    lines = con.table(malformed, database="temp.main")
    lines = lines.select("scan_id", "file_id", "line", "csv_line", "error_type").distinct()
    lines = lines.mutate(row=lines.csv_line.rstrip().split("\n").unnest())
    return lines.select(
        table=ibis.literal(name), reason=lines.error_type.lower(), column=ibis.literal("(line)"), row=lines.row
    )


def _shown(row: str, column: str) -> str:
    """A rejected row for a message: the faulty value where there is one, the row where it is missing."""
    try:
        value = json.loads(row).get(column)
    except ValueError:
        value = None
    return (row if value is None else repr(value)).replace("\n", " ")[:120]
