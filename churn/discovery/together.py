"""What several tables are to each other: one log or more, of the same customers, and the table of these."""

from __future__ import annotations

from dataclasses import replace

import ibis
from ibis.expr.types import Table

from churn.discovery.files import Found
from churn.discovery.tables import CUSTOMERS, EVENTS, LEFT_OUT, Proposal, customers_of, events_of

SHARED, MISSING = 0.5, 0.01  # share of a log's ids that its customers' table has; that it may lack


def propose(found: list[Found]) -> list[Proposal]:
    """What each of the tables is, events first. Where ids should agree between tables and do not, it is said."""
    read = [events_of(table) for table in found]
    logs = [one for one in read if one.role == EVENTS]
    if not logs:
        return read
    main = max(logs, key=lambda one: (one.choices[0].sure, one.found.rows))
    read = _one_of_customers([one if one is main else _beside(main, one) for one in read])
    return sorted(read, key=lambda one: (one is not main, (EVENTS, CUSTOMERS, LEFT_OUT).index(one.role)))


def _beside(main: Proposal, other: Proposal) -> Proposal:
    """What a table is beside a log: its customers, where an id that is another one on each row is that of the log."""
    people = customers_of(other)
    shared = _shared(main, people) if people.role == CUSTOMERS else 0.0
    if people.role == CUSTOMERS and (shared > SHARED or other.role != EVENTS):
        return people if shared > 1 - MISSING else _doubted(people, main, shared)
    if other.role == EVENTS and (shared := _shared(main, other)) < SHARED:
        return _doubted(other, main, shared)
    return other


def _shared(main: Proposal, other: Proposal) -> float:
    """Share of the ids of a log that another table has too."""
    own, others = (_ids(one) for one in (main, other))
    own = own.filter(own.id.notnull(), own.id != "")
    return int(own.semi_join(others, "id").count().execute()) / max(int(own.count().execute()), 1)


def _ids(one: Proposal) -> Table:
    """The different ids of a table: a column `id`."""
    named = one.choices[0].column
    return ibis.union(*(raw.select(id=raw[named].cast("string").strip()) for raw in one.found.raw), distinct=True)


def _doubted(one: Proposal, main: Proposal, shared: float) -> Proposal:
    own, other = main.choices[0].column, one.choices[0].column
    said = f"{shared:.0%} of the ids in '{own}' of {main.found.name} are in its '{other}'"
    return replace(one, doubts=[*one.doubts, f"{said}; are these the same customers?"])


def _one_of_customers(read: list[Proposal]) -> list[Proposal]:
    """The largest table of customers; any other is left out."""
    people = [one for one in read if one.role == CUSTOMERS]
    return [
        one if one.role != CUSTOMERS or one is people[0]
        else Proposal(one.found, LEFT_OUT, why=f"customers are taken from {people[0].found.name}")
        for one in read
    ]  # fmt: skip
