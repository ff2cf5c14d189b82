"""A score list in a few numbers: deciles, segments, what contacting is expected to earn, what the last list said."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from churn import engine
from churn.features import manifest as manifests
from churn.scoring.control import CONTACT, CONTROL
from churn.scoring.lists import ScoreList

STEPS = 200  # numbers of customers at which a curve is drawn
VALUES = 8  # of a segment that are shown, those of most customers
BINS = 40  # of the probability
CELL, SUMS = ["decile", "group", "flagged", "bin"], ["customers", "leavers", "profit", "priced"]
NO_CELLS = pd.DataFrame(columns=[*CELL, *SUMS]).astype(
    {"decile": "int64", "flagged": bool, "bin": "int64", "customers": "int64", "priced": "int64"}
    | {"leavers": "float64", "profit": "float64"}
)
CHANGES = ["change", "why", "customers"]
ENTERED, STAYED, LEFT = "entered", "stayed", "left"


def cells(portions: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """A list added up by CELL, portion by portion: `bin` counts steps of 1 / BINS of the probability. SUMS: customers,
    leavers (sum of probabilities), profit, and priced (how many have an expected profit)."""
    parts = [NO_CELLS, *(_cells(rows) for rows in portions if len(rows))]
    return pd.concat(parts).groupby(CELL, as_index=False)[SUMS].sum()


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    return (
        rows.assign(bin=np.minimum((rows.probability * BINS).astype("int64"), BINS - 1))
        .groupby(CELL, as_index=False)
        .agg(
            customers=("probability", "size"),
            leavers=("probability", "sum"),
            profit=("expected_profit", "sum"),
            priced=("expected_profit", "count"),
        )
    )


def totals(cells: pd.DataFrame) -> dict[str, float]:
    """Of everybody and of those to contact: customers, leavers expected, and what the contacts are expected to earn."""
    of = {"everybody": cells, "contact": cells[cells.group == CONTACT], "control": cells[cells.group == CONTROL]}
    return {
        f"{part}_{name}": float(value)
        for part, chosen in of.items()
        for name, value in {
            "customers": chosen.customers.sum(),
            "leavers": chosen.leavers.sum(),
            "profit": chosen.profit.sum() if cells.priced.any() else np.nan,
        }.items()
    }


def glued(document: dict, totals: dict[str, float], moved: pd.DataFrame) -> dict[str, int | float]:
    """What a run tells of a list: how many are flagged and in each group, who entered and left, the profit expected of
    contacting (0 where it is not known)."""
    of, profit = moved.groupby("change").customers.sum(), totals["contact_profit"]
    counts = {name: document.get(name, 0) for name in ("flagged", CONTACT, CONTROL)}
    changed = {name: int(of.get(name, 0)) for name in (ENTERED, LEFT)}
    return counts | changed | {"expected_profit": 0.0 if np.isnan(profit) else profit}


def deciles(cells: pd.DataFrame) -> pd.DataFrame:
    """A tenth of the customers each, the likeliest to leave first; the profit is that of contacting all of a tenth."""
    flagged = cells.customers.where(cells.flagged.astype(bool), 0)
    table = cells.assign(flagged=flagged).groupby("decile")[[*SUMS, "flagged"]].sum()
    table = table.assign(
        mean_probability=table.leavers / table.customers, expected_profit=table.profit.where(table.priced > 0)
    ).rename(columns={"leavers": "expected_leavers"})
    return table[["customers", "mean_probability", "expected_leavers", "flagged", "expected_profit"]]


def curve(portions: Iterable[pd.DataFrame], customers: int) -> pd.DataFrame:
    """What contacting the first so many of a list is expected to earn: columns contacted (customers), profit (money);
    empty where that is not known."""
    marks = np.unique(np.linspace(0, customers, STEPS + 1).round().astype(int))
    points, first, earned = {0: 0.0}, 0, 0.0
    for rows in portions:
        profit = np.cumsum(np.append(earned, rows.expected_profit.to_numpy()))
        here = np.append(marks[(marks > first) & (marks <= first + len(rows))] - first, profit.argmax())
        points |= {int(first + n): float(profit[n]) for n in here}
        first, earned = first + len(rows), profit[-1]
    if not customers or np.isnan(earned):
        return pd.DataFrame({"contacted": [], "profit": []})
    return pd.DataFrame(sorted(points.items()), columns=["contacted", "profit"])


def segments(found: ScoreList | None, manifest: dict) -> pd.DataFrame:
    """The customers of each segment: how many, mean probability, the shares that are flagged and to be contacted."""
    columns = ["segment", "value", "customers", "mean_probability", "flagged", "to_contact"]
    if found is None or not manifest["segments"]:
        return pd.DataFrame(columns=columns)
    con = engine.embedded()
    listed = engine.read_parquet(con, found.path)
    views = {f["name"]: f["view"] for f in manifest["features"]}
    tables = []
    for name in manifest["segments"]:
        of_view = engine.read_parquet(con, manifests.table_path(manifest, found.snapshot, views[name]))
        known = listed.left_join(of_view.select("customer_id", value=of_view[name]), "customer_id")
        tables.append(_by_value(known).execute().assign(segment=name))
    return pd.concat(tables, ignore_index=True)[columns]


def _by_value(rows: Table) -> Table:
    by_value = rows.group_by("value").agg(
        customers=rows.count(),
        mean_probability=rows.probability.mean(),
        flagged=rows.flagged.cast("float64").mean(),
        to_contact=(rows.group == CONTACT).cast("float64").mean(),
    )
    return by_value.order_by(by_value.customers.desc(), by_value["value"]).limit(VALUES)


def changes(now: ScoreList | None, before: ScoreList | None) -> pd.DataFrame:
    """Who is to be contacted now and was not by an earlier list, or the other way round, and why: CHANGES."""
    if now is None or before is None:
        return pd.DataFrame(columns=CHANGES)
    con = engine.embedded()
    lists = [engine.read_parquet(con, found.path).select("customer_id", "flagged", "group") for found in (before, now)]
    both = lists[0].outer_join(lists[1], "customer_id", lname="{name}_before", rname="{name}_now")
    was, is_now = ((both[f"group_{when}"] == CONTACT).fill_null(False) for when in ("before", "now"))
    change = ibis.cases((was & is_now, STAYED), (is_now, ENTERED), (was, LEFT))
    why = ibis.cases(
        (was & is_now, "on both"),
        (is_now & both.group_before.isnull(), "not on the last list"),
        (is_now & (both.group_before == CONTROL), "kept back before"),
        (is_now & ~both.flagged_before, "at the threshold now"),
        (is_now, "within the budget now"),
        (both.group_now.isnull(), "no longer in the population"),
        (both.group_now == CONTROL, "kept back now"),
        (~both.flagged_now, "below the threshold now"),
        else_="beyond the budget now",
    )
    moved = both.filter(was | is_now).select(change=change, why=why)
    counted = moved.group_by(["change", "why"]).agg(customers=moved.count())
    return counted.order_by(["change", counted.customers.desc(), "why"]).execute()
