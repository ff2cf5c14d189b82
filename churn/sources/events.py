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
from churn.sources.contract import (
    VALUE,
    Sifted,
    Source,
    checked,
    event_source,
    identifier,
    known_at,
    missing,
    moment,
    moment_faults,
    number,
    refuse_excess,
    sift,
    text,
)

MALFORMED = "malformed_lines"


def stage_events(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    path: str | list[str],
    columns: dict[str, str | None],
    kind: str | None = None,
    customers: dict | None = None,
    max_rejected: float = 0.01,
) -> Source:
    """Stage an event log; without `customers`, a customer signs up with the first event that is known.

    `columns` maps customer_id, at and (optional) kind, value and arrived_at to the log's columns. Without a kind every
    event is of `kind`, or "event"; without a value it counts 1; without arrived_at it is known when it happens. Rows
    that cannot be used go to rejected.parquet.
    Raises InvalidData, also where more than the share `max_rejected` of a table's rows cannot be used.
    """
    columns = {name: column for name, column in columns.items() if column is not None}
    if kind and "kind" in columns:
        raise InvalidData("data: give one constant `kind` or a column for it (columns.kind), not both")
    with _scratch(folder, "events", "customers") as scratch:
        sifted = {}
        if customers:
            sifted["customers"] = _sift_customers(con, scratch["customers"], **customers)
        known = sifted["customers"].usable if customers else None
        sifted["events"] = _sift_events(con, scratch["events"], path, columns, kind or "event", known)
        rejected = _write_rejected(con, folder, sifted)
        paths = {"events": path, "customers": customers["path"] if customers else None}
        for name, found in sifted.items():
            refuse_excess(found, name=name, path=paths[name], max_rejected=max_rejected)
        if customers:
            _refuse_duplicates(known, path=customers["path"])
        write_parquet(con, sifted["events"].usable, folder / "events.parquet")
        write_parquet(con, _first_events(con, folder) if known is None else known, folder / "customers.parquet")
    read = sum(found.read for found in sifted.values())
    segments = list(customers.get("segments") or []) if customers else []
    return event_source(con, folder, segments=segments, rejected=rejected, read=read)


def _sift_events(con, place: Path, path, columns: dict[str, str], kind: str, known: Table | None) -> Sifted:
    raws, malformed = _open(con, path, needed=list(columns.values()), name="events")
    rows = [_checked_events(raw, columns, kind) for raw in raws]
    if known is not None:
        rows = [_without_strangers(table, known, column=columns["customer_id"]) for table in rows]
    return sift(con, rows, name="events", place=place, malformed=malformed)


def _checked_events(raw: Table, columns: dict[str, str], kind: str) -> Table:
    fields = {
        "customer_id": identifier(raw[columns["customer_id"]]),
        "at": moment(raw[columns["at"]]),
        "kind": text(raw[columns["kind"]]) if "kind" in columns else ibis.literal(kind),
        "value": number(raw[columns["value"]]) if "value" in columns else ibis.literal(1).cast(VALUE),
    }
    fields |= {"arrived_at": moment(raw[columns["arrived_at"]])} if "arrived_at" in columns else {}
    faults = [(columns["customer_id"], "is missing", fields["customer_id"].isnull())]
    for time in [name for name in ("at", "arrived_at") if name in fields]:
        faults += moment_faults(columns[time], raw[columns[time]], fields[time])
    if "kind" in columns:
        faults += [(columns["kind"], "is missing", fields["kind"].isnull())]
    if "value" in columns:
        faults += [(columns["value"], "is missing", missing(raw[columns["value"]]))]
        faults += [(columns["value"], "is not a number", fields["value"].isnull())]
    return checked(raw, fields, faults)


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


def _sift_customers(
    con, place: Path, *, path: str | list[str], columns: dict[str, str], segments: list[str] | None = None
) -> Sifted:
    segments = segments or []
    if clash := {"customer_id", "signup_at"} & set(segments):
        raise InvalidData(f"data.customers: a segment cannot be named {sorted(clash)[0]}; leave it out of segments")
    raws, malformed = _open(con, path, needed=[*columns.values(), *segments], name="customers")
    rows = [_checked_customers(raw, columns, segments) for raw in raws]
    return sift(con, rows, name="customers", place=place, malformed=malformed)


def _checked_customers(raw: Table, columns: dict[str, str], segments: list[str]) -> Table:
    customer, signup = raw[columns["customer_id"]], raw[columns["signup_at"]]
    fields = {"customer_id": identifier(customer), "signup_at": moment(signup)}
    fields |= {name: text(raw[name]).fill_null("unknown") for name in segments}
    faults = [(columns["customer_id"], "is missing", fields["customer_id"].isnull())]
    return checked(raw, fields, faults + moment_faults(columns["signup_at"], signup, fields["signup_at"]))


def _open(con, path, *, needed: list[str], name: str) -> tuple[list[Table], str | None]:
    """The tables of an input, and the name of the engine's table of malformed lines, None without CSV."""
    malformed = f"{MALFORMED}_{name}"
    con.raw_sql(f"DROP TABLE IF EXISTS {malformed}; DROP TABLE IF EXISTS {malformed}_scans")
    found = locate.find(path)
    with files.reading(name):
        tables = files.open_tables(con, found, needed=needed, malformed=malformed)
    return tables, malformed if any(map(files.is_csv, found)) else None


def _write_rejected(con, folder: Path, sifted: dict[str, Sifted]) -> pd.DataFrame:
    summary = pd.concat([found.summary for found in sifted.values()], ignore_index=True)
    if len(summary):
        write_parquet(con, ibis.union(*(found.rejected for found in sifted.values())), folder / "rejected.parquet")
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
    """A place per name for the rows as they are sifted, gone at the end."""
    places = {name: folder / f".{name}-sifted.parquet" for name in names}
    try:
        yield places
    finally:
        for place in places.values():
            place.unlink(missing_ok=True)
