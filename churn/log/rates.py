"""How many customers count, and how many of them leave, at each date of the grid: the label's past, from one scan.

A customer counts, and leaves, over whole stretches of dates. Where these begin and end is found by the engine, one row
per customer and period at most; how many lie over each date is then a running sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import IntegerColumn, Table

from churn.log import periods
from churn.log.spells import spells
from churn.sources.contract import days_with_events, known_at, usual_gap

if TYPE_CHECKING:
    from churn.sources.contract import Source

RATES = ["snapshot", "population", "churned", "rate", "closed"]


@dataclass(frozen=True)
class _Span:
    """The numbers of the first and the last date, and from when on a horizon has not closed."""

    first: int
    last: int
    open: date


def monthly(
    source: Source,
    label: dict,
    *,
    every: str = "month",
    as_of: str = "",
    active: Table | None = None,
    days: pd.DatetimeIndex | None = None,
) -> pd.DataFrame:
    """The label at every date of the grid (`every` day, week or month) that the log allows: RATES, by date.

    snapshot (date), population, churned, rate (share), closed. A date is there when the active window before it lies
    within the log; where the horizon after it does not, or does not close by `as_of`, `closed` is False and churned and
    rate are nan. Labels that were given are counted as they are. `label` is the section of the params file.
    `active`: the spells of what counts, `days`: those with events, where the caller has them.
    """
    if label["rule"] == "given":
        return _given(source.labels)
    days = days_with_events(source.events) if days is None else days
    if days.empty:
        return pd.DataFrame(columns=RATES)
    span = _span(days, label, every, as_of)
    if label["rule"] == "event":
        found = _until_cancelled(source.events, source.customers, label, every, span)
    else:
        known = _known_later if "arrived_at" in source.events.columns else _known_at_once
        rows = _with_signup(known(source.events, label.get("kinds"), every, active), source.customers, every)
        found = _while_active(rows, label, every, span)
    names = ["begins", "ends", "left_from", "left_until"]
    counted = found.group_by(names).agg(customers=found.count()).execute()
    return _by_date(counted, every, span)


def _given(labels: Table) -> pd.DataFrame:
    by_date = labels.group_by(snapshot=labels.snapshot.date())
    table = by_date.agg(population=labels.count(), churned=labels.churned.cast("int64").sum()).order_by("snapshot")
    rows = table.execute()
    dates = pd.to_datetime(rows.snapshot).dt.date
    return rows.assign(snapshot=dates, rate=rows.churned / rows.population, closed=True)[RATES]


def _span(days: pd.DatetimeIndex, label: dict, every: str, as_of: str) -> _Span:
    """A horizon closes when the log reaches its end, but for a time that is usual between two days with events."""
    starts, ends = days[0].date(), days[-1].date()
    first = starts + timedelta(days=label.get("active_within_days", 1))
    opens = ends + usual_gap(days) - timedelta(days=label["horizon_days"])
    if as_of:
        opens = min(opens, date.fromisoformat(as_of) - timedelta(days=label["horizon_days"]))
    number = periods.index_of(first, every)
    on_grid = periods.start(number, every) == first
    return _Span(number + (not on_grid), periods.index_of(ends + timedelta(days=1), every), opens)


def _known_at_once(events: Table, kinds: list[str] | None, every: str, active: Table | None) -> Table:
    """From each last day of a period to the customer's next one: period, last (day), following (period), next (day)."""
    rows = spells(events, kinds=kinds) if active is None else active
    rows = rows.select(
        "customer_id",
        period=periods.index(rows.day, every),
        last=rows.day,
        following=periods.index(rows.following, every),
        next=rows.following,
    )
    return rows.filter(rows.following.isnull() | (rows.following > rows.period))


def _known_later(events: Table, kinds: list[str] | None, every: str, _active: Table | None) -> Table:
    """The same of a log in which rows arrive. What is known only in a later period than it happened counts from there
    on as activity; whoever was there has not left, whenever that became known."""
    rows = _by_period(events.filter(events.kind.isin(kinds)) if kinds else events, every)
    by_customer = {"group_by": "customer_id", "order_by": "period"}
    before, after = ibis.window(preceding=(None, 0), **by_customer), ibis.window(following=(1, None), **by_customer)
    return rows.select(
        "customer_id",
        "period",
        last=rows["last"].max().over(before),
        following=rows.period.min().over(after),
        next=rows["first"].min().over(after),
    )


