"""A score list in a few numbers: deciles, segments, what contacting is expected to earn, what the last list said."""

from __future__ import annotations

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
CHANGES = ["change", "why", "customers"]
ENTERED, STAYED, LEFT = "entered", "stayed", "left"


def totals(rows: pd.DataFrame) -> dict[str, float]:
    """Of everybody and of those to contact: customers, leavers expected, and what the contacts are expected to earn."""
    of = {"everybody": rows, "contact": rows[rows.group == CONTACT], "control": rows[rows.group == CONTROL]}
    return {
        f"{part}_{name}": float(value)
        for part, chosen in of.items()
        for name, value in {
            "customers": len(chosen),
            "leavers": chosen.probability.sum(),
            "profit": chosen.expected_profit.sum() if rows.expected_profit.notna().any() else np.nan,
        }.items()
    }


def glued(document: dict, totals: dict[str, float], moved: pd.DataFrame) -> dict[str, int | float]:
    """What a run tells of a list: how many are flagged and in each group, who entered and left, the profit expected of
    contacting (0 where it is not known)."""
    of, profit = moved.groupby("change").customers.sum(), totals["contact_profit"]
    counts = {name: document.get(name, 0) for name in ("flagged", CONTACT, CONTROL)}
    changed = {name: int(of.get(name, 0)) for name in (ENTERED, LEFT)}
    return counts | changed | {"expected_profit": 0.0 if np.isnan(profit) else profit}


def deciles(rows: pd.DataFrame) -> pd.DataFrame:
    """A tenth of the customers each, the likeliest to leave first; the profit is that of contacting all of a tenth."""
    return rows.groupby("decile").agg(
        customers=("probability", "size"),
        mean_probability=("probability", "mean"),
        expected_leavers=("probability", "sum"),
        flagged=("flagged", "sum"),
        expected_profit=("expected_profit", lambda money: money.sum(min_count=1)),
    )


def curve(rows: pd.DataFrame) -> pd.DataFrame:
    """What contacting the first so many of a list is expected to earn: columns contacted (customers), profit (money);
    empty where that is not known."""
    earned = rows.expected_profit.to_numpy()
    if not len(earned) or np.isnan(earned).all():
        return pd.DataFrame({"contacted": [], "profit": []})
    profit = np.append(0.0, np.cumsum(earned))
    contacted = np.unique(np.append(np.linspace(0, len(earned), STEPS + 1).round().astype(int), profit.argmax()))
    return pd.DataFrame({"contacted": contacted, "profit": profit[contacted]})


def segments(found: ScoreList | None, manifest: dict) -> pd.DataFrame:
    """The customers of each segment: how many, mean probability, the shares that are flagged and to be contacted."""
    columns = ["segment", "value", "customers", "mean_probability", "flagged", "to_contact"]
    if found is None or not manifest["segments"]:
        return pd.DataFrame(columns=columns)
    con = engine.connect()
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
    con = engine.connect()
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
