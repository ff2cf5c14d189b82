"""Logs that no feature at a snapshot may tell apart: one that ends there, and one with another future.

In the other future the columns of all later rows are shuffled, every customer has a new row of each kind soon after the
snapshot, some in its very first microsecond, and there are newcomers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

AHEAD = [  # how long after the snapshot a new row becomes known: one of these for each customer, in turn
    timedelta(0), timedelta(microseconds=1), timedelta(seconds=1), timedelta(hours=1), timedelta(days=1),
    timedelta(days=7),
]  # fmt: skip
TIMES = ("at", "arrived_at")


@dataclass(frozen=True)
class Log:
    """Customers and their events in memory, by the data contract.

    next_known: the row that becomes known first from the snapshot on: indexed by customer_id, columns at, known_at.
    """

    people: pa.Table
    events: pa.Table
    next_known: pd.DataFrame


def as_it_is(people: pa.Table, events: pa.Table, t: datetime) -> Log:
    """The log with the future that came."""
    return Log(people, events, _first_of_each(_split_at(events, t)[1]))


def truncated_at(people: pa.Table, events: pa.Table, t: datetime) -> Log:
    """The log as it was known before the snapshot, with the customers who had signed up."""
    past, later = _split_at(events, t)
    return Log(people.filter(pc.less(people["signup_at"], pa.scalar(t))), past, _first_of_each(later))


def with_other_future(people: pa.Table, events: pa.Table, t: datetime, kinds: list[str]) -> Log:
    """The log with another future, the same one each time."""
    past, later = _split_at(events, t)
    rng = np.random.default_rng(len(events))
    together = rng.permutation(len(later))  # both times of a row, or it might become known before the snapshot
    moved = {
        name: later[name].take(together if name in TIMES else rng.permutation(len(later)))
        for name in later.column_names
    }
    future = pa.concat_tables([pa.table(moved, schema=events.schema), *_new_rows(people, events.schema, t, kinds)])
    newcomers = people.take([0] * len(AHEAD))
    newcomers = _with(newcomers, customer_id=[f"(newcomer {n})" for n in range(len(AHEAD))])
    newcomers = _with(newcomers, signup_at=[t + ahead for ahead in AHEAD])
    return Log(pa.concat_tables([people, newcomers]), pa.concat_tables([past, future]), _first_of_each(future))


def _with(table: pa.Table, **values: list) -> pa.Table:
    for name, column in values.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(column, table.schema.field(name).type))
    return table


def _new_rows(people: pa.Table, schema: pa.Schema, t: datetime, kinds: list[str]) -> Iterator[pa.Table]:
    """A row of every kind for each customer; where the log says when rows arrive, one more that happened before."""
    n = len(people) * len(kinds)
    known = [t + AHEAD[person % len(AHEAD)] for person in range(len(people)) for _ in kinds]
    columns = {
        "customer_id": np.repeat(people["customer_id"].to_numpy(), len(kinds)),
        "at": known,
        "kind": kinds * len(people),
        "value": [Decimal(1)] * n,
        "arrived_at": known,
    }
    late = columns | {"at": [t - timedelta(hours=1)] * n}
    for rows in (columns, late) if "arrived_at" in schema.names else (columns,):
        yield pa.table([pa.array(rows[name], schema.field(name).type) for name in schema.names], schema=schema)


def _split_at(events: pa.Table, t: datetime) -> tuple[pa.Table, pa.Table]:
    """The events that were known before the snapshot, and the others. (Not by `features.known`, which is on trial.)"""
    known = pc.less(_known_at(events), pa.scalar(t))
    return events.filter(known), events.filter(pc.invert(known))


def _known_at(events: pa.Table) -> pa.ChunkedArray:
    """When each event was known: it had happened and, in a log that says when, arrived."""
    if "arrived_at" not in events.column_names:
        return events["at"]
    return pc.if_else(pc.less(events["at"], events["arrived_at"]), events["arrived_at"], events["at"])


def _first_of_each(later: pa.Table) -> pd.DataFrame:
    rows = later.select(["customer_id", "at"]).append_column("known_at", _known_at(later)).to_pandas()
    return rows.sort_values("known_at", kind="stable").drop_duplicates("customer_id").set_index("customer_id")
