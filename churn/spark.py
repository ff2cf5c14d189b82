"""Spark as this project uses it: one session a process, in UTC, its settings those of the profile's feature_store.yaml.

Its workers read and write the state folder, which has to be the same folder to all of them. Loaded where it is used.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ibis
import pyarrow as pa
import yaml
from ibis.expr.types import Table

from churn import profile, state
from churn.errors import ChurnError, first_line


def connect() -> ibis.BaseBackend:
    """A connection of Ibis's to this process's session. Raises ChurnError."""
    os.environ["TZ"] = "UTC"  # dates go through the zone of the driver's Python, whatever Spark's own is
    time.tzset()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    conf = SparkConf().setAll(_settings().items())
    try:
        if SparkSession.getActiveSession() is None:
            # A kernel is ended with its group. The JVM notices, and removes what it has spilled, in one of its own.
            SparkContext(conf=conf, gateway=launch_gateway(conf, {"start_new_session": True}))
        session = SparkSession.builder.config(conf=conf).getOrCreate()
    except Exception as error:  # without Java, or a master, it raises what it likes
        raise does_not_start(first_line(error)) from error
    return ibis.pyspark.connect(session)


def does_not_start(why: str) -> ChurnError:
    """The refusal of a session."""
    master = profile.environment("")["CHURN_SPARK_MASTER"]
    return ChurnError(
        f"Spark does not start with CHURN_SPARK_MASTER={master} ({why}); it takes Java 17 or 21 (JAVA_HOME) and a "
        "master that answers"
    )


def _settings() -> dict[str, str]:
    with state.environment(**profile.environment("")):
        text = os.path.expandvars((profile.folder() / "feature_store.yaml").read_text(encoding="utf-8"))
    return yaml.safe_load(text)["offline_store"]["spark_conf"]


def read_parquet(con: ibis.BaseBackend, *paths: Path) -> Table:
    """Parquet files, alike, as one table."""
    name = ibis.util.gen_name("read_parquet")
    con._session.read.parquet(*map(address, paths)).createOrReplaceTempView(name)
    table = con.table(name)
    times = [column for column, kind in table.schema().items() if kind.is_timestamp()]
    return table.mutate(**{column: table[column].cast("timestamp('UTC')") for column in times})  # Ibis forgets the zone


def address(path: Path | str) -> str:
    """A path of the file system that all workers share, none of whose signs is a pattern."""
    return "file://" + re.sub(r"([\\{}\[\]*?])", r"\\\1", str(path))


def write_parts(con: ibis.BaseBackend, table: Table, folder: Path) -> list[Path]:
    """Write a table as Parquet files into a folder, each by a worker; returns the files."""
    return _write(con._session.sql(con.compile(table)), folder)


def write_mapped(
    con: ibis.BaseBackend, table: Table, function: Callable, schema: pa.Schema, folder: Path
) -> list[Path]:
    """The same, of what a function makes of each batch of rows, in the workers' Python."""
    from pyspark.sql.pandas.types import from_arrow_schema

    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return map(function, batches)

    return _write(con._session.sql(con.compile(table)).mapInArrow(mapped, from_arrow_schema(schema)), folder)


def _write(rows, folder: Path) -> list[Path]:
    rows.write.mode("overwrite").parquet(f"file://{folder}")
    return sorted(folder.glob("*.parquet"))


@ibis.udf.scalar.builtin
def xxhash64(row) -> int:
    """Spark's hash of 64 bits."""


@ibis.udf.agg.builtin
def bit_xor(column: int) -> int:
    """Spark's, which Ibis does not know."""


@contextmanager
def of_feast(con: ibis.BaseBackend) -> Iterator[None]:
    """Within it Feast uses the session, and lets a quoted name be a pattern; ours are names, so not afterwards."""
    try:
        yield
    finally:
        con._session.conf.set("spark.sql.parser.quotedRegexColumnNames", "false")
