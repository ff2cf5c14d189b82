"""Whether the input can be believed as it was staged: who is who, and whether the times can be their own.

One person in the input as two customers is twice the same answer, on both sides of a split by entity.

Customers come and go, so the events of one lie closer to each other than to those of others. Where times were shuffled
among the rows that is gone, and the variance between customers is the one within them: F of an analysis of variance
(Fisher 1925) is 1, as exactly as its sampling error allows. Times shuffled within each customer, or in a few rows, stay
unseen.
"""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn.checks.result import Check
from churn.sources.contract import known_at
from churn.sources.snapshots import moment

if TYPE_CHECKING:
    from churn.sources.contract import Source

SHARED = 5  # events of different values or times of day that two customers share with nobody else
TELLING = 0.9  # of the customers have a value of their own in a column that tells them apart
LOOKED_AT = 100  # groups of customers whose histories look alike, at most
SPELLING, ONE_SPELLING = "one spelling a customer", "no two ids differ only in case or spaces"
PLAIN = "^[!-~]+$"  # printable ASCII without a space
HISTORY = "one id a history"
ONE_EVENTS = f"no two customers have the same events, {SHARED} telling ones of them shared with nobody else"
ONE_ROW = f"no two customers have the same features where a column tells {TELLING:.0%} of all apart"
EARLY = 0.05  # share of events that may lie before their customer's sign-up
ERRORS = 4  # standard errors within which F counts as 1
FEWEST = 100  # customers, and events beyond their first, from which F says anything
MICROSECONDS_AN_HOUR = 3_600_000_000
SIGNED_UP, AFTER = (
    "events after sign-up",
    f"at most {EARLY:.0%} of the events are known before their customer's sign-up",
)
OWN_TIMES, SPREAD = "times of their own", "times tell customers apart: they have not been shuffled among the rows"


def checks(source: Source, *, case_sensitive: bool = False) -> list[Check]:
    """Of an event log: ids, histories, and times. Ready-made features have whole rows as histories, and no times.

    With `case_sensitive`, ids that differ in case are those of different customers.

    A new check of the log is named in both branches, in the first as not checked.
    """
    if source.events is None:
        no_times = "the features came ready-made: there is no log"
        untimed = [Check(SIGNED_UP, AFTER, None, no_times), Check(OWN_TIMES, SPREAD, None, no_times)]
        return [*_of_ready_made(source, case_sensitive=case_sensitive), *untimed]
    return [
        _spelling(source.customers, case_sensitive=case_sensitive),
        _histories(source.events),
        _after_signup(source.events, source.customers),
        _not_shuffled(source.events),
    ]


def _of_ready_made(source: Source, *, case_sensitive: bool) -> list[Check]:
    snapshot = source.labels.snapshot.min().execute()
    tables = [t.filter(t.snapshot == source.labels.snapshot.min()).execute() for t in source.tables.values()]
    wide = pd.concat([table.set_index("customer_id").drop(columns="snapshot") for table in tables], axis=1)
    people = ibis.memtable({"customer_id": wide.index.to_numpy(dtype=str)})
    return [_spelling(people, case_sensitive=case_sensitive), _rows(wide, f"{snapshot:%Y-%m-%d}")]


def _spelling(customers: Table, *, case_sensitive: bool) -> Check:
    """Ids of plain letters are folded by the engine, so that these stay on disk; the others here, one by one."""
    ids = customers.select("customer_id")
    plain, rare = ids.filter(ids.customer_id.re_search(PLAIN)), ids.filter(~ids.customer_id.re_search(PLAIN)).execute()
    folded = rare.assign(id=[_folded(name, case_sensitive) for name in rare.customer_id])
    every = plain.mutate(id=plain.customer_id if case_sensitive else plain.customer_id.lower()).union(
        ibis.memtable(folded, schema={"customer_id": "string", "id": "string"})
    )
    counted = every.group_by("id").agg(spellings=every.count())
    alike = counted.filter(counted.spellings > 1)
    if not (several := alike.count().execute()):
        return Check(SPELLING, ONE_SPELLING, True, f"{ids.count().execute():,} ids")
    shown = every.semi_join(alike.order_by("id").limit(3), "id").execute().groupby("id").customer_id.agg(sorted)
    named = "; ".join(" and ".join(map(repr, group[:3])) for group in shown)
    observed = f"customer_id: {several:,} customers in several spellings, for example {named}"
    observed += "" if case_sensitive else "; where case tells customers apart: data.ids: case_sensitive"
    return Check(SPELLING, ONE_SPELLING, False, observed)


