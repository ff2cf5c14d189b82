"""Parquet: columns with types of their own."""

from __future__ import annotations

from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.types import Table

from churn.errors import InvalidData
from churn.sources.formats.format import Format
from churn.sources.locate import pattern_of

UUID_BYTES = 16


def columns(file: Path, format: Format) -> dict[str, str]:
    """The columns of a file and their types. Raises InvalidData for binary ones that are neither text nor UUIDs."""
    schema = pq.read_schema(file)
    for field in schema:
        if pa.types.is_fixed_size_binary(field.type) and field.type.byte_width != UUID_BYTES:
            raise InvalidData(f"{file}: column '{field.name}' is {field.type}; write it as text")
    return {field.name: str(field.type) for field in schema}


def open_files(
    con: ibis.BaseBackend, files: list[Path], columns: dict[str, str], format: Format, *, scratch: Path, malformed: str,
    **options,
) -> Table:  # fmt: skip
    """Files of the same columns as one table; 16 bytes are a UUID, other bytes text."""
    ids = [name for name, type in columns.items() if type == f"fixed_size_binary[{UUID_BYTES}]"]
    read = con.read_parquet([pattern_of(file) for file in files], binary_as_string=not ids, **options)
    texts = {name: _decoded(read[name]) for name in read.columns if read[name].type().is_binary()}
    return read.mutate(**texts | {name: _uuid(read[name]) for name in ids})


@ibis.udf.scalar.builtin(name="hex", signature=(("binary",), "string"))
def _hex(data):
    """Bytes as hexadecimal digits."""


@ibis.udf.scalar.builtin(name="decode", signature=(("binary",), "string"))
def _decoded(data):
    """Bytes as the text that they are in UTF-8."""


def _uuid(column):
    return _hex(column).lower().re_replace("^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5")
