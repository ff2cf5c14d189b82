"""Rows of an input as the contract has them: text, ids, times and numbers read, usable rows parted from the others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from churn.engine import read_parquet, write_parquet
from churn.errors import InvalidData
from churn.sources.contract import OWN, SUMMARY
from churn.sources.files import opening

# Outside lie the placeholders 0001-01-01, 1899-12-30, 9999-12-31 and infinity.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)

PASSED, NUMBER, FAULTY, FAULT, JSON = (f"{OWN}{name}" for name in ("passed", "number", "faulty", "fault", "json"))
ROW, FILE, CLOCK = f"{OWN}row", opening.FILE, f"{OWN}clock"
OWN_COLUMNS = (ROW, FILE, CLOCK)  # beside those of the contract, for as long as an input is read
EXACT = {4: 2.0**24, 8: 2.0**53}  # below, a float of so many bytes holds every whole number
SCIENTIFIC = r"^-?[0-9](\.[0-9]+)?[Ee]\+[0-9]+$|^-?[0-9]\.[0-9]+[Ee][0-9]+$"  # 1e234567 may be hexadecimal
REMEDIES = {
    "is not a time": "say how times are written, e.g. format: {dates: day_first}, month_first, epoch_ms, serial, or a "
    "pattern such as '%d %b %Y'",
    "is not a number": 'say how numbers are written, for example format: {decimal: ","}',
    "invalid encoding": "say in which encoding the file is, for example format: {encoding: cp1252}",
    "is not in the customers' table": "complete that table, or leave data.customers out",
    "is missing": 'correct data.columns, or pass over such rows with data.where: "... is not null"',
}

Fault = tuple[str, str, BooleanValue]  # column, reason, condition


@dataclass(frozen=True)
class SplitRows:
    """The rows of one input table: usable, passed over, or rejected, with a summary of these by column and reason."""

    name: str
    usable: Table
    rejected: Table
    read: int
    passed: int
    summary: pd.DataFrame

    @property
    def lost(self) -> int:
        return int(self.summary["rows"].sum())


def as_text(column: Value, null_words: tuple[str, ...] = ("",)) -> StringValue:
    """Text without surrounding whitespace; null where nothing is left, or one of `null_words` in any case."""
    text = column.cast("string")
    if null_words == ("",):
        return ibis.ifelse(text.re_search(r"^[\s\v]|[\s\v]$|^$"), text.strip().nullif(""), text)
    edged = (text < "!") | (text.reverse() < "!")  # few are, and stripping all takes as long as reading them
    text = ibis.ifelse(edged, text.strip(), text)
    return ibis.ifelse(text.lower().isin(null_words), ibis.null("string"), text)


def is_missing(column: Value, null_words: tuple[str, ...]) -> BooleanValue:
    """True where there is nothing to read; for few rows (what `as_text` compares with becomes a join over them all)."""
    if not column.type().is_string():
        return column.isnull()
    words = "|".join(re.escape(word) for word in null_words)
    return as_text(column).re_search(f"^(?i:{words})$").fill_null(True)


def as_identifier(words: StringValue) -> StringValue:
    """Text of an id; a whole number that went through a float (17850.0) is written as the whole number.

    `sources.identifiers` follows the same rule; a change of one is a change of both.
    """
    rounded = ibis.ifelse(words.re_search(r"^-?\d+\.0+$"), words.re_replace(r"\.0+$", ""), words)
    return ibis.ifelse(words.contains(".0"), rounded, words)


def with_faults(con, raw: Table, fields: dict[str, Value], faults: Callable[[Table], list[Fault]]) -> Table:
    """`fields` of each row and the first of its `faults`: column, reason, row as JSON; null where it is usable.

    Fields that begin with OWN are for `faults` to look at: OWN + passed says which rows are passed over. Of them and of
    the faults, OWN + file, row, clock, passed, fault_column, fault and json stay.
    """
    read = staged(con, raw.mutate(**{name if name.startswith(OWN) else OWN + name: v for name, v in fields.items()}))
    found = faults(read)
    passed = read[PASSED] if PASSED in read.columns else ibis.literal(False)
    number = ibis.cases(*((condition, i) for i, (*_, condition) in enumerate(found)))
    told = staged(con, read.mutate(**{PASSED: passed, NUMBER: ibis.ifelse(passed, ibis.null("int8"), number)}))
    row = (
        ibis.struct({name: told[name] for name in raw.columns if not name.startswith(OWN)}).cast("json").cast("string")
    )
    named = lambda part: told[NUMBER].cases(*((i, fault[part]) for i, fault in enumerate(found)))  # noqa: E731
    kept = [name for name in (*OWN_COLUMNS, PASSED) if name in told.columns]
    faulty = {FAULTY: named(0), FAULT: named(1), JSON: ibis.ifelse(told[NUMBER].notnull(), row, ibis.null("string"))}
    ours = {name: told[OWN + name] for name in fields if not name.startswith(OWN)}
    return told.select(*kept, *(value.name(name) for name, value in (ours | faulty).items()))  # a field may be `self`


def staged(con, table: Table) -> Table:
    """The same table behind a view: what is made of its columns names them, and does not spell them out again."""
    return con.create_view(ibis.util.gen_name("staged"), table)


def split_usable(con, rows: list[Table], *, name: str, place: Path, malformed: str) -> SplitRows:
    """Read `rows` (see `with_faults`) once, into `place`, and part the usable from the rejected. Raises InvalidData."""
    with opening.reading(name):
        write_parquet(con, ibis.union(*rows), place)
    written = read_parquet(con, place)
    rejected = written.filter(written[FAULT].notnull())
    rejected = rejected.select(table=ibis.literal(name), reason=FAULT, column=FAULTY, row=JSON)
    if con.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [malformed]).fetchall():  # of CSV
        rejected = rejected.union(_malformed_lines(con, name, malformed))
    summary = rejected.group_by(["table", "column", "reason"]).agg(rows=rejected.count()).execute()
    summary = summary.sort_values(["rows", "column", "reason"], ascending=[False, True, True], ignore_index=True)
    passed = int(written.filter(written[PASSED]).count().execute())
    usable = written.filter(written[FAULT].isnull(), ~written[PASSED]).drop(FAULTY, FAULT, JSON, PASSED)
    read = int(usable.count().execute()) + int(summary["rows"].sum())
    return SplitRows(name, usable, rejected, read, passed, summary[SUMMARY])


def without_strangers(rows: Table, known: Table, *, column: str) -> Table:
    """Events of customers who are not in the customers' table, marked as faulty."""
    known = known.select(known_id="customer_id").distinct()
    joined = rows.left_join(known, rows.customer_id == known.known_id)
    stranger = joined.known_id.isnull() & joined[FAULT].isnull() & ~joined[PASSED]
    row = ibis.struct({name: joined[name] for name in ("customer_id", "at", "kind", "value")})
    said = {FAULTY: column, FAULT: "is not in the customers' table", JSON: row.cast("json").cast("string")}
    return joined.mutate(**{name: stranger.ifelse(value, joined[name]) for name, value in said.items()}).drop(
        "known_id"
    )


