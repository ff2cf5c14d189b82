"""The pages that hold generated tables, and the marks between which each of them stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.generate import addresses, artifacts, commands, errors, parameters

REFERENCE = Path(__file__).parents[1] / "reference"
KINDS = (parameters, commands, addresses, errors, artifacts)


def write() -> None:
    """Bring every page up to date."""
    for path, text in current().items():
        path.write_text(text)


def current() -> dict[Path, str]:
    """Page -> its text as it should be, prose as it is and tables from the code."""
    pages: dict[Path, str] = {}
    for name, mark, table in _tables():
        path = REFERENCE / f"{name}.md"
        pages[path] = _with(pages.get(path) or path.read_text(), mark, table)
    return pages


def _tables() -> Iterator[tuple[str, str, str]]:
    """Page, mark and text of each table."""
    for kind in KINDS:
        for mark, table in kind.tables().items():
            yield kind.PAGE, mark, table


def _with(text: str, mark: str, table: str) -> str:
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{table.strip()}\n\n{end}{rest.split(end)[1]}"
