"""The tables among some files, or in a database, each with a sample; files with the same columns are one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn.discovery import facts, vocabulary
from churn.discovery.facts import Facts
from churn.errors import InvalidData
from churn.sources import detection, locate
from churn.sources.contract import OWN
from churn.sources.files import opening
from churn.sources.formats.format import Format
from churn.sources.rows.columns import Columns
from churn.sources.rows.table import InputTable

ROWS = 20_000  # of a sample
NEAR = 0.8  # values a row, from which they are counted one by one


@dataclass(frozen=True)
class UnknownTable(InputTable):
    """A table of which nothing is said: the line with the names is the one whose words name columns of logs."""

    def matches(self, names: Iterable[str]) -> int:
        """How many of the names could be those of a log's columns; none where one is a time, a number or an address."""
        names = list(names)
        return 0 if any(map(facts.is_value, names)) else sum(map(vocabulary.is_known, names))


@dataclass(frozen=True)
class Found:
    """A table: its files, the columns as the engine sees them, and a sample.

    path: as it goes into the params file; format: of the bytes, without times and numbers.
    """

    name: str
    path: str | list[str]
    format: Format
    columns: list[Columns]
    sample: pd.DataFrame
    rows: int
    distinct: dict[str, int]
    database: dict | None = None  # `url` and `table` or `query`, where it lies in one

    @cached_property
    def facts(self) -> list[Facts]:
        """What each column's values look like."""
        return [facts.of(name, self.sample[name]) for name in self.sample.columns]

    @cached_property
    def repeats(self) -> dict[str, float]:
        """Rows a different value, by column, over the whole table."""
        filled = {f.name: f.filled for f in self.facts}
        return {name: self.rows * filled[name] / max(count, 1) for name, count in self.distinct.items()}

    @property
    def raw(self) -> list[Table]:
        """Its rows, as they stand in the files."""
        return [columns.raw for columns in self.columns]


def tables(con: ibis.BaseBackend, paths: list[str], scratch: Path) -> list[Found]:
    """The tables that files, folders and patterns hold, by name. Raises InvalidData."""
    groups: dict[tuple, tuple[Format, list[Path]]] = {}
    for file in locate.find(paths):
        format = _format(file)
        columns = tuple(opening.columns_of(file, format))
        key = (locate.kind_of(file), columns, format.separator, format.header)
        groups.setdefault(key, (format, []))[1].append(file)
    found = [_found(con, paths, files, format, scratch) for format, files in groups.values()]
    return sorted(found, key=lambda table: -table.rows)


def of_rows(con: ibis.BaseBackend, file: Path, name: str, database: dict, scratch: Path) -> Found:
    """A table of a database, whose rows are in a file."""
    return replace(_found(con, [str(file)], [file], _format(file), scratch), name=name, database=database)


def _format(file: Path) -> Format:
    table = UnknownTable(file.name, "data", locate.pattern_of(file), Format(), ())
    format = detection.of_bytes(table, [file])
    if locate.kind_of(file) == "csv" and format.header == 1 and not table.matches(opening.columns_of(file, format)):
        unnamed = replace(format, header=0)
        return unnamed if any(map(facts.is_value, opening.columns_of(file, format))) else format
    return format


def _found(con, paths: list[str], files: list[Path], format: Format, scratch: Path) -> Found:
    path = _path(paths, files)
    partitions = opening.partitions(files[0])
    name = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    table = UnknownTable(name, "data", [locate.pattern_of(file) for file in files], format, partitions)
    table = replace(table, format=_encoded(table, files))
    opened = table.open(con, scratch)
    with opening.reading(name):
        sample = pd.concat([_sample(columns.raw) for columns in opened], ignore_index=True)
        rows, distinct = _counted(opened, [name for name in sample.columns])
    if not rows:
        raise InvalidData(f"{files[0]}: the table is empty; give one with rows")
    return Found(name, path, table.format, opened, sample, rows, distinct)


def _encoded(table: UnknownTable, files: list[Path]) -> Format:
    return detection.of_bytes(replace(table, format=replace(table.format, encoding=None)), files)


def _path(paths: list[str], files: list[Path]) -> str | list[str]:
    """Files as they were named, where they alone are behind a name; else one by one."""
    for path in paths:
        if locate.find(path) == files:
            return path
    named = {locate.find(path)[0]: path for path in paths if len(locate.find(path)) == 1}
    shown = [named.get(file, str(file)) for file in files]
    return shown[0] if len(shown) == 1 else shown


def _sample(raw: Table) -> pd.DataFrame:
    names = [name for name in raw.columns if not name.startswith(OWN)]
    return raw.select(*names).limit(ROWS).to_pandas()


def _counted(opened: list[Columns], names: list[str]) -> tuple[int, dict[str, int]]:
    """Rows, and how many different values each column has: about, and exactly where nearly each row has another."""
    raw = [columns.raw for columns in opened]
    both = ibis.union(*(table.select(*names) for table in raw)) if len(raw) > 1 else raw[0]
    told = both.aggregate(rows=both.count(), **{f"c{i}": both[name].approx_nunique() for i, name in enumerate(names)})
    first = told.execute().loc[0]
    about = {name: int(first[f"c{i}"]) for i, name in enumerate(names)}
    near = [name for name, count in about.items() if NEAR * first.rows < count]
    exact = both.aggregate(**{f"c{i}": both[name].nunique() for i, name in enumerate(near)}).execute() if near else None
    return int(first.rows), about | {name: int(exact[f"c{i}"][0]) for i, name in enumerate(near)}
