"""The reader `database`: an event log, with or without customers, that lies in PostgreSQL or SQLite."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import ibis

from churn.errors import InvalidData
from churn.sources import locate
from churn.sources.contract import Source
from churn.sources.databases import statement
from churn.sources.databases.fetch import fetch
from churn.sources.readers.events import read_events


def read_database(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    url: str,
    table: str | None = None,
    query: str | None = None,
    customers: dict | None = None,
    **of_the_log,
) -> Source:
    """Read a table or a query as an event log; `of_the_log` is what `read_events` takes, `columns` among it.

    Events and customers are read in one transaction that can only read. Raises InvalidData.
    """
    asked = statement.reads({"table": table, "query": query, "customers": customers, **of_the_log})
    with tempfile.TemporaryDirectory(dir=folder, prefix=".database-") as scratch:
        files = fetch(locate.value_of(url), asked, Path(scratch), shown=url)
        people = customers and {name: v for name, v in customers.items() if name not in ("table", "query")}
        people = people and people | {"path": str(files["customers"])}
        try:
            source = read_events(con, folder, path=str(files["events"]), customers=people, **of_the_log)
        except InvalidData as error:
            raise InvalidData(_named(str(error), files, asked)) from None
    labels = [asked[name].label for name in source.inputs.table]
    notes = [_named(note, files, asked) for note in source.notes]
    return replace(source, notes=notes, inputs=source.inputs.assign(files=labels))


def _named(text: str, files: dict[str, Path], asked: dict[str, statement.Read]) -> str:
    """A text about the files as one about what was asked of the database."""
    for name, file in files.items():
        text = text.replace(str(file), asked[name].label).replace(file.name, asked[name].label)
    return text