def _by_period(events: Table, every: str) -> Table:
    """Of each customer and period `first`, the day of the earliest event in it, and `last`, that of the latest of those
    that became known in it; null where there is none."""
    days = events.select("customer_id", day=events["at"].date(), known=known_at(events).date())
    happened = days.group_by("customer_id", period=periods.index(days.day, every)).agg(first=days.day.min())
    known = days.group_by("customer_id", period=periods.index(days.known, every)).agg(last=days.day.max())
    nothing, names = ibis.null("date"), ["customer_id", "period", "first", "last"]
    both = happened.mutate(last=nothing).union(known.mutate(first=nothing).select(*names))
    return both.group_by("customer_id", "period").agg(first=both["first"].min(), last=both["last"].max())


def _while_active(rows: Table, label: dict, every: str, span: _Span) -> Table:
    """Dates between two periods of a customer, up to the end of the active window; at midnight, so days tell all."""
    until = periods.index(rows["last"] + ibis.interval(days=label["active_within_days"]), every)
    left = periods.index(rows.next - ibis.interval(days=label["horizon_days"]), every)
    ends = ibis.least(rows.following.fill_null(span.last), until.fill_null(span.first - 1), span.last)
    begins = ibis.greatest(rows.period + 1, rows.signup + 1, span.first)
    return _stretches(rows, begins, ends, begins, ibis.least(ends, left.fill_null(span.last)))


def _until_cancelled(events: Table, customers: Table, label: dict, every: str, span: _Span) -> Table:
    """From sign-up until the cancellation is known; whoever cancels before the horizon ends has left."""
    of_kind = events.filter(events.kind == label["kind"])
    of_kind = of_kind.select("customer_id", day=of_kind["at"].date(), known=known_at(of_kind).date())
    cancelled = of_kind.group_by("customer_id").agg(day=of_kind.day.min(), known=of_kind.known.min())
    people = customers.select("customer_id", signup=periods.index(customers.signup_at.date(), every))
    rows = people.left_join(cancelled, "customer_id").drop("customer_id_right")
    begins = ibis.greatest(rows.signup + 1, span.first)
    ends = ibis.least(periods.index(rows.known, every).fill_null(span.last), span.last)
    leaves = periods.index(rows.day - ibis.interval(days=label["horizon_days"]), every) + 1
    return _stretches(rows, begins, ends, ibis.greatest(begins, leaves.fill_null(span.last + 1)), ends)


def _with_signup(rows: Table, customers: Table, every: str) -> Table:
    people = customers.select("customer_id", signup=periods.index(customers.signup_at.date(), every))
    return rows.inner_join(people, "customer_id")


def _stretches(
    rows: Table, begins: IntegerColumn, ends: IntegerColumn, left_from: IntegerColumn, left_until: IntegerColumn
) -> Table:
    """Numbers of dates, both ends included: in population, and among the leavers."""
    table = rows.select(begins=begins, ends=ends, left_from=left_from, left_until=left_until)
    return table.filter(table.begins <= table.ends)


def _by_date(counted: pd.DataFrame, every: str, span: _Span) -> pd.DataFrame:
    numbers = np.arange(span.first, span.last + 1)
    leaving = counted[counted.left_from <= counted.left_until]
    population = _over(counted.begins, counted.ends, counted.customers, numbers)
    churned = _over(leaving.left_from, leaving.left_until, leaving.customers, numbers).astype("float64")
    dates = [periods.start(int(number), every) for number in numbers]
    closed = np.array([day <= span.open for day in dates], bool)
    churned[~closed] = np.nan
    rate = np.divide(churned, population, out=np.full(len(numbers), np.nan), where=population > 0)
    table = zip(RATES, (dates, population, churned, rate, closed), strict=True)
    return pd.DataFrame(dict(table))


def _over(begins: pd.Series, ends: pd.Series, customers: pd.Series, numbers: np.ndarray) -> np.ndarray:
    """How many lie over each number."""
    change = np.zeros(len(numbers) + 1, "int64")
    if len(numbers):
        np.add.at(change, begins.to_numpy() - numbers[0], customers.to_numpy())
        np.add.at(change, ends.to_numpy() + 1 - numbers[0], -customers.to_numpy())
    return change.cumsum()[:-1]
