"""The files of an input as tables, whatever their kind: one table for each set of columns."""

from __future__ import annotations

import csv
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table
from python_calamine import CalamineError

from churn.errors import InvalidData, first_line
from churn.sources import lookup
from churn.sources.contract import OWN
from churn.sources.files import delimited, json_lines, parquet, text, workbook
from churn.sources.formats.format import Format
from churn.sources.locate import SEPARATORS, TEXT_KINDS, kind_of, packing

KINDS = {"csv": delimited, "json": json_lines, "parquet": parquet, "workbook": workbook}
FILE = f"{OWN}file"  # a column beside the others: the file that a row stands in
UNREADABLE = (
    OSError, EOFError, zlib.error, UnicodeError, csv.Error, pa.ArrowException, zipfile.BadZipFile, CalamineError
)  # fmt: skip


def columns_of(file: Path, format: Format) -> dict[str, str]:
    """The columns of a file with their types, `text` for all of CSV and JSON. Raises InvalidData."""
    with sound(file):
        return KINDS[kind_of(file)].columns(file, format)


def open_tables(
    con: ibis.BaseBackend,
    files: list[Path],
    format: Format,
    *,
    needed: Callable[[list[str], Path], set[str]],
    scratch: Path,
    malformed: str,
    head=False,
) -> list[Table]:
    """One table per distinct set of columns and types, so that no file's types bend another's; each names its FILE.

    `needed`(names, file) gives the columns that are needed, of those there are, and refuses where one is missing. One
    that no file holds is taken from the folders' names (`date=2024-01-31`). Copies for the engine go to `scratch`;
    with `head`, of the first lines only. Lines of CSV that do not fit the header land in the engine's table `malformed`
    when the tables are read. Raises InvalidData.
    """
    groups: dict[tuple, list[Path]] = {}
    for file in files:
        columns = columns_of(file, format)
        folders = partitions(file)
        folders = folders if needed([*columns, *folders], file) - columns.keys() else ()
        key = (kind_of(file), tuple(columns.items()), folders)
        with sound(file):
            copied = text.in_utf8(file, format.encoding, scratch, head=head) if kind_of(file) in TEXT_KINDS else file
        groups.setdefault((*key, packing(copied)), []).append(copied)
    return [
        KINDS[kind].open_files(
            con, members, dict(columns), format, scratch=scratch,
            malformed=malformed, filename=FILE,
            **({"hive_partitioning": bool(folders)} if kind != "workbook" else {}),
        )
        for (kind, columns, folders, _), members in groups.items()
    ]  # fmt: skip


def require(needed: list[str], columns: list[str], *, where: str) -> None:
    """Raises InvalidData naming the missing column, the columns found and the nearest name, or the separator to say."""
    missing = [name for name in needed if name not in columns]
    if missing and len(columns) == 1 and (marks := [mark for mark in SEPARATORS if mark in columns[0]]):
        hint = f"is it parted by {marks[0]!r}? then say format: {{separator: {json.dumps(marks[0])}}}"
        raise InvalidData(f"{where}: no column '{missing[0]}'; found {columns[0][:300]}; {hint}")
    lookup.require(needed, columns, where=where)


@contextmanager
def sound(file: Path) -> Iterator[None]:
    """Raises InvalidData where a file cannot be read."""
    try:
        yield
    except UNREADABLE as error:
        raise InvalidData(f"{file}: cannot be read ({first_line(error)}); give a sound file") from error


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raises InvalidData where the engine stumbles over the files of the table `name`."""
    try:
        yield
    except duckdb.Error as error:
        raise InvalidData(f"{name}: cannot be read ({first_line(error)}); give sound files") from error


def partitions(file: Path) -> tuple[str, ...]:
    """The columns that the names of a file's folders tell: `date=2024-01-31`."""
    return tuple(part.split("=", 1)[0] for part in file.parent.parts if "=" in part)
