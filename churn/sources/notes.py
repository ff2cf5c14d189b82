"""What there is to tell of an input that was read: how, what was passed over, and what looks odd."""

from __future__ import annotations

import pandas as pd
import yaml
from ibis.expr.types import Table

from churn.sources import locate
from churn.sources.files import opening
from churn.sources.formats import numbers
from churn.sources.rows.cleaning import CLOCK, SplitRows, examples
from churn.sources.rows.event_table import CustomerTable, EventTable
from churn.sources.rows.feature_table import FeatureTable
from churn.sources.rows.table import InputTable

TOLD_FILES = 5
FEW = 50  # values of a column, up to which it is no matter that each customer has another
TELLING, UNIQUE = 0.5, 0.95  # values a customer, from which a category and a number look like ids
LONG = 1_000_000  # numbers from here on may be ids


def of_tables(tables: list[InputTable], read: list[SplitRows]) -> pd.DataFrame:
    """One row a table: name, files, how they are written, rows read, used, set aside, passed over by `where`."""
    return pd.DataFrame(
        [
            {
                "table": table.name,
                "files": _files(table),
                "written": written(table),
                "rows": rows.read + rows.passed,
                "used": rows.read - rows.lost,
                "set_aside": rows.lost,
                "passed_over_by_where": rows.passed,
            }
            for table, rows in zip(tables, read, strict=True)
        ]
    )


def written(table: InputTable) -> str:
    """How the files of a table are written, in words."""
    said, format = table.format.said(), table.format
    words = {
        "sheet": f"sheet {format.sheet}",
        "separator": f"separated by {_mark(format.separator)}",
        "encoding": format.encoding,
        "header": f"names in line {format.header}" if format.header else "no line with names",
        "decimal": f"decimal {numbers.WORDS.get(format.decimal)}",
        "thousands": f"thousands {numbers.WORDS.get(format.thousands)}" if format.thousands else "",
        "dates": f"times {_dates(format.dates or {})}",
    }
    told = [word for key, word in words.items() if key in said and word]
    return ", ".join([*told, f"zone {format.zone}"] if format.zone != "UTC" else told) or "types of its own"


def of_rejected(read: list[SplitRows]) -> list[str]:
    """A sentence a fault, with its number of rows and examples."""
    return [
        f"{rows.name}: {fault.rows:,} of {rows.read:,} rows were set aside, '{fault.column}' {fault.reason}, "
        f"e.g. {examples(rows, fault)}"
        for rows in read
        for _, fault in rows.summary.iterrows()
    ]


def of_clocks(rows: Table, table: EventTable) -> list[str]:
    """Times that the clocks of the zone showed twice, or never."""
    if table.format.zone == "UTC":
        return []
    odd = rows.filter(rows[CLOCK].notnull())
    counted = odd.group_by(CLOCK).agg(n=odd.count()).execute()
    said = dict(zip(counted[CLOCK], counted.n, strict=True))
    words = {
        "twice": "times lie in the hour that occurs twice when clocks go back; they were read as its second time",
        "never": "times lie in the hour that clocks skip when they go forward; they were read as an hour later",
    }
    return [f"{table.name}: {said[fault]:,} {words[fault]} ({table.format.zone})" for fault in words if fault in said]


def of_lines(lines: Table, events: Table, table: EventTable) -> str:
    """How many lines are how many events, where an id of the event says so."""
    if "event_id" not in table.columns:
        return ""
    one, other = (int(rows.count().execute()) for rows in (lines, events))
    return f"{table.name}: {one:,} lines are {other:,} events, by '{table.columns['event_id']}'"


def of_values(events: Table, tables: list[EventTable | CustomerTable]) -> list[str]:
    """Kinds with values below zero, beside others above."""
    counted = events.group_by("kind").agg(low=(events.value < 0).sum(), high=(events.value > 0).sum()).execute()
    odd = counted[(counted.low > 0) & (counted.high > 0)].sort_values("kind")
    column = next((_in_expressions(t.columns["value"], t) for t in tables if "value" in t.columns), "value")
    sql = lambda kind: "'" + kind.replace("'", "''") + "'"  # noqa: E731
    kind_of = lambda kind: f"case when {column} < 0 then 'return' else {sql(kind)} end"  # noqa: E731
    return [
        f"events: {row.low:,} of the kind '{row.kind}' have a value below zero and count as activity; returns can be a "
        f"kind (columns.{_line('kind', kind_of(row.kind))}) or be passed over (data.{_line('where', f'{column} >= 0')})"
        for row in odd.itertuples()
    ]


