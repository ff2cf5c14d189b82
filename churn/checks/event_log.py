"""Whether one person is in the input as two customers: one id in two spellings, or one history under two ids.

Twice the same customer is twice the same answer, on both sides of a split by entity.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from ibis.expr.types import Table

from churn.checks.result import Check

if TYPE_CHECKING:
    from churn.sources.contract import Source

SHARED = 5  # events of different values or times of day that two customers share with nobody else
TELLING = 0.9  # of the customers have a value of their own in a column that tells them apart
LOOKED_AT = 100  # groups of customers whose histories look alike, at most
SPELLING, ONE_SPELLING = "one spelling a customer", "no two ids differ only in case or spaces"
HISTORY = "one id a history"
ONE_EVENTS = f"no two customers have the same events, {SHARED} telling ones of them shared with nobody else"
ONE_ROW = f"no two customers have the same features where a column tells {TELLING:.0%} of all apart"


def of_customers(source: Source) -> list[Check]:
    """The check of the ids, and the one of the histories: events, or whole rows of ready-made features."""
    if source.events is not None:
        return [_spelling(source.customers.customer_id.execute()), _histories(source.events)]
    snapshot = source.labels.snapshot.min().execute()
    tables = [t.filter(t.snapshot == source.labels.snapshot.min()).execute() for t in source.tables.values()]
    wide = pd.concat([table.set_index("customer_id").drop(columns="snapshot") for table in tables], axis=1)
    return [_spelling(wide.index.to_series()), _rows(wide, f"{snapshot:%Y-%m-%d}")]


def _spelling(ids: pd.Series) -> Check:
    plain = np.array([" ".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in ids])
    repeated = pd.Series(plain).duplicated(keep=False).to_numpy()
    alike = ids[repeated].groupby(plain[repeated]).agg(sorted)
    told = "; ".join(" and ".join(map(repr, group[:3])) for group in alike.head(3))
    told = f"customer_id: {len(alike):,} customers in several spellings, for example {told}" if told else ""
    return Check(SPELLING, ONE_SPELLING, alike.empty, told or f"{len(ids):,} ids")


def _histories(events: Table) -> Check:
    """Same number of events, first, last and sum of values; then the events of these few are looked at one by one.

    Scheduled events say nothing: those on the same day have the same value, and everybody on the plan has them.
    """
    outline = events.group_by("customer_id").agg(
        n=events.count(), first=events.at.min(), last=events.at.max(), total=events.value.sum()
    )
    outline = outline.filter(outline.n >= SHARED)
    groups = outline.group_by(["n", "first", "last", "total"]).agg(
        one=outline.customer_id.min(), other=outline.customer_id.max(), customers=outline.count()
    )
    alike = groups.filter(groups.customers > 1, groups.customers <= 3).order_by("one").limit(LOOKED_AT).execute()
    pairs = _telling(events, alike) if len(alike) else alike
    told = "; ".join(
        f"{p.one} and {p.other} ({p.n:,} events from {p.first:%Y-%m-%d} to {p.last:%Y-%m-%d})"
        for p in pairs.head(3).itertuples()
    )
    told = f"events: the same ones under two values of customer_id: {told}" + _more(len(pairs)) if len(pairs) else ""
    return Check(HISTORY, ONE_EVENTS, pairs.empty, told or f"no two alike among those with {SHARED} events and more")


def _telling(events: Table, alike: pd.DataFrame) -> pd.DataFrame:
    """The pairs that share SHARED events of different values or times of day which nobody else has."""
    event = ["at", "kind", "value"]
    theirs = events.filter(events.customer_id.isin(list(alike.one))).select(event).distinct()
    same = events.semi_join(theirs, event)
    shared = same.group_by(event).agg(
        one=same.customer_id.min(), other=same.customer_id.max(), customers=same.customer_id.nunique()
    )
    found = shared.filter(shared.customers > 1, shared.customers <= 3).execute()
    found["looks"] = found.value.astype(str) + " " + found["at"].dt.strftime("%H:%M:%S.%f")
    looks = found.groupby(["one", "other"], as_index=False).looks.nunique()
    return alike.merge(looks[looks.looks >= SHARED], on=["one", "other"])


def _rows(wide: pd.DataFrame, snapshot: str) -> Check:
    """`wide`: one row a customer."""
    telling = [name for name in wide if wide[name].nunique() >= TELLING * len(wide)]
    if not telling:
        return Check(HISTORY, ONE_ROW, None, "no column tells the customers apart, so equal rows say nothing")
    repeated = wide[wide.duplicated(keep=False)].reset_index(names="customer_id")
    equal = repeated.groupby(list(wide), dropna=False).customer_id.agg(sorted).sort_values(ignore_index=True)
    told = "; ".join(" and ".join(group[:3]) for group in equal.head(3))
    told = f"all columns ({telling[0]}, ...) at {snapshot}: the same for {told}" + _more(len(equal)) if told else ""
    return Check(HISTORY, ONE_ROW, equal.empty, told or f"{len(wide):,} rows, {telling[0]} tells them apart")


def _more(groups: int) -> str:
    return f", and {groups - 3:,} more" if groups > 3 else ""
