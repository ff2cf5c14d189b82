"""What contacting does: flagged customers who were contacted against those kept back, drawn at random among them.

Groups are compared as they were drawn. Where a file tells that some of a group were not reached, the difference is that
of the groups divided by the share reached (Angrist, Imbens & Rubin 1996, J Am Stat Assoc 91): who can be reached is
no chance, and may be who stays anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.evaluation.document import plain
from churn.monitoring import contacted as contacts
from churn.monitoring.matured import LIST, Matured, Z

BY_LIST = ["snapshot", "version", "contact", "contacted", "left_contact", "control", "left_control", "stayed_contact",
           "stayed_control", "difference", "low", "high"]  # fmt: skip
LEAST = 5  # leavers in each group, below which nothing is said of the success rate


@dataclass(frozen=True)
class Effect:
    """What contacting did over all lists: `difference`, the share that stayed of the contacted minus that of those kept
    back, and `success_rate`, the share of leavers among the contacted who stayed because of it, each estimate, low and
    high (95%) or None; `assumed` is what the economics said. `by_list` has the counts: BY_LIST."""

    by_list: pd.DataFrame
    difference: dict | None
    success_rate: dict | None
    assumed: float
    crossed: int = 0

    @property
    def inside(self) -> bool | None:
        """Whether the assumption lies within the interval of what was measured; None where nothing was."""
        measured = self.success_rate
        return measured and bool(measured["low"] <= self.assumed <= measured["high"])


def measure(
    came: Sequence[Matured], contacted: pd.DataFrame | None, *, label: dict, economics: dict, seed: int, replicates: int
) -> Effect:
    """The effect over the lists whose labels are known, of which anybody was contacted. `contacted`, rows of
    contacted.read, replaces the assumption that the whole group was; None: there is no such file."""
    assumed = economics.get("success_rate", 0.0)
    drawn = [_drawn(m, contacted, label["horizon_days"]) for m in came if m.came_from == LIST and not m.superseded]
    drawn = [rows for rows in drawn if (rows.contact & rows.reached).any() and not rows.contact.all()]
    if not drawn:
        return Effect(pd.DataFrame(columns=BY_LIST), None, None, assumed)
    by_list = pd.DataFrame([_row(rows) for rows in drawn], columns=BY_LIST)
    crossed = sum(int((rows.reached & ~rows.contact).sum()) for rows in drawn)
    difference, success = _pooled(pd.concat(drawn, ignore_index=True), seed=seed, replicates=replicates)
    return Effect(by_list, difference, success, assumed, crossed)


def _drawn(m: Matured, contacted: pd.DataFrame | None, horizon_days: int) -> pd.DataFrame:
    """The two groups of a list: customer_id, contact (drawn to be contacted), reached, left; snapshot and version."""
    rows = m.rows[m.rows.group.isin(["contact", "control"])]
    contact = (rows.group == "contact").to_numpy()
    reached = contact
    if contacted is not None:
        reached = rows.customer_id.isin(contacts.within(contacted, m.snapshot, horizon_days=horizon_days)).to_numpy()
    told = {"customer_id": rows.customer_id.to_numpy(), "contact": contact, "reached": reached}
    return pd.DataFrame(
        told | {"left": rows.churned.to_numpy(dtype=bool), "snapshot": m.snapshot, "version": m.version}
    )


def _row(rows: pd.DataFrame) -> dict:
    """One list's counts, and the difference with Newcombe's interval (1998, Stat Med 17:873, method 10)."""
    contact, control = rows[rows.contact], rows[~rows.contact]
    counts = (len(contact), contact.reached.sum(), contact.left.sum(), len(control), control.left.sum())
    reached = contact.reached.mean()
    bounds = newcombe(len(contact) - contact.left.sum(), len(contact), len(control) - control.left.sum(), len(control))
    difference = [bound / reached for bound in bounds]
    stayed = (1 - contact.left.mean(), 1 - control.left.mean())
    named = (rows.snapshot.iloc[0], rows.version.iloc[0])
    return dict(zip(BY_LIST, (*named, *counts, *stayed, *difference), strict=True))


def newcombe(a: int, n: int, b: int, m: int) -> tuple[float, float, float]:
    """a/n - b/m with its 95% interval from Wilson's of each share."""
    (p, low, high), (q, lowest, highest) = wilson(a, n), wilson(b, m)
    d = p - q
    return d, d - np.hypot(p - low, highest - q), d + np.hypot(high - p, q - lowest)


