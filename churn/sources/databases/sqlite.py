"""SQLite, by Python's own module: a file opened to be read only, in one transaction.

A cell of SQLite may be of any type, whatever its column says, so the types of a column are looked up in all its rows.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from churn.errors import InvalidData
from churn.sources.databases.address import file_of
from churn.sources.databases.statement import quoted

ROWS = 50_000  # of a batch
SECONDS = 30  # to wait for who writes
ERRORS = (sqlite3.Error, pa.ArrowException)
NUMBERS = ({"integer"}, {"real"}, {"integer", "real"})


@contextmanager
def opened(url: str, *, shown: str) -> Iterator[SQLite]:
    """A transaction. Raises InvalidData, about `shown`, where there is no such database."""
    file = Path(file_of(url)).expanduser()
    if not file.is_absolute():
        raise InvalidData(f"{shown}: has to name a file by its absolute path, after four slashes; correct the value")
    if not file.is_file():
        raise InvalidData(f"{shown}: no such file; correct the value")
    try:
        read_only = f"file:{quote(str(file))}?mode=ro"
        connection = sqlite3.connect(read_only, uri=True, timeout=SECONDS, isolation_level=None)
        connection.execute("PRAGMA query_only = on")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master")  # from now on others' changes are not seen
    except sqlite3.Error as error:
        raise InvalidData(f"{shown}: cannot be opened ({error}); give a sound database") from None
    with closing(connection):
        yield SQLite(connection)


class SQLite:
    """One transaction: whatever is read in it is as it was at one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def names(self, what: str) -> list[str]:
        """The names of all tables, or of all columns."""
        tables = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
        columns = f"SELECT DISTINCT c.name FROM ({tables}) t, pragma_table_info(t.name) c"
        return sorted(name for (name,) in self._connection.execute(tables if what == "table" else columns))

    def columns(self, sql: str) -> list[str]:
        """The columns of a query, of which no row is read."""
        found = [name for name, *_ in self._connection.execute(f"SELECT * FROM (\n{sql}\n) LIMIT 0").description]
        return [re.sub(r":\d+$", "", name) if name.partition(":")[0] in found else name for name in found]  # a, a:1

    def batches(self, sql: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """The rows of a query as they come: whole numbers, floats, or text, where a column holds anything else."""
        columns = self.columns(sql)
        types = ", ".join(f"group_concat(DISTINCT typeof({quoted(name)}))" for name in columns)
        found = self._connection.execute(f"SELECT {types} FROM (\n{sql}\n)").fetchone()
        kinds = [set((kinds or "").split(",")) - {"null", ""} for kinds in found]
        schema = pa.schema([(name, _type(kind)) for name, kind in zip(columns, kinds, strict=True)])
        shown = ", ".join(_expression(column) for column in schema)
        return schema, self._stream(f"SELECT {shown} FROM (\n{sql}\n)", schema)

    def fault(self, error: Exception) -> tuple[str, str, str]:
        """What the database says against a statement, in one line; and which kind of name it does not know, and the
        name."""
        said = " ".join(str(error).split())
        unknown = re.match(r"no such (?:(table): (.+)|(column): (?:.*\.)?(.+))", said)
        return said, *(filter(None, unknown.groups()) if unknown else ("", ""))

    def _stream(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        cursor = self._connection.execute(sql)
        while rows := cursor.fetchmany(ROWS):
            columns = zip(zip(*rows, strict=True), schema.types, strict=True)
            yield pa.RecordBatch.from_arrays([pa.array(cells, kind) for cells, kind in columns], schema=schema)


def _type(kinds: set[str]) -> pa.DataType:
    if kinds not in NUMBERS:
        return pa.string()
    return pa.float64() if "real" in kinds else pa.int64()


def _expression(column: pa.Field) -> str:
    name = quoted(column.name)
    if column.type == pa.float64():
        return f"CAST({name} AS REAL)"
    as_text = f"CASE typeof({name}) WHEN 'blob' THEN lower(hex({name})) ELSE CAST({name} AS TEXT) END"
    return as_text if column.type == pa.string() else name
