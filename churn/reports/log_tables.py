"""The tables of a log's report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

NEWEST = 20  # hollow days that are listed


def opening(counts: Mapping[str, int], first: date, last: date, rates: pd.DataFrame) -> pd.DataFrame:
    """The log in four figures, one row. `rates` as churn.log.rates.monthly gives them."""
    known = rates[rates.closed.astype(bool)]
    people = known.population.sum()
    row = {
        "events": counts["events"],
        "customers": counts["customers"],
        "first and last day": f"{first} to {last}",
        "left within the horizon": f"{known.churned.sum() / people:.1%}" if people else "not known yet",
    }
    return pd.DataFrame([row])


def by_kind(days: pd.DataFrame) -> pd.DataFrame:
    """Events and the sum of their values by kind, with the first and the last day; `days` as over_time.daily."""
    of_kind = days.groupby("kind", as_index=False)
    table = of_kind.agg(
        events=("events", "sum"), value=("value", "sum"), first_day=("day", "min"), last_day=("day", "max")
    )
    return table.sort_values(["events", "kind"], ascending=[False, True], ignore_index=True)


def hollow(odd: pd.DataFrame) -> pd.DataFrame:
    """The newest hollow days, the last one first."""
    return odd.sort_values("day", ascending=False, ignore_index=True).head(NEWEST)
