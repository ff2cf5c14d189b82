"""Who counts at given snapshots and who of them leaves, told again for any horizon and active window without a look at
the log: by when each customer's silences begin and end, counted.

Snapshots are midnights, so that days tell all.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Column, Table

from churn.training import labels

if TYPE_CHECKING:
    from churn.sources.contract import Source

COLUMNS = ["snapshot", "population", "leavers", "stayers", "rate"]
NEVER = 2**31 - 1  # a day that does not come


def can_be_told(source: Source) -> bool:
    """Whether `stretches` tell all: of a log without late arrivals."""
    return source.events is not None and "arrived_at" not in source.events.columns


def stretches(source: Source, label: dict) -> pd.DataFrame:
    """From when until when customers were the same: columns since, seen, until (days since 1970), customers.

    By `rule: inactivity` the last event that counts was on the day `seen`, and the next is `until`, or NEVER; by `rule:
    event` it is the cancellation that comes on `until`. Who counts by it has signed up, and was `seen`, by `since`.
    Neither horizon nor active window is in it. A log with late arrivals cannot be told so.
    """
    events, customers = source.events, source.customers
    signup = customers.select("customer_id", signup=_day(customers.signup_at))
    if label["rule"] == "event":
        of_kind = events.filter(events.kind == label["kind"])
        ends = of_kind.group_by("customer_id").agg(until=_day(of_kind["at"]).min())
        rows = signup.left_join(ends, "customer_id")
        rows = rows.select(since=rows.signup, seen=rows.signup, until=rows.until.fill_null(NEVER))
    else:
        counted = events.filter(events.kind.isin(label["kinds"])) if label.get("kinds") else events
        days = counted.select("customer_id", seen=_day(counted["at"])).distinct()
        following = days.seen.lead().over(ibis.window(group_by="customer_id", order_by="seen"))
        rows = days.mutate(until=following.fill_null(NEVER)).inner_join(signup, "customer_id")
        rows = rows.select(since=ibis.greatest(rows.signup, rows.seen), seen=rows.seen, until=rows.until)
    counted = rows.group_by(["since", "seen", "until"]).agg(customers=rows.count())
    return counted.order_by("seen", "until", "since").execute().astype("int64")


def at(found: pd.DataFrame, label: dict, dates: list[str], *, closed: list[str]) -> pd.DataFrame:
    """One row a date, in order: snapshot, population, leavers, stayers, rate in [0, 1]; by `stretches`.

    `label` is the section of the params file. At dates whose horizon is not `closed` nobody knows yet who leaves:
    there, and where nobody counts, the rate is missing.
    """
    since, seen, until, customers = (found[name].to_numpy() for name in ("since", "seen", "until", "customers"))
    by_event, counted = label["rule"] == "event", []
    for snapshot in dates:
        day = (date.fromisoformat(snapshot) - date(1970, 1, 1)).days
        counts = (since < day) & (until >= day)
        if not by_event:
            counts &= seen >= day - label["active_within_days"]
        comes = until < day + label["horizon_days"]
        left = int(customers[counts & (comes if by_event else ~comes)].sum())
        counted.append((snapshot, int(customers[counts].sum()), left if snapshot in closed else None))
    return table(counted)


def by_labels(labelled: Table, dates: list[str], *, closed: list[str]) -> pd.DataFrame:
    """The same of dates that are all among `labelled`, or have nobody."""
    each = labelled.group_by("snapshot").agg(n=labelled.count(), left=labelled.churned.sum()).execute()
    found = {f"{row.snapshot:%Y-%m-%d}": (int(row.n), int(row.left)) for row in each.itertuples()}
    return table([(t, n, left if t in closed else None) for t in dates for n, left in [found.get(t, (0, 0))]])


def labelled(source: Source, label: dict, dates: list[str]) -> Table:
    """The labels of a run at these dates, held for as long as they are counted and drawn from. Raises InvalidData where
    one reaches past the log."""
    rows = labels.build(source.events, source.customers, source.labels, snapshots=dates, label=label)
    return rows.cache()


def population(source: Source, label: dict, snapshot: str) -> int:
    """How many count at a snapshot, by the rule of the run."""
    return int(labels.population(source, snapshot=snapshot, label=label).count().execute())


def table(counted: list[tuple[str, int, int | None]]) -> pd.DataFrame:
    """Rows of COLUMNS from snapshots, their customers and leavers; None where nobody knows."""
    rows = [
        (t, n, left, None if left is None else n - left, left / n if left is not None and n else None)
        for t, n, left in counted
    ]
    types = {"population": "Int64", "leavers": "Int64", "stayers": "Int64", "rate": "Float64"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(types)


def rows_of(counted: pd.DataFrame, *, share: float = 1.0) -> pd.DataFrame:
    """As many customers as were counted, or a share of them, whoever they are: customer_id, snapshot, churned."""
    known = counted[counted.leavers.notna()]
    sizes = np.stack([known.leavers.to_numpy("int64"), known.stayers.to_numpy("int64")], axis=1).ravel()
    sizes = np.round(sizes * share).astype("int64")
    snapshots = pd.to_datetime(known.snapshot, utc=True).repeat(2)
    rows = pd.DataFrame(
        {"snapshot": snapshots.repeat(sizes), "churned": np.tile([True, False], len(known)).repeat(sizes)}
    )
    return rows.reset_index(drop=True).rename_axis("customer_id").reset_index()


def _day(moment: Column) -> Column:
    return moment.date().epoch_days().cast("int64")
