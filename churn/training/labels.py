"""Who counts at a snapshot, and who left within the horizon [snapshot, snapshot + horizon)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
from ibis.expr.types import Table

from churn.errors import InvalidData
from churn.features.definitions import population as who_counts
from churn.sources.contract import days_with_events, usual_gap
from churn.sources.snapshots import instant, moment

if TYPE_CHECKING:
    from churn.sources.contract import Source


def build(
    events: Table | None,
    customers: Table | None,
    given: Table | None,
    *,
    snapshots: list[str],
    label: dict,
    as_of: str = "",
) -> Table:
    """Labels `customer_id`, `snapshot`, `churned` (boolean), a row for each customer who counts at each snapshot.

    `label` is the section of the params file; from the day `as_of` on nothing is seen. Raises InvalidData when that day
    comes, or the log ends, before a horizon does.
    """
    if label["rule"] == "given":
        return given.filter(given.snapshot.isin([moment(t) for t in snapshots]))
    refuse_open_horizons(events, snapshots, label["horizon_days"], as_of)
    return ibis.union(*(_at(events, customers, t, label) for t in snapshots))


def population(source: Source, *, snapshot: str, label: dict) -> Table:
    """Who counts at a snapshot: `customer_id`, `snapshot`, whether or not the label is known yet."""
    if label["rule"] == "given":
        rows = next(iter(source.tables.values()))
        return rows.filter(rows.snapshot == moment(snapshot)).select("customer_id", "snapshot")
    rows = who_counts.members(source.events, source.customers, snapshot=snapshot, label=label)
    return rows.mutate(snapshot=moment(snapshot))


def refuse_open_horizons(events: Table | None, snapshots: list[str], horizon_days: int, as_of: str = "") -> None:
    """Raises InvalidData where the log ends before a horizon does, or `as_of` comes: its customers would count as gone,
    or as staying, without evidence. Without events labels are given.
    """
    if events is None:
        return
    last = max(snapshots)
    closes = instant(last, days_before=-horizon_days)
    if as_of and closes > instant(as_of):
        raise InvalidData(
            f"snapshot {last}: its label looks until {closes:%Y-%m-%d}, but nothing is seen from {as_of} (as_of) on; "
            f"use a snapshot up to {instant(as_of, days_before=horizon_days):%Y-%m-%d} or a shorter horizon"
        )
    end = events.at.max().execute().to_pydatetime()
    if end < closes - timedelta(days=1) and end < closes - usual_gap(days_with_events(events)):
        raise InvalidData(
            f"snapshot {last}: its label looks until {closes:%Y-%m-%d}, but the log ends on {end:%Y-%m-%d}; "
            f"use a snapshot up to {end - timedelta(days=horizon_days - 1):%Y-%m-%d} or a shorter horizon"
        )


def _at(events: Table, customers: Table, snapshot: str, label: dict) -> Table:
    """Of those who count, who left: nothing that counts in the horizon; by `rule: event`, the event before its end.

    Whoever cancelled before the snapshot, which nobody knew by then, counts and has left.
    """
    active = who_counts.members(events, customers, snapshot=snapshot, label=label)
    by_event = label["rule"] == "event"
    kinds = [label["kind"]] if by_event else label.get("kinds")
    seen = _until_horizon(events.filter(events.kind.isin(kinds)) if kinds else events, snapshot, label["horizon_days"])
    seen = seen if by_event else seen.filter(seen["at"] >= moment(snapshot))
    ids = seen.select(seen_id=seen.customer_id).distinct()
    joined = active.left_join(ids, active.customer_id == ids.seen_id)
    churned = joined.seen_id.notnull() if by_event else joined.seen_id.isnull()
    return joined.select("customer_id", snapshot=moment(snapshot), churned=churned)


def _until_horizon(events: Table, snapshot: str, horizon_days: int) -> Table:
    return events.filter(events["at"] < moment(snapshot, days_before=-horizon_days))
