"""What there is to tell of an input that was read: how, what was passed over, and what looks odd."""

from __future__ import annotations

import pandas as pd
from ibis.expr.types import Table

from churn.sources import locate
from churn.sources.formats import numbers
from churn.sources.rows.cleaning import CLOCK, SplitRows, examples
from churn.sources.rows.event_table import CustomerTable, EventTable

TOLD_FILES = 5


def of_tables(tables: list[EventTable | CustomerTable], read: list[SplitRows]) -> pd.DataFrame:
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


def written(table: EventTable | CustomerTable) -> str:
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
    column = next((t.columns["value"] for t in tables if "value" in t.columns), "value")
    return [
        f"events: {row.low:,} of the kind '{row.kind}' have a value below zero and count as activity; returns can be a "
        f"kind (columns.kind: \"case when {column} < 0 then 'return' else '{row.kind}' end\") or be passed "
        f'over (where: "{column} >= 0")'
        for row in odd.itertuples()
    ]


def passed_over(tables: list[EventTable | CustomerTable]) -> list[str]:
    """Files in the folders of an input that were not read."""
    told = []
    for table in tables:
        if files := locate.passed_over(table.path):
            shown = ", ".join(file.name for file in files[:TOLD_FILES])
            more = f" and {len(files) - TOLD_FILES} more" if len(files) > TOLD_FILES else ""
            told.append(f"{table.name}: passed over in the folder: {shown}{more}")
    return told


def _files(table: EventTable | CustomerTable) -> str:
    names = [file.name for file in locate.find(table.path)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _mark(separator: str | None) -> str:
    return {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}.get(separator, repr(separator))


def _dates(dates: str | dict[str, str]) -> str:
    if isinstance(dates, str):
        return dates.replace("_", " ")
    return " and ".join(f"{way.replace('_', ' ')} in '{column}'" for column, way in dates.items())
