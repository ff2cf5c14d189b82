"""A snapshot's tables put online: from Parquet, batch by batch and column by column, to packed rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from churn import engine
from churn.features.online.packing import Layout
from churn.features.online.snapshot import Columns, Online, View

ROWS_AT_ONCE = 16_384


def put(place, snapshot: str, content: str, tables: dict[str, tuple[Path, Columns]], *, at: int,
        refuse: Callable[[Online], None]) -> bool:  # fmt: skip
    """Put a snapshot's tables, {view: (path, columns)}, online as a whole; False where that very content is there.

    `at`: the snapshot's moment in microseconds. `refuse` looks at what is online, and raises where that must stay.
    """
    with place.locked():
        held = place.online()
        if (held.snapshot, held.content) == (snapshot, content):
            return False
        refuse(held)
        views = {view: View(columns) for view, (_, columns) in tables.items()}
        with place.replacing(Online(snapshot, content, views)) as write:
            for view, (path, columns) in tables.items():
                for customers, rows in packed(path, columns, at=at, in_order=place.in_order):
                    write(view, customers, rows)
    return True


def packed(path: Path, columns: Columns, *, at: int, in_order: bool) -> Iterator[tuple[list[str], list[bytes]]]:
    """Customers and their rows, a batch at a time."""
    layout = Layout(columns)
    names = ["customer_id", *(name for name, _ in columns)]
    for batch in _in_order(path, names) if in_order else _as_they_lie(path, names):
        rows = layout.pack({name: batch[name] for name in names}, at)
        yield batch["customer_id"].cast(pa.string()).to_pylist(), rows


def _in_order(path: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    """By customer id, byte by byte, sorted by the engine, which puts onto disk what its memory does not hold."""
    con = engine.embedded()
    table = engine.read_parquet(con, path).select(*names).order_by("customer_id")
    yield from engine.batches(con, table, ROWS_AT_ONCE)
    con.disconnect()


def _as_they_lie(path: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    yield from pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE, columns=names)
