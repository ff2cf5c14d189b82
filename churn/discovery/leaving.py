"""What leaving means in a log: a kind that says so, or silence."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn.discovery import vocabulary as v

ENOUGH = 0.01  # share of customers who have cancelled
RARELY, HARDLY = 0.4, 0.1  # share of those who cancelled with events a day later and on: told, and certain
MOST_KINDS = 40


@dataclass(frozen=True)
class Leaving:
    """`kind`: the event that says a customer has left, None where silence does; `kinds`: what counts as activity, None
    where everything does."""

    kind: str | None
    kinds: list[str] | None
    sure: bool
    why: str


def of_events(events: Table) -> Leaving:
    """A kind that looks like a cancellation, and after which customers are gone; else silence."""
    kinds = kinds_of(events)
    ends = kinds[kinds.kind.str.contains(v.CANCELLED) & ~kinds.kind.str.contains(v.PASSIVE)]
    ends = ends[(ends.share >= ENOUGH) & (ends.share <= 0.95) & (ends.after <= RARELY)].sort_values("share")
    if len(ends):
        last = ends.iloc[-1]
        why = f"{last.share:.0%} of the customers have '{last.kind}', and {last.after:.0%} of them events after it"
        return Leaving(last.kind, None, bool(last.after <= HARDLY and len(ends) == 1), why)
    return _silence(kinds)


def kinds_of(events: Table) -> pd.DataFrame:
    """Kinds, the frequent first: columns kind, events, share (of customers who have it), after (share of those who have
    any event more than a day after their last one of the kind)."""
    each = events.group_by(["customer_id", "kind"]).agg(n=events.count(), last=events["at"].max())
    whole = ibis.window(group_by="customer_id")
    each = each.mutate(end=each["last"].max().over(whole))
    later = (each.end > each["last"] + ibis.interval(days=1)).cast("int8")
    told = (
        each.mutate(later=later)
        .group_by("kind")
        .agg(events=lambda t: t.n.sum(), customers=lambda t: t.count(), after=lambda t: t.later.mean())
    )
    customers = int(events.customer_id.nunique().execute())
    found = told.order_by(ibis.desc("events"), "kind").limit(MOST_KINDS).execute()
    return found.assign(share=found.customers / max(customers, 1))[["kind", "events", "share", "after"]]


def _silence(kinds: pd.DataFrame) -> Leaving:
    """Silence, of all kinds but those that say nothing of a customer who is there: a return, a mail that was sent."""
    passive = [kind for kind in kinds.kind if v.BACKWARD.search(kind) or v.PASSIVE.search(kind)]
    active = sorted(set(kinds.kind) - set(passive))
    if not passive or not active:
        return Leaving(None, None, True, "no kind of event says that a customer leaves, so silence does")
    why = f"no kind says that a customer leaves, so silence does, of all kinds but {', '.join(passive)}"
    return Leaving(None, active, True, why)
