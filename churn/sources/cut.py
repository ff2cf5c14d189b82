"""An input as it was on a day: what happened or became known on it, or later, is left out before anybody sees it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import ibis
from ibis.expr.types import Table

from churn.engine import write_parquet
from churn.errors import InvalidData
from churn.sources.contract import Source, event_source, known_at
from churn.sources.snapshots import instant, moment


def at(con: ibis.BaseBackend, source: Source, folder: Path, as_of: str, *, horizon_days: int = 0) -> Source:
    """The Source, and its files in `folder`, without what was known on `as_of` or later.

    Of ready-made features those of later snapshots, and labels whose `horizon_days` had not passed. Raises InvalidData
    where no event is left.
    """
    if source.events is None:
        return _of_tables(con, source, folder, as_of, horizon_days)
    parts = {"events": source.events, "customers": source.customers}
    notes = [
        _keep(con, folder / f"{what}.parquet", table, seen(table, as_of), what, as_of) for what, table in parts.items()
    ]
    kept = event_source(con, folder, segments=source.segments, rejected=source.rejected, read=source.counts["read"])
    if not kept.counts["events"]:
        raise InvalidData(f"events: none is known before {as_of} (as_of); give a later day, or a log that reaches back")
    return replace(kept, notes=[*source.notes, *filter(None, notes)], inputs=source.inputs)


def seen(table: Table, as_of: str) -> Table:
    """The events, or the customers, that were known before a day; all of them where none is said."""
    known = table.signup_at if "signup_at" in table.columns else known_at(table)
    return table.filter(known < moment(as_of)) if as_of else table


def told(all_rows: Table, kept: Table, what: str, as_of: str) -> str:
    """How many rows are left out, in a sentence; nothing where none are."""
    count = int(all_rows.count().execute()) - int(kept.count().execute()) if as_of else 0
    return f"{what}: {count:,} rows from {as_of} on (as_of) are not seen" if count else ""


def _of_tables(con, source: Source, folder: Path, as_of: str, horizon_days: int) -> Source:
    for name, table in source.tables.items():
        kept = table.filter(table.snapshot <= moment(as_of))
        _keep(con, folder / "tables" / f"{name}.parquet", table, kept, name, as_of)
    last = instant(as_of) - timedelta(days=horizon_days)
    known = source.labels.filter(source.labels.snapshot <= ibis.literal(last, type="timestamp('UTC', 6)"))
    _keep(con, folder / "labels.parquet", source.labels, known, "labels", as_of)
    return source


def _keep(con, file: Path, table: Table, kept: Table, what: str, as_of: str) -> str:
    """Write the rows that are kept in the place of all, where they are not all; how many are not, in a sentence."""
    if note := told(table, kept, what, as_of):
        write_parquet(con, kept, file)
    return note
