"""The reader `database`: an event log, with or without customers, that lies in PostgreSQL or SQLite."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis

from churn.errors import InvalidData
from churn.sources import locate
from churn.sources.contract import Source
from churn.sources.databases import fetch, statement
from churn.sources.readers import events
from churn.sources.rows import expressions


def span(
    con: ibis.BaseBackend, scratch: Path, *, url: str, table: str | None = None, query: str | None = None, **of_the_log
) -> tuple[date, date]:
    """The days on which the first and the last event were known: of the rows only the times are asked for."""
    log = of_the_log | {"customers": None}
    asked = statement.reads({"table": table, "query": query, **log})["events"]
    written = [of_the_log["columns"].get(role) for role in ("at", "arrived_at")]
    written = list(filter(None, [*written, of_the_log.get("where")]))

    def made_of(names: list[str]) -> set[str]:
        return set().union(*(expressions.names_in(text, names, key=asked.key) for text in written))

    plain = all(map(str.isidentifier, written)) and not of_the_log.get("where")
    file = fetch.fetch_times(locate.value_of(url), asked, scratch, made_of=made_of, ends=plain, shown=url)
    return events.span(con, scratch, path=str(file), **log)


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
        files = fetch.fetch(locate.value_of(url), asked, Path(scratch), shown=url)
        people = customers and {name: v for name, v in customers.items() if name not in ("table", "query")}
        people = people and people | {"path": str(files["customers"])}
        try:
            source = events.read_events(con, folder, path=str(files["events"]), customers=people, **of_the_log)
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
