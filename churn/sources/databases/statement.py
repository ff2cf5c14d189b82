"""What is read of a database: a table, or one query that only reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from churn.errors import InvalidData

# Within these a semicolon ends nothing, and a word is none of SQL's.
APART = re.compile(
    r"""\b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$""",
    re.VERBOSE | re.DOTALL,
)
READ = ("select", "with", "values", "table")
WRITES = re.compile(r"\b(insert\s+into|delete\s+from|merge\s+into|update\s+[\w\s.']+?\s+set)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Read:
    """A table or a query of the data section. `needed`: columns that it must have; `key`: where it stands there."""

    table: str | None
    query: str | None
    needed: tuple[str, ...]
    key: str

    @property
    def label(self) -> str:
        """What a message calls the rows."""
        return f"table {self.table}" if self.query is None else self.key

    @property
    def sql(self) -> str:
        """The rows as a query. Raises InvalidData where it would do anything but read."""
        if self.query is not None:
            return one_that_reads(self.query, key=self.key)
        return f"SELECT * FROM {'.'.join(map(quoted, self.table.split('.')))}"


def reads(data: dict) -> dict[str, Read]:
    """What is read for the data section of a params file: events and, where it names them, customers.

    Of `columns` those are needed that are plain names; what is computed is for the reader to judge.
    """
    asked = {"data": ("events", data), "data.customers": ("customers", data.get("customers"))}
    return {
        name: Read(part.get("table"), part.get("query"), _plain_names(part), f"{section}.{_of(part)}")
        for section, (name, part) in asked.items()
        if part
    }


def one_that_reads(query: str, *, key: str) -> str:
    """The query without the semicolon and the comment at its end. Raises InvalidData, naming `key`."""
    bare = APART.sub(lambda found: (" " if found[0].startswith(("--", "/*")) else "'") * len(found[0]), query)
    end = len(bare.rstrip("; \t\r\n"))
    first = re.match(r"[\s(]*(\w+)", bare)
    if first is None or first[1].lower() not in READ:
        begins = f"it begins with {first[1]!r}" if first else "it is empty"
        raise InvalidData(f"{key}: {begins}; give one query that reads: {', '.join(READ)}")
    if ";" in bare[:end]:
        raise InvalidData(f"{key}: it holds several statements; give one")
    if found := WRITES.search(bare):
        raise InvalidData(f"{key}: it writes ({' '.join(found[1].split())!r}); give a query that only reads")
    return query[:end]


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _of(part: dict) -> str:
    return "table" if part.get("query") is None else "query"


def _plain_names(part: dict) -> tuple[str, ...]:
    names = [*part["columns"].values(), *(part.get("segments") or [])]
    return tuple(name for name in names if name and name.isidentifier())