def passed_over(tables: list[EventTable | CustomerTable]) -> list[str]:
    """Files in the folders of an input that were not read."""
    told = []
    for table in tables:
        if files := locate.passed_over(table.path):
            told.append(f"{table.name}: passed over in the folder: {_few([file.name for file in files])}")
    return told


def of_categories(tables: dict[str, Table], *, said: set[str]) -> list[str]:
    """Columns of ready-made tables that hold nearly another word for each customer, or numbers that look like ids."""
    told = []
    for name, table in tables.items():
        open_ = [column for column in table.columns if column not in ("customer_id", "snapshot", *said)]
        words = [column for column in open_ if table[column].type().is_string()]
        whole = [column for column in open_ if table[column].type().is_integer()]
        for column in words:
            if many := _nearly_one_each(table, column, TELLING):
                told.append(
                    f"table {name}: '{column}' is a category with {many}; a model learns nothing from so many: "
                    "leave it out, or group its words"
                )
        for column in _long(table, whole):
            if many := _nearly_one_each(table, column, UNIQUE):
                told.append(
                    f"table {name}: '{column}' was read as a number, with {many}; where it is an id or a telephone "
                    "number leave it out, where it is a code name it in data.categories"
                )
    return told


def _long(table: Table, columns: list[str]) -> list[str]:
    """The columns whose numbers are all as long as ids are."""
    lowest = {f"{i}": table[column].min() for i, column in enumerate(columns)}
    found = table.aggregate(**lowest).execute().loc[0].tolist() if lowest else []
    return [column for column, low in zip(columns, found, strict=True) if low >= LONG]


def _nearly_one_each(table: Table, column: str, share: float) -> str:
    """How many values a column has and three of them, where nearly each customer has another; else nothing."""
    given = table.filter(table[column].notnull())
    counted = given.aggregate(values=given[column].nunique(), customers=given.customer_id.nunique()).execute().loc[0]
    if counted["values"] < max(FEW, share * counted.customers):
        return ""
    shown = given.select(value=column).distinct().order_by("value").limit(3).execute().value.tolist()
    examples = ", ".join(map(repr, shown))
    return f"{counted['values']:,} different values for {counted.customers:,} customers, e.g. {examples}"


def beside(tables: list[FeatureTable]) -> list[str]:
    """Files in the snapshots' folders that are none of the tables."""
    read = {file for table in tables for file in table.days.values()}
    found = sorted(file for place in {file.parent for file in read} for file in place.iterdir() if file.is_file())
    others = [f"{file.parent.name}/{file.name}" for file in found if file not in read]
    return [f"tables: passed over in the snapshots' folders: {_few(others)}"] if others else []


def _few(names: list[str]) -> str:
    more = f" and {len(names) - TOLD_FILES} more" if len(names) > TOLD_FILES else ""
    return ", ".join(names[:TOLD_FILES]) + more


def _files(table: InputTable) -> str:
    names = [file.name for file in locate.find(table.path)]
    if len(set(names)) < len(names):
        names = [f"{file.parent.name}/{file.name}" for file in locate.find(table.path)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _line(name: str, value: str) -> str:
    """A line of a params file."""
    return yaml.safe_dump({name: value}, width=10_000, allow_unicode=True).strip()


def _in_expressions(column: str, table: EventTable) -> str:
    """A column, or an expression, as it stands in an expression."""
    if column.isidentifier() and column.isascii():
        return column
    names = opening.columns_of(locate.find(table.path)[0], table.format)
    return '"' + column.replace('"', '""') + '"' if column in names else column


def _mark(separator: str | None) -> str:
    return {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}.get(separator, repr(separator))


def _dates(dates: str | dict[str, str]) -> str:
    if isinstance(dates, str):
        return dates.replace("_", " ")
    return " and ".join(f"{way.replace('_', ' ')} in '{column}'" for column, way in dates.items())
