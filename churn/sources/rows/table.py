"""One table of an input: its files, and which of their columns are needed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import ibis

from churn.errors import InvalidData
from churn.sources import locate
from churn.sources.files import opening
from churn.sources.formats.format import Format
from churn.sources.rows import expressions
from churn.sources.rows.columns import Columns


@dataclass(frozen=True)
class InputTable:
    """A table as a section of the params file describes it.

    name: for people; key: of its section in the params file; path: as written; needed: columns and expressions.
    """

    name: str
    key: str
    path: str | list[str]
    format: Format
    needed: tuple[str, ...]
    apart: ClassVar[str] = "give files of each way an input of their own: data.inputs"  # what to do where ways differ

    @property
    def malformed(self) -> str:
        """The engine's table of lines that do not fit the header."""
        return "malformed_" + "".join(c if c.isalnum() else "_" for c in self.key)

    def matches(self, names: Iterable[str]) -> int:
        """How many of the needed columns and expressions some names make up."""
        names = list(names)
        return sum(self._is_made_of(names, written) for written in self.needed)

    def has_several_files(self) -> bool:
        """Whether rows can stand in two files."""
        return len(locate.find(self.path)) > 1

    def open(self, con: ibis.BaseBackend, scratch: Path, *, head: bool = False) -> list[Columns]:
        """Its columns, one table for each set of them; with `head`, the first rows will do. Raises InvalidData."""
        con.raw_sql(f"DROP TABLE IF EXISTS {self.malformed}; DROP TABLE IF EXISTS {self.malformed}_scans")
        with opening.reading(self.name):
            tables = opening.open_tables(
                con, locate.find(self.path), self.format, needed=self._needed, scratch=scratch,
                malformed=self.malformed, head=head,
            )  # fmt: skip
        return [Columns(table, self.format, self.key) for table in tables]

    def _needed(self, names: list[str], file: Path) -> set[str]:
        needed = set().union(*(self._names_in(written, names) for written in self.needed))
        opening.require(sorted(needed), names, where=str(file))
        return needed

    def _is_made_of(self, names: list[str], written: str) -> bool:
        """Of a header read in a wrong way, `Omzet (€)` is neither a column nor an expression: then it is not there."""
        try:
            return self._names_in(written, names) <= {*names}
        except InvalidData:
            return False

    def _names_in(self, written: str, names: list[str]) -> set[str]:
        try:
            return expressions.names_in(written, names, key=self.key)
        except InvalidData:  # a misspelt column
            if difflib.get_close_matches(written, names, n=1) or not set(written) & set("*+/<>=|("):
                return {written}
            raise
