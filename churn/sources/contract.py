"""The data contract: what any input is brought to, and when a row of it was known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Column, Table

from churn import state
from churn.engine import read_parquet
from churn.errors import InvalidData

TIME = "timestamp('UTC')"
VALUE = "decimal(18, 4)"
OWN = "churn:"  # begins the names of columns that a reader keeps beside those of an input
A_DAY, YEAR = pd.Timedelta(days=1), 365
TOLD = "told.json"  # what is known of a Source, beside its files
SUMMARY = ["table", "column", "reason", "rows"]


@dataclass(frozen=True)
class Source:
    """An input in the terms of the contract: tables over the Parquet files that a reader wrote, and what was left out.

    events: customer_id string, at timestamp('UTC'), kind string, value decimal(18,4); None for `tables`.
    customers: customer_id string (unique), signup_at timestamp('UTC'), segment columns (string); None for `tables`.
    tables: one per feature view: customer_id string, snapshot timestamp('UTC'), features; {} for the other sources.
    labels: customer_id string, snapshot timestamp('UTC'), churned boolean; None for the other sources.
    rejected: one row per table, column and reason, with the number of rows.
    notes: what whoever reads no report should know of it, a sentence each.
    inputs: one row per table that came in files: these, how they are written, how many rows; none for the others.
    future_dates: columns of `tables` with times that may lie after the snapshot.
    """

    events: Table | None
    customers: Table | None
    tables: dict[str, Table]
    labels: Table | None
    segments: list[str]
    counts: dict[str, int]
    rejected: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    inputs: pd.DataFrame = field(default_factory=pd.DataFrame)
    future_dates: list[str] = field(default_factory=list)


def event_source(con, folder: Path, *, segments: list[str], rejected: pd.DataFrame | None = None, read=None) -> Source:
    """The Source over events.parquet and customers.parquet in `folder`."""
    events = read_parquet(con, folder / "events.parquet")
    customers = read_parquet(con, folder / "customers.parquet")
    rejected = pd.DataFrame(columns=SUMMARY) if rejected is None else rejected
    counts = {"events": int(events.count().execute()), "customers": int(customers.count().execute())}
    counts |= {"rejected": int(rejected["rows"].sum()), "read": counts["events"] if read is None else read}
    return Source(events, customers, {}, None, segments, counts, rejected)


def reopen(con: ibis.BaseBackend, manifest: dict) -> Source:
    """The Source that the features of a manifest were made of. Raises InvalidData when it is gone."""
    rejected = pd.DataFrame(columns=SUMMARY)
    known = Source(None, None, {}, None, manifest["segments"], manifest["source"], rejected)
    return over(con, known, Path(manifest["staged"]))


def keep(source: Source, folder: Path) -> None:
    """Write what is known of a Source beside the files in its folder."""
    known = {name: getattr(source, name) for name in ("segments", "counts", "notes", "future_dates")}
    tables = {name: json.loads(getattr(source, name).to_json(orient="records")) for name in ("rejected", "inputs")}
    state.write_json(folder / TOLD, known | tables)


def kept(con: ibis.BaseBackend, folder: Path) -> Source:
    """The Source that was read into a folder. Raises InvalidData where there is none."""
    known = told(folder)
    tables = {"rejected": pd.DataFrame(known["rejected"], columns=SUMMARY), "inputs": pd.DataFrame(known["inputs"])}
    return over(con, Source(None, None, {}, None, **(known | tables)), folder)


def told(folder: Path) -> dict:
    """What is known of the Source that was read into a folder. Raises InvalidData where there is none."""
    try:
        return json.loads((folder / TOLD).read_text(encoding="utf-8"))
    except OSError:
        raise InvalidData(f"{folder}: nothing was read into it; read the input again") from None


def over(con: ibis.BaseBackend, source: Source, folder: Path) -> Source:
    """The same, its tables those of an engine over the files in a folder. Raises InvalidData where there are none."""
    files = {path.stem: read_parquet(con, path) for path in sorted(folder.glob("*.parquet"))}
    tables = {path.stem: read_parquet(con, path) for path in sorted(folder.glob("tables/*.parquet"))}
    if not files:
        raise InvalidData(f"{folder}: no staged input; run the features stage first")
    return replace(source, tables=tables, **{name: files.get(name) for name in ("events", "customers", "labels")})


def known_at(events: Table) -> Column:
    """When each event was known: it had happened and, in a log that says when, arrived."""
    return ibis.greatest(events.at, events.arrived_at) if "arrived_at" in events.columns else events.at


def days_with_events(events: Table) -> pd.DatetimeIndex:
    """The days on which something happened, in order."""
    days = events.select(day=events.at.date()).distinct().order_by("day").execute().day
    return pd.DatetimeIndex(days)


def usual_gap(days: pd.DatetimeIndex) -> pd.Timedelta:
    """The time without an event that is nothing special: 19 of 20 gaps between `days_with_events` of the last year are
    no longer. At least a day."""
    gaps = days[days > days[-1] - pd.Timedelta(days=YEAR)].to_series().diff().dropna()
    return max(gaps.quantile(0.95, interpolation="higher") if len(gaps) else A_DAY, A_DAY)


def monthly_volume(source: Source) -> pd.DataFrame:
    """Events by month and kind, or rows by snapshot and table: columns month (date), kind, events."""
    if source.events is not None:
        rows = source.events.select(month=source.events.at.truncate("M"), kind="kind")
    else:
        rows = ibis.union(*(_rows_of(table, name) for name, table in source.tables.items()))
    counted = rows.group_by(["month", "kind"]).agg(events=rows.count())
    volume = counted.order_by(["month", "kind"]).execute()
    return volume.assign(month=volume.month.dt.date)


def _rows_of(table: Table, name: str) -> Table:
    return table.select(month=table.snapshot, kind=ibis.literal(name))
