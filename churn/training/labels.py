"""Who counts at a snapshot, and who left within the horizon [snapshot, snapshot + horizon)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
from ibis.expr.types import Table

from churn.errors import InvalidData
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
    rule = {"inactivity": _inactivity, "event": _event}[label["rule"]]
    settings = {key: value for key, value in label.items() if key != "rule"}
    return ibis.union(*(rule(events, customers, snapshot=t, **settings) for t in snapshots))


def population(source: Source, *, snapshot: str, label: dict) -> Table:
    """Who counts at a snapshot: `customer_id`, `snapshot`, whether or not the label is known yet."""
    if label["rule"] == "given":
        rows = next(iter(source.tables.values()))
        return rows.filter(rows.snapshot == moment(snapshot)).select("customer_id", "snapshot")
    rule = {"inactivity": _inactivity, "event": _event}[label["rule"]]
    settings = {key: value for key, value in label.items() if key != "rule"}
    return rule(source.events, source.customers, snapshot=snapshot, **settings).drop("churned")


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


def _inactivity(
    events: Table,
    customers: Table,
    *,
    snapshot: str,
    horizon_days: int,
    active_within_days: int,
    kinds: list[str] | None = None,
) -> Table:
    """Active: an event in the days before. Left: none in the horizon."""
    events = events.filter(events.kind.isin(kinds)) if kinds else events
    before = events.filter(events.at >= moment(snapshot, days_before=active_within_days), events.at < moment(snapshot))
    active = customers.filter(customers.signup_at < moment(snapshot)).semi_join(before, "customer_id")
    return _marked(active, _within(events, snapshot, horizon_days), snapshot, left_if_seen=False)


def _event(events: Table, customers: Table, *, snapshot: str, kind: str, horizon_days: int) -> Table:
    """Active: signed up and no such event yet. Left: such an event in the horizon."""
    events = events.filter(events.kind == kind)
    active = customers.filter(customers.signup_at < moment(snapshot)).anti_join(
        events.filter(events.at < moment(snapshot)), "customer_id"
    )
    return _marked(active, _within(events, snapshot, horizon_days), snapshot, left_if_seen=True)


def _within(events: Table, snapshot: str, horizon_days: int) -> Table:
    return events.filter(events.at >= moment(snapshot), events.at < moment(snapshot, days_before=-horizon_days))


def _marked(active: Table, seen: Table, snapshot: str, *, left_if_seen: bool) -> Table:
    ids = seen.select(seen_id=seen.customer_id).distinct()
    joined = active.left_join(ids, active.customer_id == ids.seen_id)
    churned = joined.seen_id.notnull() if left_if_seen else joined.seen_id.isnull()
    return joined.select("customer_id", snapshot=moment(snapshot), churned=churned)
