"""The days on which each customer came, and when next: silences, retention and the label's past are counted from it."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table


def spells(events: Table, *, kinds: list[str] | None = None) -> Table:
    """A row for each customer and day with events, in one pass: customer_id, day, following (the next such day, null
    for the last one), visit (how many such days there were by then).

    `kinds`: what counts; everything where nothing is said. Whoever counts several things from it caches it.
    """
    counted = events.filter(events.kind.isin(kinds)) if kinds else events
    days = counted.select("customer_id", day=counted["at"].date())
    order = ibis.window(group_by="customer_id", order_by="day")
    each = days.mutate(following=days.day.lead().over(order), visit=ibis.dense_rank().over(order) + 1)
    return each.filter(each.following.isnull() | (each.following > each.day))  # of several events on a day the last one
