"""JSON lines: an object a line, whose values are read as text."""

from __future__ import annotations

import json
from pathlib import Path

import ibis
from ibis.expr.types import Table

from churn.errors import InvalidData
from churn.sources.contract import OWN
from churn.sources.files import text
from churn.sources.formats.format import Format
from churn.sources.locate import packing, pattern_of

NOT_JSON = f"{OWN}not_json"  # a column beside the others: the lines that are no object
NEVER = "\x1f"  # a separator that no line holds


def columns(file: Path, format: Format) -> dict[str, str]:
    """The names in the first lines, all `text`. Raises InvalidData where there is no object."""
    lines = [line for line in text.head_of(file, format.encoding).splitlines() if line.strip()]
    if lines and lines[0].lstrip().startswith("["):
        raise InvalidData(f"{file}: is one JSON list; write JSON lines, one object a line")
    names = {name: "text" for line in lines for name in _object(line)}
    if not names:
        raise InvalidData(f"{file}: the table is empty; its lines must be JSON objects")
    return names


def open_files(
    con: ibis.BaseBackend, files: list[Path], columns: dict[str, str], format: Format, *, scratch: Path, malformed: str,
    **options,
) -> Table:  # fmt: skip
    """Files as one table of text, with a column that marks lines that are no object."""
    lines = con.read_csv(
        [pattern_of(file) for file in files], columns={"line": "VARCHAR"}, auto_detect=False, header=False,
        delim=NEVER, quote="", escape="", compression=text.COMPRESSION.get(packing(files[0]), "none"), **options,
    )  # fmt: skip
    lines = lines.filter(lines.line.strip() != "")
    others = {name: lines[name] for name in lines.columns if name != "line"}
    values = {name: _value(lines.line, ibis.literal(f'$."{name}"')) for name in columns}
    return lines.select(**values, **others, **{NOT_JSON: _kind(lines.line).fill_null("") != "OBJECT"})


def _object(line: str) -> dict:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@ibis.udf.scalar.builtin(name="json_extract_string", signature=(("string", "string"), "string"))
def _extract(line, path):
    """A value inside JSON as text."""


@ibis.udf.scalar.builtin(name="json_type", signature=(("string",), "string"))
def _type(line):
    """OBJECT, ARRAY, ..."""


@ibis.udf.scalar.builtin(name="json_valid", signature=(("string",), "boolean"))
def _valid(line):
    """Whether a text is JSON."""


def _value(line, path):
    return ibis.ifelse(_valid(line), _extract(line, path), ibis.null("string"))


def _kind(line):
    return ibis.ifelse(_valid(line), _type(line), ibis.null("string"))
