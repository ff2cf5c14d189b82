"""What the readers share: the result, the contract's types, rows sifted into usable and rejected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import BooleanValue, Column, StringValue, Table, Value

from churn.engine import write_parquet
from churn.errors import InvalidData
from churn.sources import files

TIME = "timestamp('UTC')"
VALUE = "decimal(18, 4)"
EARLIEST, LATEST = 1900, 2200  # years; outside lie the placeholders 0001-01-01, 1899-12-30, 9999-12-31 and infinity
SUMMARY = ["table", "column", "reason", "rows"]


@dataclass(frozen=True)
class Source:
    """What a reader staged: tables that read the Parquet files in the staging folder, and what was left out.

    events: customer_id string, at timestamp('UTC'), kind string, value decimal(18,4); None for `tables`.
    customers: customer_id string (unique), signup_at timestamp('UTC'), segment columns (string); None for `tables`.
    tables: one per feature view: customer_id string, snapshot timestamp('UTC'), features; {} for the other sources.
    labels: customer_id string, snapshot timestamp('UTC'), churned boolean; None for the other sources.
    rejected: one row per table, column and reason, with the number of rows.
    """

    events: Table | None
    customers: Table | None
    tables: dict[str, Table]
    labels: Table | None
    segments: list[str]
    counts: dict[str, int]
    rejected: pd.DataFrame


@dataclass(frozen=True)
class Sifted:
    """The rows of one input table, and how many could not be used: a summary by column and reason."""

    usable: Table
    rejected: Table
    read: int
    summary: pd.DataFrame

    @property
    def lost(self) -> int:
        return int(self.summary["rows"].sum())


def event_source(con, folder: Path, *, segments: list[str], rejected: pd.DataFrame | None = None, read=None) -> Source:
    """The Source over events.parquet and customers.parquet in `folder`."""
    events = con.read_parquet(str(folder / "events.parquet"))
    customers = con.read_parquet(str(folder / "customers.parquet"))
    rejected = pd.DataFrame(columns=SUMMARY) if rejected is None else rejected
    counts = {"events": int(events.count().execute()), "customers": int(customers.count().execute())}
    lost = int(rejected["rows"].sum())
    counts |= {"rejected": lost, "read": counts["events"] if read is None else read}
    return Source(events, customers, {}, None, segments, counts, rejected)


def known_at(events: Table) -> Column:
    """When each event was known: it had happened and, in a log that says when, arrived."""
    return ibis.greatest(events.at, events.arrived_at) if "arrived_at" in events.columns else events.at


def text(column: Value) -> StringValue:
    """Text without surrounding whitespace; null where nothing is left."""
    return column.cast("string").strip().nullif("")


def missing(column: Value) -> BooleanValue:
    """True where there is nothing to read: null, or text of nothing but whitespace."""
    return (text(column) if column.type().is_string() else column).isnull()


def identifier(column: Value) -> StringValue:
    """Text of an id; a whole number that went through a float (17850.0) is written as the whole number."""
    words = text(column)
    if column.type().is_integer():
        return words
    return ibis.ifelse(words.re_search(r"^-?\d+\.0$"), words.substr(0, words.length() - 2), words)


def moment(column: Value) -> Value:
    """A time in UTC: naive times are UTC, dates are 00:00; null where it cannot be read."""
    if column.type().is_timestamp() or column.type().is_date():
        return column.cast(TIME)
    return text(column).try_cast(TIME)


def number(column: Value) -> Value:
    """An exact number with four decimals; null where it cannot be read, is infinite or too large."""
    return (column if column.type().is_numeric() else text(column)).try_cast(VALUE)


def moment_faults(column: str, raw: Value, at: Value) -> list[tuple[str, str, BooleanValue]]:
    """The faults that a time can have, each (column, reason, condition)."""
    return [
        (column, "is missing", missing(raw)),
        (column, "is not a time", at.isnull()),
        (column, f"lies outside {EARLIEST} to {LATEST}", ~at.between(_year(EARLIEST), _year(LATEST))),
    ]


def checked(raw: Table, fields: dict[str, Value], faults: list[tuple[str, str, BooleanValue]]) -> Table:
    """`fields` of each row and the first of its `faults`: column, reason, row as JSON; null where it is usable."""
    row = ibis.struct({name: raw[name] for name in raw.columns}).cast("json").cast("string")
    return raw.select(
        **fields,
        fault_column=ibis.cases(*((condition, ibis.literal(column)) for column, _, condition in faults)),
        fault=ibis.cases(*((condition, ibis.literal(reason)) for _, reason, condition in faults)),
        row=ibis.or_(*(condition for *_, condition in faults)).ifelse(row, ibis.null("string")),
    )


def sift(con, rows: list[Table], *, name: str, place: Path, malformed: str | None) -> Sifted:
    """Read `rows` (see `checked`) once, into `place`, and part the usable from the rejected. Raises InvalidData."""
    with files.reading(name):
        write_parquet(con, ibis.union(*rows), place)
    found = con.read_parquet(str(place))
    bad = found.filter(found.fault.notnull())
    bad = bad.select(table=ibis.literal(name), reason="fault", column="fault_column", row="row")
    if malformed:
        bad = bad.union(_lines(con, name, malformed))
    summary = bad.group_by(["table", "column", "reason"]).agg(rows=bad.count()).execute()
    summary = summary.sort_values(["rows", "column", "reason"], ascending=[False, True, True], ignore_index=True)
    usable = found.filter(found.fault.isnull()).drop("fault", "fault_column", "row")
    read = int(usable.count().execute()) + int(summary["rows"].sum())
    return Sifted(usable, bad, read, summary[SUMMARY])


def refuse_excess(sifted: Sifted, *, name: str, path: str | list[str], max_rejected: float) -> None:
    """Raises InvalidData where there is no usable row, or the share of rejected rows is above `max_rejected`."""
    if not sifted.read:
        raise InvalidData(f"{name} at {path}: the table is empty; at least one row is needed")
    share = sifted.lost / sifted.read
    if share <= max_rejected and sifted.lost < sifted.read:
        return
    worst = sifted.summary.iloc[0]
    bad = sifted.rejected
    examples = bad.filter(bad.column == worst.column, bad.reason == worst.reason).order_by("row").limit(3)
    shown = "; ".join(_shown(row, worst.column) for row in examples.row.execute())
    raise InvalidData(
        f"{name} at {path}: {share:.2%} of {sifted.read:,} rows cannot be used, the limit is {max_rejected:.2%}; "
        f"most often '{worst.column}' {worst.reason} ({worst.rows:,} rows), e.g. {shown}; "
        "correct data.columns or the rows, or raise data.max_rejected"
    )


def _year(year: int) -> Value:
    return ibis.literal(f"{year}-01-01T00:00:00+00:00", type=TIME)


def _lines(con, name: str, malformed: str) -> Table:
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
