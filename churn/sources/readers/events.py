"""The reader `events`: any event log, one table or several, with or without a table of customers."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn.engine import read_parquet, write_parquet
from churn.errors import InvalidData
from churn.sources import cut, detection, notes
from churn.sources.contract import VALUE, Source, event_source, known_at
from churn.sources.rows import duplicates as repeated
from churn.sources.rows import event_table
from churn.sources.rows.cleaning import SplitRows, refuse_too_many_rejected, split_usable, without_strangers
from churn.sources.rows.event_table import CustomerTable, EventTable

MAX_KINDS = 50
MAX_CUSTOMER_SHARE = 0.1
ENOUGH = 50  # customers, from which on nobody has a large share of all events


def resolve(con: ibis.BaseBackend, data: dict, scratch: Path) -> dict:
    """The data section with the format of every table complete. Raises InvalidData where the files leave it open."""
    data = copy.deepcopy(data)
    for section, table in event_table.tables(data):
        if format := detection.complete(con, table, table.fields, scratch=scratch).said():
            section["format"] = format
    return data


def span(con: ibis.BaseBackend, scratch: Path, **log) -> tuple[date, date]:
    """The days on which the first and the last event were known, of the log that `read_events` reads: of its rows
    only the times are looked at. Raises InvalidData."""
    log = resolve(con, event_table.times_of(log), scratch)
    known = [times for _, table in event_table.tables(log) for times in event_table.known_times(con, table, scratch)]
    times = ibis.union(*known)
    first, last = times.aggregate(first=times.known.min(), last=times.known.max()).execute().loc[0]
    if pd.isna(last):
        raise InvalidData("events: no row has a time that can be read; correct columns.at, or the format")
    return first.date(), last.date()


def read_events(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    max_rejected: float = 0.01,
    duplicates: str | None = None,
    max_kinds: int = MAX_KINDS,
    max_customer_share: float = MAX_CUSTOMER_SHARE,
    ids: str | None = None,
    as_of: str = "",
    **log,
) -> Source:
    """Read an event log; without `customers`, a customer signs up with the first event that is known.

    `log`: path, columns, format, zone, kind, where, or `inputs` with these for each table; customers, null_words. Rows
    that cannot be used go to rejected.parquet; events known on the day `as_of` or later are not seen. What there is to
    tell stands in the Source's notes.
    Raises InvalidData, also where more than the share `max_rejected` of a table's rows cannot be used.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".reading-") as name:
        scratch = Path(name)
        log = resolve(con, log, scratch)
        tables = [table for _, table in event_table.tables(log)]
        read: list[SplitRows] = []
        for table in tables:
            read.append(_split(con, table, scratch, known=_customers(tables, read), hashed=duplicates != "keep"))
        rejected = _write_rejected(con, folder, read)
        for table, rows in zip(tables, read, strict=True):
            refuse_too_many_rejected(rows, path=table.path, max_rejected=max_rejected)
        told = _write(con, scratch, tables, read, duplicates, as_of)
        events = read_parquet(con, scratch / "events.parquet")
        _refuse_too_many_kinds(events, tables, max_kinds)
        _refuse_large_share(read_parquet(con, scratch / "active.parquet"), tables, max_customer_share)
        told += [*notes.of_rejected(read), *notes.of_values(events, tables), *notes.passed_over(tables)]
        inputs = notes.of_tables(tables, read)
        for written in ("events.parquet", "customers.parquet"):
            (scratch / written).replace(folder / written)
    source = event_source(
        con, folder, segments=_segments(tables), rejected=rejected, read=sum(rows.read for rows in read)
    )
    return replace(source, notes=told, inputs=inputs)


def _split(con, table: EventTable | CustomerTable, scratch: Path, *, known: Table | None, hashed: bool) -> SplitRows:
    """The rows of a table, usable or not; of events, those of customers who are not `known` are not."""
    rows = event_table.rows_of(con, table, table.open(con, scratch), hashed=hashed and isinstance(table, EventTable))
    if known is not None:
        rows = [without_strangers(of_files, known, column=table.columns["customer_id"]) for of_files in rows]
    place = scratch / f"split-{table.malformed}.parquet"
    return split_usable(con, rows, name=table.name, place=place, malformed=table.malformed)


def _customers(tables: list[EventTable | CustomerTable], read: list[SplitRows]) -> Table | None:
    """The usable rows of the customers' table, which is read first; None where there is none."""
    return read[0].usable if read and isinstance(tables[0], CustomerTable) else None


