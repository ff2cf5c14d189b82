"""What several tables are to each other: one log or more, of the same customers, and the table of these."""

from __future__ import annotations

from dataclasses import replace

import ibis
from ibis.expr.types import Table

from churn.discovery.files import Found
from churn.discovery.roles import Choice
from churn.discovery.tables import CUSTOMERS, EVENTS, LEFT_OUT, Proposal, customers_of, events_of

ONCE = 1.001  # rows a value, below which each row has another
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
    """What a table is beside a log: its customers, where a column that is another one on each row has the log's ids; or
    a log of its own."""
    once = {name: _shared(main, other.found, name) for name in _each_once(other.found)}
    best = max(once, key=once.get, default=None)
    if best and once[best] >= SHARED:
        told = f"another one on each row; {once[best]:.1%} of the ids in {main.found.name} are there"
        return customers_of(other.found, Choice("customer_id", best, once[best] >= 1 - MISSING, told))
    if other.role != EVENTS:
        return other
    customer = other.choices[0].column
    if (shared := _shared(main, other.found, customer)) >= SHARED:
        return other
    said = f"{shared:.0%} of the ids in '{main.choices[0].column}' of {main.found.name} are in its '{customer}'"
    return replace(other, doubts=[*other.doubts, f"{said}; are these the same customers?"])


def _each_once(found: Found) -> list[str]:
    """The columns that have another value on each row, which no time is taken for."""
    full = [f.name for f in found.facts if f.filled == 1 and not f.is_time]
    return [name for name in full if found.repeats[name] < ONCE]


def _shared(main: Proposal, other: Found, column: str) -> float:
    """Share of the ids of a log that a column of another table has too."""
    own, others = _ids(main.found, main.choices[0].column), _ids(other, column)
    own = own.filter(own.id.notnull(), own.id != "")
    return int(own.semi_join(others, "id").count().execute()) / max(int(own.count().execute()), 1)


def _ids(found: Found, column: str) -> Table:
    """The different values of a column: a column `id`."""
    return ibis.union(*(raw.select(id=raw[column].cast("string").strip()) for raw in found.raw), distinct=True)


def _one_of_customers(read: list[Proposal]) -> list[Proposal]:
    """The largest table of customers; any other is left out."""
    people = [one for one in read if one.role == CUSTOMERS]
    return [
        one if one.role != CUSTOMERS or one is people[0]
        else Proposal(one.found, LEFT_OUT, why=f"customers are taken from {people[0].found.name}")
        for one in read
    ]  # fmt: skip
