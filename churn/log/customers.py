"""How unequal customers are: by their number of events, and what single events are worth by kind."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

GROUPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # the lowest number of events in each
TOP = 0.1  # share of customers with most events
QUANTILES = {"low": 0.05, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "high": 0.95}
SIZES = ["group", "customers", "events", "share", "share_of_events"]
VALUES = ["kind", "events", "zero", "below_zero", *QUANTILES, "total"]
NO_EVENT = "none"


def by_events(events: Table, customers: Table) -> pd.DataFrame:
    """Customers by their number of events, exactly: events (of each), customers; those without any too."""
    each = events.group_by("customer_id").agg(events=events.count())
    counted = each.group_by("events").agg(customers=each.count()).order_by("events").execute()
    without = int(customers.count().execute()) - int(counted.customers.sum())
    nobody = pd.DataFrame({"events": [0], "customers": [without]})
    return pd.concat([nobody, counted], ignore_index=True).astype("int64") if without > 0 else counted.astype("int64")


def grouped(counted: pd.DataFrame) -> pd.DataFrame:
    """The same in a few groups: SIZES. `events` are those of all customers of a group."""
    group = np.searchsorted(GROUPS, counted.events, side="right")
    rows = counted.assign(number=group, events=counted.events * counted.customers).groupby("number", as_index=False)
    table = rows[["customers", "events"]].sum()
    names = [_name(number) for number in table.number]
    shares = {"share": table.customers / table.customers.sum(), "share_of_events": table.events / table.events.sum()}
    return table.assign(group=names, **shares)[SIZES]


def _name(number: int) -> str:
    if number == 0:
        return NO_EVENT
    low = GROUPS[number - 1]
    if number == len(GROUPS):
        return f"{low:,} and more"
    high = GROUPS[number] - 1
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def share_of_top(counted: pd.DataFrame, top: float = TOP) -> float:
    """Share of all events that the customers with most events have, so many of them; nan without any."""
    most = counted.sort_values("events", ascending=False)
    wanted = top * most.customers.sum()
    before = most.customers.cumsum() - most.customers
    taken = (wanted - before).clip(0, most.customers)
    total = float((most.events * most.customers).sum())
    return float((taken * most.events).sum()) / total if total else float("nan")


def values(events: Table) -> pd.DataFrame:
    """What single events are worth, by kind, that with most events first: VALUES.

    Shares of events that are worth nothing, and less; QUANTILES, and the sum of all.
    """
    rows = events.select("kind", "value", number=events.value.cast("float64"))
    figures = {"zero": (rows.value == 0).mean(), "below_zero": (rows.value < 0).mean()}
    figures |= {"total": rows.value.sum().cast("float64"), "at": rows.number.quantile(list(QUANTILES.values()))}
    found = rows.group_by("kind").agg(events=rows.count(), **figures).order_by(ibis.desc("events"), "kind").execute()
    quantiles = pd.DataFrame(found["at"].tolist(), columns=list(QUANTILES), index=found.index)
    return found.join(quantiles)[VALUES]


def constant(row: pd.Series) -> bool:
    """Whether nearly all events of a kind have one value, such as the 1 of a log that knows none."""
    return row["low"] == row["high"]
