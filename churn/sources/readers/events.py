"""The reader `events`: any event log in CSV or Parquet, with or without a table of customers."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn.engine import write_parquet
from churn.errors import InvalidData
from churn.sources import files, locate
from churn.sources.cleaning import (
    SplitRows,
    as_identifier,
    as_number,
    as_text,
    as_time,
    is_missing,
    refuse_too_many_rejected,
    split_usable,
    time_faults,
    with_faults,
)
from churn.sources.contract import VALUE, Source, event_source, known_at

MALFORMED = "malformed_lines"


def read_events(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    path: str | list[str],
    columns: dict[str, str | None],
    kind: str | None = None,
    customers: dict | None = None,
    max_rejected: float = 0.01,
) -> Source:
    """Read an event log; without `customers`, a customer signs up with the first event that is known.

    `columns` maps customer_id, at and (optional) kind, value and arrived_at to the log's columns. Without a kind every
    event is of `kind`, or "event"; without a value it counts 1; without arrived_at it is known when it happens. Rows
    that cannot be used go to rejected.parquet.
    Raises InvalidData, also where more than the share `max_rejected` of a table's rows cannot be used.
    """
    columns = {name: column for name, column in columns.items() if column is not None}
    if kind and "kind" in columns:
        raise InvalidData("data: give one constant `kind` or a column for it (columns.kind), not both")
    inputs = {"customers": customers["path"]} if customers else {}
    inputs["events"] = path
    with _scratch(folder, *inputs) as scratch:
        tables = {}
        if customers:
            tables["customers"] = _split_customers(con, scratch["customers"], **customers)
        known = tables["customers"].usable if customers else None
        tables["events"] = _split_events(con, scratch["events"], path, columns, kind or "event", known)
        rejected = _write_rejected(con, folder, tables)
        for name, rows in tables.items():
            refuse_too_many_rejected(rows, name=name, path=inputs[name], max_rejected=max_rejected)
        if customers:
            _refuse_duplicates(known, path=customers["path"])
        write_parquet(con, tables["events"].usable, folder / "events.parquet")
        write_parquet(con, _first_events(con, folder) if known is None else known, folder / "customers.parquet")
    read = sum(rows.read for rows in tables.values())
    segments = list(customers.get("segments") or []) if customers else []
    return event_source(con, folder, segments=segments, rejected=rejected, read=read)


def _split_events(con, place: Path, path, columns: dict[str, str], kind: str, known: Table | None) -> SplitRows:
    raws, malformed = _open(con, path, needed=list(columns.values()), name="events")
    rows = [_event_fields(raw, columns, kind) for raw in raws]
    if known is not None:
        rows = [_without_strangers(table, known, column=columns["customer_id"]) for table in rows]
    return split_usable(con, rows, name="events", place=place, malformed=malformed)


def _event_fields(raw: Table, columns: dict[str, str], kind: str) -> Table:
    fields = {
        "customer_id": as_identifier(raw[columns["customer_id"]]),
        "at": as_time(raw[columns["at"]]),
        "kind": as_text(raw[columns["kind"]]) if "kind" in columns else ibis.literal(kind),
        "value": as_number(raw[columns["value"]]) if "value" in columns else ibis.literal(1).cast(VALUE),
    }
    fields |= {"arrived_at": as_time(raw[columns["arrived_at"]])} if "arrived_at" in columns else {}
    faults = [(columns["customer_id"], "is missing", fields["customer_id"].isnull())]
    for time in [name for name in ("at", "arrived_at") if name in fields]:
        faults += time_faults(columns[time], raw[columns[time]], fields[time])
    if "kind" in columns:
        faults += [(columns["kind"], "is missing", fields["kind"].isnull())]
    if "value" in columns:
        faults += [(columns["value"], "is missing", is_missing(raw[columns["value"]]))]
        faults += [(columns["value"], "is not a number", fields["value"].isnull())]
    return with_faults(raw, fields, faults)


def _without_strangers(rows: Table, known: Table, *, column: str) -> Table:
    """Events of customers who are not in the customers' table, marked as faulty."""
    known = known.select(known_id="customer_id").distinct()
    joined = rows.left_join(known, rows.customer_id == known.known_id)
    stranger = joined.known_id.isnull() & joined.fault.isnull()
    row = ibis.struct({name: joined[name] for name in ("customer_id", "at", "kind", "value")})
    return joined.mutate(
        fault_column=stranger.ifelse(ibis.literal(column), joined.fault_column),
        fault=stranger.ifelse(ibis.literal("is not in the customers' table"), joined.fault),
        row=stranger.ifelse(row.cast("json").cast("string"), joined.row),
    ).drop("known_id")


