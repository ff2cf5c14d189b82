"""Rows of a database as Parquet files: all that an input needs, in one transaction, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from churn.errors import InvalidData
from churn.sources.databases import address
from churn.sources.databases.statement import Read, quoted
from churn.sources.lookup import nearest, require
from churn.state import replacing


def check(url: str, asked: dict[str, Read], *, shown: str) -> None:
    """Open the database and look at the columns of what is asked, of which nothing is read. Raises InvalidData.

    `shown` is what messages call the url, whose value nobody may read.
    """
    with _opened(url, asked, shown=shown):
        pass


def tables(url: str, *, shown: str) -> list[str]:
    """The names of its tables and views. Raises InvalidData."""
    driver = _driver(address.kind_of(url, shown=shown))
    with driver.opened(url, shown=shown) as database:
        return database.names("table")


def fetch(url: str, asked: dict[str, Read], folder: Path, *, shown: str) -> dict[str, Path]:
    """Write what is asked to Parquet files in `folder`: name -> file. Raises InvalidData."""
    with _opened(url, asked, shown=shown) as (driver, database):
        return {name: _write(driver, database, read, folder / f"{name}-rows.parquet") for name, read in asked.items()}


def fetch_times(
    url: str, asked: Read, folder: Path, *, made_of: Callable[[list[str]], set[str]], ends: bool, shown: str
) -> Path:
    """Write the columns of what is asked that its times are `made_of`, each combination once; or with `ends` no more
    than the lowest and the highest of each, where the database knows all of them for times. Raises InvalidData."""
    with _opened(url, {"times": asked}, shown=shown) as (driver, database):
        names = sorted(map(quoted, made_of(database.columns(asked.sql))))
        rows = f"FROM (\n{asked.sql}\n) AS asked"
        sql = f"SELECT DISTINCT {', '.join(names)} {rows}"
        with _told(driver, database, asked):
            types = database.batches(sql)[0].types
        if ends and all(map(pa.types.is_temporal, types)):
            lowest, highest = (", ".join(f"{end}({name}) AS {name}" for name in names) for end in ("min", "max"))
            sql = f"SELECT {lowest} {rows} UNION ALL SELECT {highest} {rows}"
        return _write(driver, database, replace(asked, table=None, query=sql), folder / "times.parquet")


@contextmanager
def _opened(url: str, asked: dict[str, Read], *, shown: str) -> Iterator[tuple]:
    """The module of the database's kind and a transaction in it, which has all the columns that are asked for."""
    statements = {read.label: read.sql for read in asked.values()}  # refused before the database is asked
    driver = _driver(address.kind_of(url, shown=shown))
    with driver.opened(url, shown=shown) as database:
        for read in asked.values():
            with _told(driver, database, read):
                columns = database.columns(statements[read.label])
            if not columns:  # SELECT INTO
                raise InvalidData(f"{read.label}: it gives no columns; give a query that reads")
            if twice := {name for name in columns if columns.count(name) > 1}:
                raise InvalidData(f"{read.label}: it names {sorted(twice)} twice; rename one of them")
            require(list(read.needed), columns, where=read.label)
        yield driver, database


def _driver(kind: str):
    """The module of a kind; each loads what the other does not need."""
    if kind == "sqlite":
        from churn.sources.databases import sqlite as driver
    else:
        from churn.sources.databases import postgresql as driver
    return driver


def _write(driver, database, read: Read, place: Path) -> Path:
    with _told(driver, database, read):
        schema, batches = database.batches(read.sql)
    with (
        closing(_told_of_rows(driver, database, read, batches)) as rows,
        replacing(place) as temporary,
        pq.ParquetWriter(temporary, schema) as file,
    ):
        for batch in rows:
            file.write_batch(batch)
    return place


def _told_of_rows(driver, database, read: Read, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches; of what goes wrong only what the database did is told as its fault, not a full disk."""
    with _told(driver, database, read), closing(batches):
        yield from batches


@contextmanager
def _told(driver, database, read: Read) -> Iterator[None]:
    """Raises InvalidData with what the database says against a statement, and the nearest name it knows."""
    try:
        yield
    except driver.ERRORS as error:
        said, what, name = database.fault(error)
        if not what:
            remedy = "let the user of the url read it" if "permission" in said else "correct it"
            raise InvalidData(f"{read.label}: the database says: {said}; {remedy}") from None
        known = database.names(what)
        near = nearest(name, known)
        hint = f"did you mean '{near}'?" if near else f"found {', '.join(known)[:300] or 'none'}"
        raise InvalidData(f"{read.key}: no {what} '{name}'; {hint}") from None