def wilson(a: int, n: int) -> tuple[float, float, float]:
    """A share with Wilson's 95% interval (1927, J Am Stat Assoc 22:209)."""
    p = a / n
    centre, half = p + Z**2 / (2 * n), Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return p, (centre - half) / (1 + Z**2 / n), (centre + half) / (1 + Z**2 / n)


def _pooled(rows: pd.DataFrame, *, seed: int, replicates: int) -> tuple[dict, dict | None]:
    """Difference and success rate over all lists, weighted as Mantel & Haenszel (1959) do, with percentile intervals.

    Customers are drawn again, each with all the lists that they are on: who is kept back once is so every month.
    """
    from churn.evaluation import resampling  # scikit-learn, where there is something to measure

    table = _by_customer(rows)
    estimate, rate = _statistics(table.sum(axis=0))
    batches = resampling.resamples(len(table), replicates, np.random.default_rng(seed))
    drawn = np.concatenate([np.einsum("rc,ckl->rkl", counts, table, optimize=True) for counts in batches])
    found = np.array([_statistics(counts) for counts in drawn])
    left_contact, left_control = table[:, [1, 3]].sum(), table[:, 5].sum()
    told = min(left_contact, left_control) >= LEAST and np.isnan(found[:, 1]).mean() < 0.025
    return _interval(estimate, found[:, 0]), _interval(rate, found[:, 1]) if told else None


def _by_customer(rows: pd.DataFrame) -> np.ndarray:
    """How often each customer counts in what _statistics takes, shape (customers, 6, lists)."""
    (place, customers), (on, lists) = pd.factorize(rows.customer_id), pd.factorize(rows.snapshot)
    kinds = [rows.contact & rows.reached, rows.contact & ~rows.reached, ~rows.contact]
    table = np.zeros((len(customers), 6, len(lists)))  # whole numbers, whose sums are exact in any order
    for number, counted in enumerate(k for kind in kinds for k in (kind, kind & rows.left)):
        np.add.at(table, (place, number, on), counted.to_numpy(dtype="float64"))
    return table


def _statistics(counts: np.ndarray) -> tuple[float, float]:
    """Difference and success rate from counts, shape (6, lists): reached, left of these; not reached, left; kept back,
    left."""
    n1, left1, n0, left0, m, left = counts
    n = n1 + n0
    with np.errstate(all="ignore"):
        weight = n * m / (n + m)
        weight = np.where(np.isfinite(weight), weight, 0.0)
        reached = (weight * np.nan_to_num(n1 / n)).sum() / weight.sum()
        difference = (weight * np.nan_to_num(left / m - (left1 + left0) / n)).sum() / weight.sum() / reached
        would = (weight * np.nan_to_num(left / m - left0 / n)).sum()  # of those who could be reached, per group
        return difference, 1 - (weight * np.nan_to_num(left1 / n)).sum() / would if would > 0 else np.nan


def _interval(estimate: float, found: np.ndarray) -> dict:
    low, high = np.nanquantile(found[np.isfinite(found)], [0.025, 0.975])
    return {"estimate": float(estimate), "low": float(low), "high": float(high)}


def document(effect: Effect) -> dict:
    """As JSON holds it."""
    told = {name: getattr(effect, name) for name in ("difference", "success_rate", "assumed", "crossed", "inside")}
    return told | {"by_list": plain(effect.by_list.astype(object).to_dict("records"))}
