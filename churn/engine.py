"""Where tables are computed: the engine of the profile, DuckDB or Spark, in UTC. What is small, or is read from
somebody's files, DuckDB computes in either."""

from __future__ import annotations

import glob
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.types import Column, Table

from churn import profile, state
from churn.errors import ChurnError
from churn.state import replacing

# Ibis 12 calls DuckDB 2.0 by names that it is giving up.
warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ibis\.")


BATCH = 200_000  # rows
HALF = "50%"  # of the machine's memory, or of the container's


def connect(*, threads: int | None = None) -> ibis.BaseBackend:
    """The engine of the profile, for what grows with customers or events. How many threads a cluster has, its master
    says. Raises ChurnError."""
    if profile.current() == profile.DUCKDB:
        return embedded(threads=threads)
    from churn import spark

    return spark.connect()


def embedded(*, threads: int | None = None) -> ibis.BaseBackend:
    """An in-memory DuckDB connection whose session time zone is UTC.

    It holds at most CHURN_MEMORY (`2GB`; half of the machine's where nothing is said, for Python needs some beside it)
    and puts the rest into the state folder. Raises ChurnError.
    """
    con = ibis.duckdb.connect()
    con.raw_sql("SET TimeZone = 'UTC'")
    con.raw_sql("SET enable_progress_bar = false")  # it would be drawn across what a command prints
    con.raw_sql(f"SET temp_directory = '{str(state.path('spill')).replace(chr(39), 2 * chr(39))}'")  # made where needed
    from duckdb import Error  # here: most commands import this module, and compute nothing

    limit = os.environ.get("CHURN_MEMORY") or HALF
    try:
        con.raw_sql(f"SET memory_limit = '{limit.replace(chr(39), '')}'")
    except Error:
        raise ChurnError(f"CHURN_MEMORY: {limit!r} is not an amount of memory, such as 2GB") from None
    if threads:
        con.raw_sql(f"SET threads = {int(threads)}")
    return con


def beside(con: ibis.BaseBackend) -> ibis.BaseBackend:
    """The connection itself where it is one to DuckDB, else one to DuckDB beside it."""
    return con if con.name == "duckdb" else embedded()


def read_parquet(con: ibis.BaseBackend, *paths: Path) -> Table:
    """Parquet files of our own, alike, as one table of the engine's. No folder above (`env=prod`) names a column, or is
    a pattern.

    Our own files are read here, or by `arrow_table` and `frame`: each reader by itself would guess from the path.
    """
    if con.name == "duckdb":
        return con.read_parquet([glob.escape(str(path)) for path in paths], hive_partitioning=False)
    from churn import spark

    return spark.read_parquet(con, *paths)


def arrow_table(path: Path, *, columns: Sequence[str] | None = None, filters: list[tuple] | None = None) -> pa.Table:
    """The same in memory, as pyarrow has it: all of it, or some columns and rows."""
    return pq.read_table(path, columns=columns, filters=filters, partitioning=None)


def column_batches(path: Path, column: str) -> Iterator[pa.Array]:
    """One column, in portions that fit into memory and are the same in every run."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH, columns=[column]):
        yield batch.column(0)


def frame(path: Path, *, columns: Sequence[str] | None = None, filters: list[tuple] | None = None) -> pd.DataFrame:
    """The same as a pandas frame."""
    return arrow_table(path, columns=columns, filters=filters).to_pandas()


def frames(path: Path, *, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The same in portions, whatever the size of the table."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH, columns=columns):
        yield batch.to_pandas()


def frame_to_parquet(rows: pd.DataFrame, path: Path) -> Path:
    """Write a table that is in memory to one Parquet file, whole or not at all."""
    with replacing(path) as temporary:
        rows.to_parquet(temporary, index=False)
    return path


def write_parquet(con: ibis.BaseBackend, table: Table, path: Path) -> Path:
    """Write `table` to one Parquet file, by the engine, whole or not at all.

    What the workers of a cluster write in parts, this process puts together.
    """
    with replacing(path) as temporary:
        if con.name == "duckdb":
            con.to_parquet(table, str(temporary))
        else:
            from churn import spark

            _put_together(temporary, lambda folder: spark.write_parts(con, table, folder))
    return path


def write_mapped(
    con: ibis.BaseBackend, table: Table, function: Callable, schema: pa.Schema, path: Path, *, rows_at_once: int
) -> Path:
    """Write what a function makes of the rows, batch by batch, to one Parquet file; on a cluster where the rows are."""
    with replacing(path) as temporary:
        if con.name == "duckdb":
            with pq.ParquetWriter(temporary, schema) as writer:
                for batch in batches(con, table, rows_at_once):
                    writer.write_batch(function(batch))
        else:
            from churn import spark

            _put_together(temporary, lambda folder: spark.write_mapped(con, table, function, schema, folder))
    return path


def batches(con: ibis.BaseBackend, table: Table, rows_at_once: int) -> Iterator[pa.RecordBatch]:
    """A table of DuckDB's as it is computed, so many rows at a time."""
    return iter(con.con.sql(con.compile(table)).to_arrow_reader(rows_at_once))


def hashed(columns: dict[str, Column]) -> Column:
    """A whole number of 64 bits for each row, by the engine's own hash."""
    row = ibis.struct(columns)
    if profile.current() == profile.DUCKDB:
        return row.hash()
    from churn import spark

    return spark.xxhash64(row)


def bit_xor(column: Column) -> Column:
    """The exclusive or of whole numbers."""
    if profile.current() == profile.DUCKDB:
        return column.bit_xor()
    from churn import spark

    return spark.bit_xor(column)


def _put_together(path: Path, write: Callable[[Path], list[Path]]) -> None:
    """One Parquet file of those that are written into a folder beside it, which then is gone."""
    folder = path.with_name(f"{path.name}.parts")
    try:
        own = embedded()
        own.to_parquet(read_parquet(own, *write(folder)), str(path))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