def _write(
    con, scratch: Path, tables: list[EventTable | CustomerTable], read: list[SplitRows], rule: str | None, as_of: str
) -> list[str]:
    """Write events.parquet and customers.parquet, and give what there is to tell of them."""
    told, events = [], []
    known = _customers(tables, read)
    for table, rows in zip(tables, read, strict=True):
        if isinstance(table, EventTable):
            past = cut.seen(rows.usable, as_of)
            usable, note = repeated.settled(past, name=rows.name, rule=rule)
            told += [cut.told(rows.usable, past, rows.name, as_of), note, *notes.of_clocks(past, table)]
            events.append(_events_of_lines(con, usable, scratch, table) if "event_id" in table.columns else usable)
            told.append(notes.of_lines(usable, events[-1], table))
    write_parquet(con, _of_contract(events), scratch / "events.parquet")
    active = _active(con, scratch)
    if known is not None:
        _refuse_twice(known, path=tables[0].path)
    customers = active if known is None else known
    write_parquet(con, customers.select("customer_id", "signup_at", *_segments(tables)), scratch / "customers.parquet")
    return [note for note in told if note]


def _events_of_lines(con, lines: Table, scratch: Path, table: EventTable) -> Table:
    """The lines of an order as one event: earliest time, sum of the values, per kind; known with its last line."""
    late = {"arrived_at": lines.arrived_at.max()} if "arrived_at" in lines.columns else {}
    events = lines.group_by(["customer_id", "event_id", "kind"]).agg(
        at=lines["at"].min(), value=lines.value.sum().cast(VALUE), **late
    )
    place = write_parquet(con, events, scratch / f"events-{table.malformed}.parquet")  # is counted, and then written
    return read_parquet(con, place)


def _of_contract(tables: list[Table]) -> Table:
    """The events of all tables; where one says when its rows arrived, the others' arrived when they happened."""
    names = ["customer_id", "at", "kind", "value"]
    if any("arrived_at" in table.columns for table in tables):
        names.append("arrived_at")
        tables = [t if "arrived_at" in t.columns else t.mutate(arrived_at=t["at"]) for t in tables]
    return ibis.union(*(table.select(*names) for table in tables))


def _active(con, scratch: Path) -> Table:
    """Customers with events: how many (n), and from when they are known (signup_at); no late one makes it earlier."""
    events = read_parquet(con, scratch / "events.parquet")
    counted = events.group_by("customer_id").agg(signup_at=known_at(events).min(), n=events.count())
    write_parquet(con, counted, scratch / "active.parquet")
    return read_parquet(con, scratch / "active.parquet")


def _refuse_twice(customers: Table, *, path: str | list[str]) -> None:
    counted = customers.group_by("customer_id").agg(n=customers.count())
    twice = counted.filter(counted.n > 1).order_by("customer_id")
    if n := int(twice.count().execute()):
        shown = ", ".join(twice.limit(3).customer_id.execute())
        raise InvalidData(
            f"customers at {path}: {n:,} customer ids appear more than once, e.g. {shown}; give one row per customer"
        )


def _refuse_too_many_kinds(events: Table, tables: list[EventTable | CustomerTable], limit: int) -> None:
    kinds = events.group_by("kind").agg(n=events.count()).order_by(ibis.desc("n"), "kind")
    if (found := int(kinds.count().execute())) > limit:
        column = next(t.columns["kind"] for t in tables if isinstance(t, EventTable) and "kind" in t.columns)
        shown = ", ".join(map(repr, kinds.limit(3).kind.execute()))
        raise InvalidData(
            f"events: '{column}' holds {found:,} kinds of event, the limit is {limit}, e.g. {shown}; each gets "
            "features: correct columns.kind, or raise data.max_kinds"
        )


def _refuse_large_share(customers: Table, tables: list[EventTable | CustomerTable], limit: float) -> None:
    """A placeholder (guest, cash sale) is not one customer with a large share of all events."""
    most, total, n = customers.aggregate(m=customers.n.max(), t=customers.n.sum(), c=customers.count()).execute().loc[0]
    if n < ENOUGH or most <= limit * total:
        return
    customer = customers.order_by(ibis.desc("n")).limit(1).customer_id.execute()[0]
    column = next(t.columns["customer_id"] for t in tables if isinstance(t, EventTable))
    raise InvalidData(
        f"events: {most / total:.0%} of them ({most:,} of {total:,}) have the {column} {customer!r}, the limit is "
        f"{limit:.0%}; if it stands for guests, pass over it by data.where or name it in data.null_words; if it is one "
        "customer, raise data.max_customer_share"
    )


def _segments(tables: list[EventTable | CustomerTable]) -> list[str]:
    return [name for table in tables if isinstance(table, CustomerTable) for name in table.segments]


def _write_rejected(con, folder: Path, read: list[SplitRows]) -> pd.DataFrame:
    summary = pd.concat([rows.summary for rows in read], ignore_index=True)
    if len(summary):
        write_parquet(con, ibis.union(*(rows.rejected for rows in read)), folder / "rejected.parquet")
    return summary
