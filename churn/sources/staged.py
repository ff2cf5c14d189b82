"""What a reader staged, opened again by a later stage, and looked at as a whole."""

from __future__ import annotations

from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn.errors import InvalidData
from churn.sources.contract import SUMMARY, Source


def reopen(con: ibis.BaseBackend, folder: str | Path, *, segments: list[str], counts: dict[str, int]) -> Source:
    """The Source that was staged in `folder`. Raises InvalidData when nothing is there."""
    files = {path.stem: con.read_parquet(str(path)) for path in sorted(Path(folder).glob("*.parquet"))}
    tables = {path.stem: con.read_parquet(str(path)) for path in sorted(Path(folder, "tables").glob("*.parquet"))}
    if not files:
        raise InvalidData(f"{folder}: no staged input; run the features stage first")
    return Source(
        files.get("events"),
        files.get("customers"),
        tables,
        files.get("labels"),
        segments,
        counts,
        pd.DataFrame(columns=SUMMARY),
    )


def overview(source: Source) -> pd.DataFrame:
    """Events by month and kind, or rows by snapshot and table: columns month (date), kind, events, customers."""
    rows = (
        [source.events.select(month=source.events.at.truncate("M"), kind="kind", customer_id="customer_id")]
        if source.events is not None
        else [_rows(table, name) for name, table in source.tables.items()]
    )
    rows = ibis.union(*rows) if len(rows) > 1 else rows[0]
    counted = rows.group_by(["month", "kind"]).agg(events=rows.count(), customers=rows.customer_id.nunique())
    table = counted.order_by(["month", "kind"]).execute()
    return table.assign(month=table.month.dt.date)


def _rows(table: Table, name: str) -> Table:
    return table.select(month=table.snapshot, kind=ibis.literal(name), customer_id="customer_id")
