"""The readers by name, and the one function that reads any input into the data contract."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from pathlib import Path

import ibis

from churn import engine
from churn.sources import contract, cut
from churn.sources.contract import Source
from churn.sources.locate import concealed
from churn.sources.readers import cdnow, database, events, shop, streaming, tables

READERS = {
    "events": events.read_events,
    "database": database.read_database,
    "tables": tables.read_tables,
    "cdnow": cdnow.read_cdnow,
    "streaming": streaming.read_streaming,
    "shop": shop.read_shop,
}
RESOLVERS = {"events": events.resolve, "tables": tables.resolve}
SPANS = {
    "events": events.span,
    "database": database.span,
    "cdnow": cdnow.span,
    "streaming": streaming.span,
    "shop": shop.span,
}


def resolve(con: ibis.BaseBackend, data: dict) -> dict:
    """The data section with how its files are written, found out where it is not said; the rest as it is.

    Raises InvalidData where the files leave it open.
    """
    if data["source"] not in RESOLVERS:
        return data
    with concealed(data), tempfile.TemporaryDirectory() as scratch:
        return RESOLVERS[data["source"]](con, data, Path(scratch))


def span(con: ibis.BaseBackend, data: dict) -> tuple[date, date]:
    """The days on which the first and the last event of a log were known. Raises InvalidData."""
    with concealed(data), tempfile.TemporaryDirectory() as scratch:
        return SPANS[data["source"]](con, Path(scratch), **_settings(data))


def read(con: ibis.BaseBackend, data: dict, folder: Path, *, as_of: str = "") -> Source:
    """Read the input that `data` (the section of a params file) describes into Parquet files in `folder`.

    What was read into it before is replaced. The same input gives the same content. What happened or became known on
    the day `as_of` or later is left out, as if the input ended there.
    DuckDB reads it, whatever the engine is: what follows computes on those files.
    Raises InvalidData, in one line, where the input cannot be used.
    """
    settings, reader = _settings(data), engine.beside(con)
    if data["source"] in ("events", "database"):  # whose lines become events: of one that goes on later, the first
        settings["as_of"] = as_of
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("events", "customers", "labels", "rejected"):
        (folder / f"{name}.parquet").unlink(missing_ok=True)
    (folder / contract.TOLD).unlink(missing_ok=True)
    shutil.rmtree(folder / "tables", ignore_errors=True)
    with concealed(data):
        source = READERS[data["source"]](reader, folder, **settings)
    horizon_days = data.get("labels", {}).get("horizon_days", 0)
    source = cut.at(reader, source, folder, as_of, horizon_days=horizon_days) if as_of else source
    contract.keep(source, folder)
    return source if reader is con else contract.over(con, source, folder)


def _settings(data: dict) -> dict:
    return {name: value for name, value in data.items() if name != "source" and value is not None}
