"""The readers by name, and the one function that reads any input into the data contract."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import ibis

from churn.sources.contract import Source
from churn.sources.locate import concealed
from churn.sources.readers.cdnow import read_cdnow
from churn.sources.readers.database import read_database
from churn.sources.readers.events import read_events
from churn.sources.readers.events import resolve as resolve_events
from churn.sources.readers.shop import read_shop
from churn.sources.readers.streaming import read_streaming
from churn.sources.readers.tables import read_tables
from churn.sources.readers.tables import resolve as resolve_tables

READERS = {
    "events": read_events,
    "database": read_database,
    "tables": read_tables,
    "cdnow": read_cdnow,
    "streaming": read_streaming,
    "shop": read_shop,
}
RESOLVERS = {"events": resolve_events, "tables": resolve_tables}


def resolve(con: ibis.BaseBackend, data: dict) -> dict:
    """The data section with how its files are written, found out where it is not said; the rest as it is.

    Raises InvalidData where the files leave it open.
    """
    if data["source"] not in RESOLVERS:
        return data
    with concealed(data), tempfile.TemporaryDirectory() as scratch:
        return RESOLVERS[data["source"]](con, data, Path(scratch))


def read(con: ibis.BaseBackend, data: dict, folder: Path) -> Source:
    """Read the input that `data` (the section of a params file) describes into Parquet files in `folder`.

    What was read into it before is replaced. The same input gives the same content.
    Raises InvalidData, in one line, where the input cannot be used.
    """
    settings = {name: value for name, value in data.items() if name != "source" and value is not None}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("events", "customers", "labels", "rejected"):
        (folder / f"{name}.parquet").unlink(missing_ok=True)
    shutil.rmtree(folder / "tables", ignore_errors=True)
    with concealed(data):
        return READERS[data["source"]](con, folder, **settings)
