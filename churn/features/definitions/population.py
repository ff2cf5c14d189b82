"""Who counts at a snapshot: one rule for labels, training, scoring and the API, told by what was known before it.

A model has learnt from customers who counted. Of anybody else it has seen none, and its score would be a guess.
"""

from __future__ import annotations

from ibis.expr.types import BooleanColumn, Table, TimestampColumn

from churn.features.definitions.columns import Definition, Feature
from churn.sources.snapshots import days_between, known_before, moment

VIEW = "profile"


def members(events: Table, customers: Table, *, snapshot: str, label: dict) -> Table:
    """`customer_id` of whoever counts at a snapshot. `label`: the section of the params file."""
    rows = judged(events, customers, snapshot=snapshot, label=label)
    return rows.filter(rows["population counts"]).select("customer_id")


def judged(events: Table, customers: Table, *, snapshot: str, label: dict) -> Table:
    """Everybody who had signed up before the snapshot: `customer_id`, `population counts` (boolean), and
    `population decided_at`: the last event that counts as activity, or by `rule: event` the cancellation; null: none.
    """
    known = known_before(events, snapshot)
    kinds = [label["kind"]] if label["rule"] == "event" else label.get("kinds")
    deciding = known.filter(known.kind.isin(kinds)) if kinds else known
    at = deciding["at"].min() if label["rule"] == "event" else deciding["at"].max()
    decided = deciding.group_by("customer_id").aggregate(**{"population decided_at": at})
    people = customers.filter(customers.signup_at < moment(snapshot)).select("customer_id")
    rows = people.left_join(decided, "customer_id").drop("customer_id_right")
    return rows.mutate(**{"population counts": _counts(rows["population decided_at"], snapshot, label)})


def _counts(decided_at: TimestampColumn, snapshot: str, label: dict) -> BooleanColumn:
    if label["rule"] == "event":
        return decided_at.isnull()
    active_within_days = label["active_within_days"]
    return (decided_at >= moment(snapshot, days_before=active_within_days)).fill_null(False)


def decided_by(label: dict) -> str:
    """What decides whether somebody counts, after `the`."""
    return label["kind"] if label["rule"] == "event" else "last event that counts"


def rule(label: dict) -> str:
    """The rule in words, after `who counts`."""
    if label["rule"] == "event":
        return f"has signed up and has no {label['kind']} yet"
    kinds = " or ".join(label.get("kinds") or ["event"])
    return f"had any {kinds} in the {label['active_within_days']} days before the snapshot"


def definitions(label: dict) -> list[Definition]:
    """Columns that stand beside the features and are none: whether a customer counts, and for how long it is decided.

    Their expressions take rows with the columns of `judged`, called `population counts` and `population decided_at`.
    """
    counts = Feature("counts", VIEW, "integer", "flag", f"1: who counts {rule(label)}; 0: does not")
    silent = Feature("days_silent", VIEW, "number", "days", f"since the {decided_by(label)}; null: none")
    return [
        Definition(counts, lambda row: row["population counts"].cast("int64")),
        Definition(silent, lambda row: days_between(row.snapshot, row["population decided_at"])),
    ]