def _folded(name: str, case_sensitive: bool) -> str:
    fold = str if case_sensitive else str.casefold
    return " ".join(fold(unicodedata.normalize("NFKC", name)).split())


def _histories(events: Table) -> Check:
    """Same number of events, first, last and sum of values; then the events of these few are looked at one by one.

    Scheduled events say nothing: those on the same day have the same value, and everybody on the plan has them.
    """
    outline = events.group_by("customer_id").agg(
        n=events.count(), first=events.at.min(), last=events.at.max(), total=events.value.sum()
    )
    outline = outline.filter(outline.n >= SHARED)
    groups = outline.group_by(["n", "first", "last", "total"]).agg(
        customer=outline.customer_id.min(), twin=outline.customer_id.max(), customers=outline.count()
    )
    alike = groups.filter(groups.customers > 1, groups.customers <= 3).order_by("customer").limit(LOOKED_AT).execute()
    pairs = _sharing_telling_events(events, alike) if len(alike) else alike
    if pairs.empty:
        return Check(HISTORY, ONE_EVENTS, True, f"no two alike among those with {SHARED} events and more")
    named = "; ".join(
        f"{p.customer} and {p.twin} ({p.n:,} events from {p.first:%Y-%m-%d} to {p.last:%Y-%m-%d})"
        for p in pairs.head(3).itertuples()
    )
    observed = f"events: the same ones under two values of customer_id: {named}" + _more(len(pairs))
    return Check(HISTORY, ONE_EVENTS, False, observed)


def _sharing_telling_events(events: Table, alike: pd.DataFrame) -> pd.DataFrame:
    """The pairs that share SHARED events of different values or times of day which nobody else has."""
    event = ["at", "kind", "value"]
    theirs = events.filter(events.customer_id.isin(list(alike.customer))).select(event).distinct()
    same = events.semi_join(theirs, event)
    shared = same.group_by(event).agg(
        customer=same.customer_id.min(), twin=same.customer_id.max(), customers=same.customer_id.nunique()
    )
    pairs = shared.filter(shared.customers > 1, shared.customers <= 3).execute()
    pairs["looks"] = pairs.value.astype(str) + " " + pairs["at"].dt.strftime("%H:%M:%S.%f")
    looks = pairs.groupby(["customer", "twin"], as_index=False).looks.nunique()
    return alike.merge(looks[looks.looks >= SHARED], on=["customer", "twin"])


def _rows(wide: pd.DataFrame, snapshot: str) -> Check:
    """`wide`: one row a customer."""
    telling = [name for name in wide if wide[name].nunique() >= TELLING * len(wide)]
    if not telling:
        return Check(HISTORY, ONE_ROW, None, "no column tells the customers apart, so equal rows say nothing")
    repeated = wide[wide.duplicated(keep=False)].reset_index(names="customer_id")
    equal = repeated.groupby(list(wide), dropna=False).customer_id.agg(sorted).sort_values(ignore_index=True)
    if equal.empty:
        return Check(HISTORY, ONE_ROW, True, f"{len(wide):,} rows, {telling[0]} tells them apart")
    named = "; ".join(" and ".join(group[:3]) for group in equal.head(3))
    observed = f"all columns ({telling[0]}, ...) at {snapshot}: the same for {named}" + _more(len(equal))
    return Check(HISTORY, ONE_ROW, False, observed)


def _more(groups: int) -> str:
    return f", and {groups - 3:,} more" if groups > 3 else ""


def _after_signup(events: Table, customers: Table) -> Check:
    timed = events.mutate(known_at=known_at(events))
    firsts = timed.group_by("customer_id").agg(first=timed.known_at.min()).join(customers, "customer_id")
    early = firsts.filter(firsts["first"] < firsts.signup_at).order_by("customer_id")
    if not early.count().execute():
        return Check(SIGNED_UP, AFTER, True, "none lies before")
    both = timed.join(customers, "customer_id")
    share = (both.known_at < both.signup_at).mean().execute()
    observed = f"at: {share:.1%} of the events lie before signup_at, for example " + ", ".join(
        f"{row.customer_id} on {row.first:%Y-%m-%d %H:%M:%S} (signed up {row.signup_at:%Y-%m-%d %H:%M:%S})"
        for row in early.limit(3).execute().itertuples()
    )
    return Check(SIGNED_UP, AFTER, bool(share <= EARLY), observed)


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
    observed = f"variance between customers over that within them: {f:.2f}"
    if shuffled := abs(f - 1) <= ERRORS * error:
        observed = f"at: F is {f:.3f}, where chance gives 1 ± {ERRORS * error:.3f}; for example " + _spread(events)
    return Check(OWN_TIMES, SPREAD, not shuffled, observed)


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
