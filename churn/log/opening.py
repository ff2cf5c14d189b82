"""A staged log as a Source: its Parquet files, and what was told when they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ibis
import pandas as pd

from churn.engine import read_parquet
from churn.sources.contract import SUMMARY, Source, event_source

OWN = {"customer_id", "signup_at"}


def opened(con: ibis.BaseBackend, folder: Path, *, inputs: Sequence[dict] = (), notes: Sequence[str] = ()) -> Source:
    """The log in a folder with events.parquet, customers.parquet and, where rows were set aside, rejected.parquet.

    `inputs` are the rows of Source.inputs, `notes` are Source.notes.
    """
    rejected = _rejected(con, folder / "rejected.parquet")
    columns = read_parquet(con, folder / "customers.parquet").columns
    segments = [name for name in columns if name not in OWN]
    table = pd.DataFrame(list(inputs))
    source = event_source(con, folder, segments=segments, rejected=rejected)
    read = source.counts["events"] + source.counts["rejected"] if table.empty else int(table["rows"].sum())
    return replace(source, notes=list(notes), inputs=table, counts=source.counts | {"read": read})


def _rejected(con: ibis.BaseBackend, file: Path) -> pd.DataFrame:
    """Rows set aside by table, column and reason."""
    if not file.exists():
        return pd.DataFrame(columns=SUMMARY)
    rows = read_parquet(con, file)
    counted = rows.group_by(["table", "column", "reason"]).agg(rows=rows.count()).execute()
    return counted.sort_values(["rows", "table", "column", "reason"], ascending=[False, True, True, True])[SUMMARY]
