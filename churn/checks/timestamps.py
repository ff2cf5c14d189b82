"""Whether the times of a log can be its own: nobody acts before signing up, and everybody has a life of their own.

Customers come and go, so the events of one lie closer to each other than to those of others. Where times were shuffled
among the rows that is gone, and the variance between customers is the one within them: F of an analysis of variance
(Fisher 1925) is 1, as exactly as its sampling error allows. Times shuffled within each customer, or in a few rows, stay
unseen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ibis
from ibis.expr.types import Table

from churn.checks.result import Check
from churn.features.snapshots import moment
from churn.sources.contract import known_at

if TYPE_CHECKING:
    from churn.sources.contract import Source

EARLY = 0.05  # share of events that may lie before their customer's sign-up
ERRORS = 4  # standard errors within which F counts as 1
FEWEST = 100  # customers, and events beyond their first, from which F says anything
MICROSECONDS_AN_HOUR = 3_600_000_000
SIGNED_UP, AFTER = (
    "events after sign-up",
    f"at most {EARLY:.0%} of the events are known before their customer's sign-up",
)
OWN_TIMES, SPREAD = "times of their own", "times tell customers apart: they have not been shuffled among the rows"


def of_log(source: Source) -> list[Check]:
    """Both checks of an event log; ready-made tables have no times to look at."""
    if source.events is None:
        told = "the features came ready-made: there is no log"
        return [Check(SIGNED_UP, AFTER, None, told), Check(OWN_TIMES, SPREAD, None, told)]
    return [_after_signup(source.events, source.customers), _not_shuffled(source.events)]


def _after_signup(events: Table, customers: Table) -> Check:
    timed = events.mutate(known_at=known_at(events))
    firsts = timed.group_by("customer_id").agg(first=timed.known_at.min()).join(customers, "customer_id")
    early = firsts.filter(firsts["first"] < firsts.signup_at).order_by("customer_id")
    if not early.count().execute():
        return Check(SIGNED_UP, AFTER, True, "none lies before")
    both = timed.join(customers, "customer_id")
    share = (both.known_at < both.signup_at).mean().execute()
    told = f"at: {share:.1%} of the events lie before signup_at, for example " + ", ".join(
        f"{row.customer_id} on {row.first:%Y-%m-%d %H:%M:%S} (signed up {row.signup_at:%Y-%m-%d %H:%M:%S})"
        for row in early.limit(3).execute().itertuples()
    )
    return Check(SIGNED_UP, AFTER, bool(share <= EARLY), told)


def _not_shuffled(events: Table) -> Check:
    hours = events["at"].delta(moment("2000-01-01"), unit="microsecond") // MICROSECONDS_AN_HOUR
    timed = events.mutate(hours=hours, squared=hours * hours)
    each = timed.group_by("customer_id").agg(
        n=timed.count(), total=timed.hours.sum().cast("float64"), squares=timed.squared.sum().cast("float64")
    )
    between = (each.total * each.total / each.n).sum()
    of_all = each.agg(
        k=each.count(), n=each.n.sum(), total=each.total.sum(), squares=each.squares.sum(), between=between
    )
    sums = {name: float(value) for name, value in of_all.execute().iloc[0].items()}
    f, error = _variance_ratio(**sums)
    if not math.isfinite(f):
        return Check(OWN_TIMES, SPREAD, None, "too few events to tell")
    told = f"variance between customers over that within them: {f:.2f}"
    if shuffled := abs(f - 1) <= ERRORS * error:
        told = f"at: F is {f:.3f}, where chance gives 1 ± {ERRORS * error:.3f}; for example " + _spread(events)
    return Check(OWN_TIMES, SPREAD, not shuffled, told)


def _variance_ratio(*, k: float, n: float, total: float, squares: float, between: float) -> tuple[float, float]:
    """F of one-way analysis of variance and its standard error where customers do not differ; nan of too little."""
    within = squares - between
    if min(k, n - k) < FEWEST or within <= 0:
        return math.nan, math.nan
    return ((between - total**2 / n) / (k - 1)) / (within / (n - k)), math.sqrt(2 / (k - 1) + 2 / (n - k))


def _spread(events: Table) -> str:
    """The customers with most events, and the time over which these are spread."""
    each = events.group_by("customer_id").agg(n=events.count(), first=events["at"].min(), last=events["at"].max())
    most = each.order_by(ibis.desc("n"), "customer_id").limit(3).execute()
    return ", ".join(f"{r.customer_id} from {r.first:%Y-%m-%d} to {r.last:%Y-%m-%d}" for r in most.itertuples())
