"""PostgreSQL, by ADBC: its COPY as Arrow batches. A transaction that reads one moment, and can write nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from adbc_driver_postgresql import dbapi

from churn.errors import InvalidData
from churn.sources.databases.address import without_driver
from churn.sources.databases.statement import quoted

SECONDS = 10  # that a server may take to answer
AS_THEY_ARE = ("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "name")
MOST_DIGITS = 38  # of Arrow's decimals
TIMES = ("timestamptz", "timestamp", "date")
TABLES = """SELECT CASE WHEN pg_table_is_visible(c.oid) THEN relname ELSE nspname || '.' || relname END
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'v', 'm', 'f', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
COLUMNS = """SELECT DISTINCT attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
  JOIN pg_namespace n ON n.oid = relnamespace
  WHERE attnum > 0 AND NOT attisdropped AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
UNKNOWN = {"42P01": ("table", TABLES), "42703": ("column", COLUMNS)}


@contextmanager
def opened(url: str, *, shown: str) -> Iterator[PostgreSQL]:
    """A transaction. Raises InvalidData, about `shown`, where the server does not answer or does not let in."""
    url = without_driver(url)
    limit = "" if "connect_timeout=" in url else f"{'&' if '?' in url else '?'}connect_timeout={SECONDS}"
    try:
        connection = dbapi.connect(url + limit)
    except dbapi.Error as error:
        raise InvalidData(f"{shown}: {_no_entry(str(error))}") from None
    with connection:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        yield PostgreSQL(connection)


class PostgreSQL:
    """One transaction: whatever is read in it is as it was at one moment."""

    def __init__(self, connection: dbapi.Connection) -> None:
        self._connection = connection

    def names(self, what: str) -> list[str]:
        """The names of all tables, or of all columns. What failed before is left behind."""
        self._connection.rollback()
        with self._connection.cursor() as cursor:
            cursor.execute(dict(UNKNOWN.values())[what])
            return sorted(name for (name,) in cursor.fetchall())

    def columns(self, sql: str) -> list[str]:
        """The columns of a query, which is not run."""
        return self._described(sql).names

    def batches(self, sql: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """The rows of a query as they come. Numbers are exact; what Arrow has no type for (uuid, json) is text."""
        described = self._described(sql)
        decimals = {column.name: _precision(column) for column in described if _kind(column) == "numeric"}
        decimals |= self._precisions(sql, [name for name, precision in decimals.items() if not precision])
        schema = pa.schema([(column.name, _type(column, decimals.get(column.name))) for column in described])
        shown = ", ".join(f"{_expression(column)} AS {quoted(column.name)}" for column in described)
        return schema, self._stream(f"SELECT {shown} FROM (\n{sql}\n) AS asked", schema)

    def fault(self, error: Exception) -> tuple[str, str, str]:
        """What the database says against a statement, in one line; and which kind of name it does not know, and the
        name."""
        details = {name.decode(): _text(value) for name, value in getattr(error, "details", None) or []}
        said = details.get("PG_DIAG_MESSAGE_PRIMARY") or re.sub(r"^.*?ERROR: +", "", str(error), flags=re.DOTALL)
        hint = details.get("PG_DIAG_MESSAGE_HINT", "")
        what = UNKNOWN.get(getattr(error, "sqlstate", None) or "", ("",))[0]
        name = re.search(r"""["«»„“]([^"«»„“”]+)["«»“”]|\w+\.(\w+)""", said) if what else None
        return " ".join(f"{said.splitlines()[0]} {hint}".split()), what, (name[1] or name[2]) if name else ""

    def _described(self, sql: str) -> pa.Schema:
        with self._connection.cursor() as cursor:
            return cursor.adbc_execute_schema(sql)

    def _precisions(self, sql: str, columns: list[str]) -> dict[str, tuple[int, int]]:
        """Precision and scale that hold all values of columns that declare none; no entry where Arrow has no such."""
        if not columns:
            return {}
        digits = [f"max(scale({c})), max(length(trunc(abs({c}))::text))" for c in map(quoted, columns)]
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(digits)} FROM (\n{sql}\n) AS asked")
            found = [number or 0 for number in cursor.fetchone()]
        scales = dict(zip(columns, zip(found[::2], found[1::2], strict=True), strict=True))
        return {name: (MOST_DIGITS, s) for name, (s, before) in scales.items() if s + before <= MOST_DIGITS}

    def _stream(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            for batch in cursor.fetch_record_batch():
                arrays = [array.cast(kind) for array, kind in zip(batch.columns, schema.types, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


ERRORS = (dbapi.Error, pa.ArrowException, OSError)


def _expression(column: pa.Field) -> str:
    """A column so that Arrow has a type for it: infinite times lie outside the years that are read, infinite
    numbers and NaN are null."""
    name, kind = quoted(column.name), _kind(column)
    if kind in AS_THEY_ARE:
        return name
    if kind in TIMES:
        return f"CASE {name} WHEN 'infinity' THEN '9999-12-31' WHEN '-infinity' THEN '0001-01-01' ELSE {name} END"
    if kind == "numeric":
        return f"CASE WHEN scale({name}) IS NOT NULL THEN {name}::text END"
    return f"{name}::numeric::text" if kind == "money" else f"{name}::text"


def _type(column: pa.Field, precision: tuple[int, int] | None) -> pa.DataType:
    if precision:
        return pa.decimal128(*precision)
    return column.type if _kind(column) in AS_THEY_ARE + TIMES else pa.string()


def _kind(column: pa.Field) -> str:
    return (column.metadata or {}).get(b"POSTGRESQL:type", b"").decode()


def _precision(column: pa.Field) -> tuple[int, int] | None:
    """Precision and scale of a numeric(p, s) that Arrow can hold; None for one that declares none."""
    modifier = int((column.metadata or {}).get(b"POSTGRESQL:typmod", -1)) - 4
    precision, scale = modifier >> 16, modifier & 0x7FF
    return (precision, scale) if modifier >= 0 and scale <= precision <= MOST_DIGITS else None


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _no_entry(said: str) -> str:
    """Why there is no connection, without the names of user and server: libpq's reason is the end of its line."""
    if re.search("password|authenti|no pg_hba|role ", said):
        return "the server does not let in this user with this password; correct the value"
    if re.search('database "', said):
        return "the server has no such database; correct the value"
    why = re.sub(r'"[^"]*"', "...", said.strip().splitlines()[0]).rstrip(":. ").rpartition(": ")[2]
    return f"the server cannot be reached ({why}); start it, or correct the value"