def _split_customers(
    con, place: Path, *, path: str | list[str], columns: dict[str, str], segments: list[str] | None = None
) -> SplitRows:
    segments = segments or []
    if clash := {"customer_id", "signup_at"} & set(segments):
        raise InvalidData(f"data.customers: a segment cannot be named {sorted(clash)[0]}; leave it out of segments")
    raws, malformed = _open(con, path, needed=[*columns.values(), *segments], name="customers")
    rows = [_customer_fields(raw, columns, segments) for raw in raws]
    return split_usable(con, rows, name="customers", place=place, malformed=malformed)


def _customer_fields(raw: Table, columns: dict[str, str], segments: list[str]) -> Table:
    customer, signup = raw[columns["customer_id"]], raw[columns["signup_at"]]
    fields = {"customer_id": as_identifier(customer), "signup_at": as_time(signup)}
    fields |= {name: as_text(raw[name]).fill_null("unknown") for name in segments}
    faults = [(columns["customer_id"], "is missing", fields["customer_id"].isnull())]
    return with_faults(raw, fields, faults + time_faults(columns["signup_at"], signup, fields["signup_at"]))


def _open(con, path, *, needed: list[str], name: str) -> tuple[list[Table], str | None]:
    """The tables of an input, and the name of the engine's table of malformed lines, None without CSV."""
    malformed = f"{MALFORMED}_{name}"
    con.raw_sql(f"DROP TABLE IF EXISTS {malformed}; DROP TABLE IF EXISTS {malformed}_scans")
    paths = locate.find(path)
    with files.reading(name):
        tables = files.open_tables(con, paths, needed=needed, malformed=malformed)
    return tables, malformed if any(map(files.is_csv, paths)) else None


def _write_rejected(con, folder: Path, tables: dict[str, SplitRows]) -> pd.DataFrame:
    summary = pd.concat([rows.summary for rows in tables.values()], ignore_index=True)
    if len(summary):
        write_parquet(con, ibis.union(*(rows.rejected for rows in tables.values())), folder / "rejected.parquet")
    return summary


def _first_events(con, folder: Path) -> Table:
    """Customers with the moment from which they are known; an event that arrives late makes nobody known before."""
    events = con.read_parquet(str(folder / "events.parquet"))
    return events.group_by("customer_id").agg(signup_at=known_at(events).min())


def _refuse_duplicates(customers: Table, *, path: str | list[str]) -> None:
    counted = customers.group_by("customer_id").agg(n=customers.count())
    twice = counted.filter(counted.n > 1).order_by("customer_id")
    if n := int(twice.count().execute()):
        shown = ", ".join(twice.limit(3).customer_id.execute())
        raise InvalidData(
            f"customers at {path}: {n:,} customer ids appear more than once, e.g. {shown}; give one row per customer"
        )


@contextmanager
def _scratch(folder: Path, *names: str):
    """A place per name for the rows as they are parted, gone at the end."""
    places = {name: folder / f".{name}-split.parquet" for name in names}
    try:
        yield places
    finally:
        for place in places.values():
            place.unlink(missing_ok=True)