def refuse_too_many_rejected(rows: SplitRows, *, path: str | list[str], max_rejected: float) -> None:
    """Raises InvalidData where there is no usable row, or the share of rejected rows is above `max_rejected`."""
    if not rows.read:
        passed = f"none of its {rows.passed:,} rows is one of `where`" if rows.passed else "the table is empty"
        raise InvalidData(f"{rows.name} at {path}: {passed}; at least one row is needed")
    share = rows.lost / rows.read
    if share <= max_rejected and rows.lost < rows.read:
        return
    worst = rows.summary.iloc[0]
    raise InvalidData(
        f"{rows.name} at {path}: {share:.2%} of {rows.read:,} rows cannot be used, the limit is {max_rejected:.2%}; "
        f"most often '{worst.column}' {worst.reason} ({worst.rows:,} rows), e.g. {examples(rows, worst)}; "
        f"{REMEDIES.get(worst.reason, 'correct data.columns or the rows')}, or raise data.max_rejected"
    )


def examples(rows: SplitRows, fault: pd.Series) -> str:
    """Three rows with a fault, a row of the summary."""
    alike = rows.rejected.column == fault.column, rows.rejected.reason == fault.reason
    shown = rows.rejected.filter(*alike).order_by("row").limit(3).row.execute()
    return "; ".join(_shown(row, fault.column) for row in shown)


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
