"""Where tables are computed: DuckDB, in UTC. (Spark on a cluster joins here.)"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Table

# Ibis 12 calls DuckDB 2.0 by names that it is giving up.
warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ibis\.")


def connect(*, threads: int | None = None) -> ibis.BaseBackend:
    """An in-memory DuckDB connection whose session time zone is UTC."""
    con = ibis.duckdb.connect()
    con.raw_sql("SET TimeZone = 'UTC'")
    if threads:
        con.raw_sql(f"SET threads = {int(threads)}")
    return con


def frame_to_parquet(rows: pd.DataFrame, path: Path) -> Path:
    """Write a table that is in memory, beside its place and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    rows.to_parquet(beside, index=False)
    return beside.replace(path)


def write_parquet(con: ibis.BaseBackend, table: Table, path: Path) -> Path:
    """Write `table` to one Parquet file, by the engine, beside its place and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        con.to_parquet(table, str(beside))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
