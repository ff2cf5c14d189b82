"""CSV and its relatives: columns parted by a mark, quoted by `"`, every one read as text."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path

import ibis
from ibis.expr.types import Table

from churn.errors import InvalidData
from churn.sources.files import text
from churn.sources.formats.format import Format
from churn.sources.locate import SEPARATORS, packing, pattern_of

LINES = 50  # among which the one with the names is looked for
LINE_ENDS = {r"\r\n": "\r\n", r"\n": "\n", r"\r": "\r"}  # as the engine calls them


def columns(file: Path, format: Format) -> dict[str, str]:
    """The columns by the line with the names, all `text`. Raises InvalidData."""
    records = dict(_records(text.head_of(file, format.encoding), format.separator))
    names = records.get(max(format.header, 1), [])
    if not names:
        raise InvalidData(f"{file}: the table is empty; line {max(format.header, 1)} must name the columns")
    names = named(names if format.header else [""] * len(names))
    if twice := {name for name in names if [n.lower() for n in names].count(name.lower()) > 1}:
        raise InvalidData(f"{file}: the header names {sorted(twice)} twice; rename one of them")
    return dict.fromkeys(names, "text")


def layout(file: Path, format: Format, matches: Callable[[list[str]], int]) -> tuple[str, int]:
    """Separator of a file and the line with its names: where most of the needed columns are found.

    `matches` counts how many of them some names make up. Of equals, the one with more columns, and the first.
    """
    head = text.head_of(file, format.encoding)
    best, found = (0, 0), (format.separator or ",", format.header if format.header is not None else 1)
    for separator in format.separator or _said(head) or SEPARATORS:
        for line, names in _candidates(head, separator):
            score = (matches(names), len(names))
            if format.header in (None, line) and score > best and (score[0] or line == 1):
                best, found = score, (separator, line)
    return found


def open_files(
    con: ibis.BaseBackend, files: list[Path], columns: dict[str, str], format: Format, *, scratch: Path, malformed: str,
    **options,
) -> Table:  # fmt: skip
    """Files of the same columns as one table of text. Lines that do not fit go to the engine's table `malformed`."""
    rejects = {"store_rejects": True, "rejects_table": malformed, "rejects_scan": f"{malformed}_scans"}
    compression = text.COMPRESSION.get(packing(files[0]), "none")
    broken = any({*name} & {"\n", "\r"} for name in columns)
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(_end_of_lines(file, format) if broken else "", []).append(pattern_of(file))
    read = [
        con.read_csv(
            members, columns={name: "VARCHAR" for name in columns}, auto_detect=False,
            header=bool(format.header), skip=max(format.header - 1, 0), delim=format.separator, quote='"', escape='"',
            compression=compression, **({"new_line": end} if end else {}), **rejects, **options,
        )
        for end, members in groups.items()
    ]  # fmt: skip
    return ibis.union(*read) if len(read) > 1 else read[0]


def named(names: list[str]) -> list[str]:
    """The names of columns; those without one are called by their number."""
    return [name.strip() or f"column{i}" for i, name in enumerate(names, start=1)]


def _end_of_lines(file: Path, format: Format) -> str:
    """What ends the lines of a file whose header has line breaks in it: the engine would take the first of these."""
    head = text.head_of(file, "utf-8")
    begins = [line for line, _ in _records(head, format.separator)]
    place = begins.index(max(format.header, 1))
    lines = head.splitlines(keepends=True)
    last = lines[begins[place + 1] - 2] if place + 1 < len(begins) else lines[-1]
    return next((name for name, end in LINE_ENDS.items() if last.endswith(end)), "")


def _candidates(head: str, separator: str) -> list[tuple[int, list[str]]]:
    """Lines that may hold the names of the columns; 0 is none, where the columns are called by their numbers."""
    records = _records(head, separator)
    unnamed = [(0, named([""] * len(names))) for _, names in records[:1]]
    return [(line, named(names)) for line, names in records] + unnamed


def _said(head: str) -> str:
    """The separator in a first line that spreadsheets write and obey: `sep=;`."""
    first = head.split("\n", 1)[0].strip("\r").lower()
    return first[4:5] if first.startswith("sep=") else ""


def _records(head: str, separator: str) -> list[tuple[int, list[str]]]:
    """The first records of some text, each with the line that it begins in."""
    reader = csv.reader(head.splitlines(keepends=True), delimiter=separator)
    records, begins = [], 1
    for names in itertools.islice(reader, LINES):
        records.append((begins, names))
        begins = reader.line_num + 1
    return records
