"""What simulated sources share: customers by the block, each from a random stream of its own, written as they come."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.sources.contract import Source, event_source
from churn.state import replacing

BLOCK = 5_000  # customers simulated together, from a random stream of their own
HOUR, DAY = 3_600, 86_400  # seconds

EVENTS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("kind", pa.string()),
        ("value", pa.decimal128(18, 4)),
    ]
)


def span(start: pd.Timestamp, months: int) -> tuple[date, date]:
    """The first and the last day of a simulation."""
    return start.date(), (start + pd.DateOffset(months=months, days=-1)).date()


def write(
    con: ibis.BaseBackend,
    folder: Path,
    simulate: Callable[[np.random.Generator], tuple[pd.DataFrame, np.ndarray]],
    *,
    customers: int,
    seed: int,
    start: pd.Timestamp,
    kinds: list[str],
    segments: dict[str, list[str]],
) -> Source:
    """Write so many customers and their events, and read them; memory does not grow with their number.

    `simulate` gives a block: its customers, BLOCK rows with `signup` (seconds after `start`) and a code for each
    segment, and their `records` by customer and time. A segment's codes are positions in its list, as kinds are.
    """
    people_schema = pa.schema(
        [EVENTS.field(0), ("signup_at", EVENTS.field(1).type)] + [(s, pa.string()) for s in segments]
    )
    with (
        _writer(folder / "events.parquet", EVENTS) as events,
        _writer(folder / "customers.parquet", people_schema) as people,
    ):
        firsts = range(0, customers, BLOCK)
        for first, (block, log) in zip(firsts, _simulated(simulate, len(firsts), seed), strict=True):
            kept = min(BLOCK, customers - first)
            ids = pa.array([f"C{number:07d}" for number in range(first + 1, first + BLOCK + 1)])
            block, log = block.head(kept), log[log["customer"] < kept]
            texts = [pa.array(words).take(pa.array(block[name])) for name, words in segments.items()]
            columns = [ids[:kept], _moments(start, block["signup"].to_numpy()), *texts]
            people.write_table(pa.table(columns, schema=people_schema))
            events.write_table(_event_rows(log, ids, start, pa.array(kinds)))
    return event_source(con, folder, segments=list(segments))


def _simulated(simulate: Callable, blocks: int, seed: int) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """The blocks in their order, a few of them made ahead, on every core: numpy lets go of Python where it computes."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        ahead = deque()
        for number in range(blocks):
            rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
            ahead.append(pool.submit(simulate, rng))
            if len(ahead) > workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def records(customer: np.ndarray, at: np.ndarray, kind, hundredths) -> np.ndarray:
    """Events: customer (position in the block), at (seconds after the start), kind (position), value in hundredths."""
    table = np.empty(len(customer), dtype=[("customer", "i4"), ("at", "i8"), ("kind", "i1"), ("hundredths", "i4")])
    table["customer"], table["at"], table["kind"], table["hundredths"] = customer, at, kind, hundredths
    return table


def within(log: np.ndarray, seconds: int) -> np.ndarray:
    """The records before so many seconds, by customer, time and kind."""
    log = log[log["at"] < seconds]
    return log[np.lexsort((log["kind"], log["at"], log["customer"]))]


def second_of_day(rng: np.random.Generator, n: int) -> np.ndarray:
    """Times of day, shape (n,): more in the evening than in the morning."""
    return (np.clip(rng.normal(18.5, 3.5, n), 0, 23.99) * HOUR).astype("int64")


def _moments(start: pd.Timestamp, seconds: np.ndarray) -> pa.Array:
    return pa.array((seconds + int(start.timestamp())) * 1_000_000, EVENTS.field("at").type)


def _event_rows(log: np.ndarray, ids: pa.Array, start: pd.Timestamp, kinds: pa.Array) -> pa.Table:
    hundredths = pa.array(log["hundredths"]).cast(pa.decimal128(10, 0))
    value = pc.multiply(hundredths, pa.scalar(Decimal("0.01"))).cast(EVENTS.field("value").type)
    names = kinds.take(pa.array(log["kind"]))
    return pa.table([ids.take(pa.array(log["customer"])), _moments(start, log["at"]), names, value], schema=EVENTS)


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that is written in pieces, and in place when complete."""
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        yield writer
