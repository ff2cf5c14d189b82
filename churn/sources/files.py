"""The files of an input: grouped by their columns, and opened by the engine without guessing."""

from __future__ import annotations

import csv
import difflib
import glob
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.types import Table

from churn.errors import InvalidData

CSV = {"header": True, "delim": ",", "quote": '"', "escape": '"'}  # one dialect: sniffing depends on the rows seen


def columns_of(file: Path) -> dict[str, str]:
    """The columns of a file with their types, `text` for all of a CSV file. Raises InvalidData."""
    try:
        if is_csv(file):
            return _header(file)
        return {field.name: str(field.type) for field in pq.read_schema(file)}
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise InvalidData(f"{file}: cannot be read ({_first_line(error)}); give a sound file") from error


def open_tables(con: ibis.BaseBackend, files: list[Path], *, needed: list[str], malformed: str) -> list[Table]:
    """One table per distinct set of columns and types, so that no file's types bend another's.

    CSV columns come as text. A needed column that no file holds is taken from the folder names (`date=2024-01-31`).
    Lines of CSV that do not fit the header land in the engine's table named `malformed` when the tables are read.
    Raises InvalidData where a needed column is missing.
    """
    groups: dict[tuple, list[Path]] = {}
    for file in files:
        columns = columns_of(file)
        partitions = _partitions(file) if set(needed) - set(columns) else ()
        require(needed, [*columns, *partitions], where=str(file))
        groups.setdefault((is_csv(file), tuple(columns.items()), partitions), []).append(file)
    return [_open(con, key, members, malformed) for key, members in groups.items()]


def require(needed: list[str], columns: list[str], *, where: str) -> None:
    """Raises InvalidData naming the missing column, the columns found and the nearest name."""
    for name in needed:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else "correct the column's name in the data section"
            raise InvalidData(f"{where}: no column '{name}'; found {', '.join(columns)[:300]}; {hint}")


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raises InvalidData where the engine stumbles over the files of the table `name`."""
    try:
        yield
    except duckdb.Error as error:
        raise InvalidData(f"{name}: cannot be read ({_first_line(error)}); give sound files") from error


def is_csv(file: Path) -> bool:
    return not file.name.endswith(".parquet")


def pattern_of(file: Path) -> str:
    """The name of a file for the engine, which would take brackets and stars in it for a pattern."""
    return glob.escape(str(file))


def _header(file: Path) -> dict[str, str]:
    with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as lines:
        line = lines.readline().decode("utf-8-sig")
    names = [name or f"column{i}" for i, name in enumerate(next(csv.reader([line]), []))]
    if not names:
        raise InvalidData(f"{file}: the table is empty; its first line must name the columns")
    if twice := {name for name in names if [n.lower() for n in names].count(name.lower()) > 1}:
        raise InvalidData(f"{file}: the header names {sorted(twice)} twice; rename one of them")
    return dict.fromkeys(names, "text")


def _partitions(file: Path) -> tuple[str, ...]:
    return tuple(part.split("=", 1)[0] for part in file.parent.parts if "=" in part)


def _open(con: ibis.BaseBackend, key: tuple, files: list[Path], malformed: str) -> Table:
    csv_files, columns, partitions = key
    names = [pattern_of(file) for file in files]
    options = {"hive_partitioning": bool(partitions)}
    if not csv_files:
        return con.read_parquet(names, **options)
    text = {name: "VARCHAR" for name, _ in columns}
    rejects = {"store_rejects": True, "rejects_table": malformed, "rejects_scan": f"{malformed}_scans"}
    return con.read_csv(names, columns=text, auto_detect=False, **CSV, **rejects, **options)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
