"""How long customers stay away, and who comes back after how long a silence.

A silence begins on each day with events of a customer and ends with the next such day; the last one of each customer
is cut short by the end of the log. Shares are Kaplan and Meier's (1958), which take what was cut short for what it is.
"""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from churn.log.spells import spells

ALL = "all"
VISITS = {"1 event": (1, 1), "2 to 4": (2, 4), "5 to 9": (5, 9), "10 and more": (10, None)}  # days with events so far
YEAR = 365
SHOWN = (1, 3, 7, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365, 540, 730)  # days


def silences(events: Table, *, kinds: list[str] | None = None) -> pd.DataFrame:
    """Every silence, counted: columns visits (group of days with events so far), days, returned (boolean), silences.

    `kinds`: what counts as activity; everything where nothing is said.
    """
    return counted(spells(events, kinds=kinds))


def counted(each: Table) -> pd.DataFrame:
    """The same of spells."""
    days, following = each.day.epoch_days().cast("int64"), each.following.epoch_days().cast("int64")
    last = days.max().as_scalar()
    lasted = each.select(
        visits=ibis.cases(*((each.visit >= low, name) for name, (low, _) in reversed(VISITS.items()))),
        returned=following.notnull(),
        days=following.fill_null(last) - days,
    )
    found = lasted.group_by(["visits", "days", "returned"]).agg(silences=lasted.count())
    return found.order_by("visits", "days", "returned").execute()


def staying_away(found: pd.DataFrame) -> pd.Series:
    """Share of silences that last longer than so many days, by days from 0 on; of silences of one group or of all."""
    longest = int(found.days.max()) if len(found) else 0
    of = lambda rows: np.bincount(rows.days, rows.silences, longest + 1)  # noqa: E731
    ended, cut = of(found[found.returned]), of(found[~found.returned])
    at_risk = (ended + cut)[::-1].cumsum()[::-1]
    return pd.Series(np.cumprod(1 - np.divide(ended, at_risk, out=np.zeros(longest + 1), where=at_risk > 0)))


def returning(found: pd.DataFrame, days: int, *, within: int = YEAR) -> float:
    """Share of customers, silent for so many days, who come back within so many more; nan where nobody was silent for
    that long. A log that is too short to tell counts up to its end."""
    away = staying_away(found)
    if days >= len(away) or away[days] == 0:
        return float("nan") if days >= len(away) else 0.0
    return float(1 - away[min(days + within, len(away) - 1)] / away[days])


def usual(found: pd.DataFrame, share: float) -> float:
    """Days within which so large a share of those silences that ended with a return had ended; nan without any."""
    ended = found[found.returned].groupby("days").silences.sum()
    if ended.empty:
        return float("nan")
    return float(ended.index[(ended.cumsum() >= share * ended.sum()).argmax()])


def curve(events: Table, *, kinds: list[str] | None = None) -> pd.DataFrame:
    """Share that comes back within a year after so many days of silence, of all and by how often they had come before.

    Columns group (`all`, or a key of VISITS), days, share, customers (silences that lasted so long). Rows up to the
    longest silence that can be followed for as long again as it took.
    """
    return curve_of(silences(events, kinds=kinds))


def curve_of(found: pd.DataFrame) -> pd.DataFrame:
    """The same of silences that are counted already."""
    groups = {ALL: found} | {name: rows for name in VISITS if len(rows := found[found.visits == name])}
    longest = int(found.days.max()) / 2 if len(found) else 0
    rows = [
        (name, days, returning(of, days), int(of.silences[of.days >= days].sum()))
        for name, of in groups.items()
        for days in SHOWN
        if days <= longest and (of.days > days).any()
    ]
    return pd.DataFrame(rows, columns=["group", "days", "share", "customers"])
