"""What contacting customers earns, and the probability from which it pays.

A contact costs `contact_cost`; with probability `success_rate` it keeps a leaver, which is worth money, and it does
nothing for one who would have stayed. What a customer is worth, `worth`, is one number for all, or each one's own,
shape (n,). Outcomes and probabilities as in metrics.py.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from churn.errors import InvalidParams
from churn.evaluation import resampling
from churn.evaluation.resampling import Interval

CONTACT_NOBODY = math.nextafter(1.0, 2.0)  # no probability reaches it, and unlike infinity it is valid JSON


@dataclass(frozen=True)
class Policy:
    """Contact everyone from the `threshold` on, each from one's own where `threshold` is None.

    `contacted` is the share of customers; `profit`, and what contacting everybody earns, are money per customer.
    `budget`: at most so many contacts, and what the most promising earn; None without one. `economics` as recorded,
    its column the feature that was found.
    """

    threshold: float | None
    contacted: float
    profit: Interval
    everybody: Interval
    budget: dict | None
    economics: dict

    def document(self) -> dict:
        """As `evaluation.json` holds it."""
        return asdict(self)

    @property
    def told(self) -> float | str:
        """The threshold, or that each customer has an own one."""
        return "own" if self.threshold is None else self.threshold

    def tags(self) -> dict[str, str]:
        """What serving needs to know whom to contact: a threshold, or the economics of an own one; the other empty."""
        own = self.threshold is None
        return {
            "threshold": "" if own else repr(self.threshold),
            "economics": json.dumps(self.economics) if own else "",
        }


def decide(
    y: np.ndarray,
    p: np.ndarray,
    X: pd.DataFrame,
    *,
    economics: Mapping,
    budget: int | None,
    replicates: int,
    seed: int,
) -> Policy:
    """Whom to contact by the economics alone, and what that would have earned with these outcomes.

    No outcome has a say in the threshold. `X` holds the features, shape (n, k), one of which may be the customer's
    value. Raises InvalidParams for a column that is none of them.
    """
    economics = resolved(economics, list(X))
    worth = worths(economics, X)
    contacted = p >= thresholds(economics, worth)
    earned = gain(y, economics, worth)
    chosen = contacted & (_rank(gain(p, economics, worth)) < (len(p) if budget is None else budget))
    rows = np.stack([earned * contacted, earned, earned * chosen])
    own, everybody, of_budget = resampling.mean_intervals(rows, replicates=replicates, seed=seed)
    limited = None if budget is None else {"most": budget, "contacted": int(chosen.sum())} | asdict(of_budget)
    threshold = None if isinstance(economics["saved_value"], Mapping) else float(thresholds(economics, worth))
    return Policy(threshold, float(contacted.mean()), own, everybody, limited, economics)


def flagged(p: np.ndarray, X: pd.DataFrame, economics: Mapping) -> np.ndarray:
    """Who is contacted, shape (n,), bool."""
    return p >= thresholds(economics, worths(economics, X))


def resolved(economics: Mapping, features: list[str]) -> dict:
    """The economics with the column of the customer's own value as the feature is called.

    `value_180d` may be `purchase_value_180d`, of the kind that counts as activity where there are several. Raises
    InvalidParams where none is, or several are.
    """
    value = economics["saved_value"]
    if not isinstance(value, Mapping) or value["column"] in features:
        return dict(economics)
    asked = value["column"]
    found = [name for name in features if name.endswith(f"_{asked}")]
    main = [
        name for name in found if f"days_per_{name.removesuffix(f'_{asked}')}" in features
    ]  # kinds that have a pace
    found = main if len(main) == 1 else found
    if len(found) != 1:
        near = found or difflib.get_close_matches(asked, features, 3, cutoff=0.3)
        raise InvalidParams(
            f"evaluate.economics.saved_value.column: {asked!r} is {'several features' if found else 'no feature'}; "
            f"name one{': ' if near else ''}{', '.join(near)}"
        )
    return dict(economics) | {"saved_value": dict(value) | {"column": found[0]}}


def worths(economics: Mapping, X: Mapping[str, Sequence[float]]) -> float | np.ndarray:
    """The money kept when a customer is saved; of the customer's own value the margin, nothing where it is below zero
    or missing."""
    value = economics["saved_value"]
    if not isinstance(value, Mapping):
        return float(value)
    return value["margin"] * np.nan_to_num(np.asarray(X[value["column"]], dtype="float64"), nan=0.0).clip(min=0)


def thresholds(economics: Mapping, worth: float | np.ndarray) -> np.ndarray:
    """The probability from which a contact pays: contact_cost / (worth x success_rate), which is optimal for
    probabilities that mean what they say (Elkan 2001, IJCAI). CONTACT_NOBODY where nothing is to be gained."""
    saved = np.asarray(worth, dtype="float64") * economics["success_rate"]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        pays = economics["contact_cost"] / saved
    return np.where((saved > 0) & (pays <= 1), pays, CONTACT_NOBODY)


def gain(left: np.ndarray, economics: Mapping, worth: float | np.ndarray) -> np.ndarray:
    """What a contact of each customer brings, shape (n,); `left` is the outcome, or the probability of leaving."""
    return economics["success_rate"] * worth * left - economics["contact_cost"]


def curve(y: np.ndarray, p: np.ndarray, X: pd.DataFrame, *, economics: Mapping) -> pd.DataFrame:
    """What contacting the customers with the most to gain earns: columns contacted (share), profit (per customer).

    At most 201 numbers of customers, from everybody to nobody; whoever promises the same is contacted together.
    """
    worth = worths(economics, X)
    promised, earned = gain(p, economics, worth), gain(y, economics, worth)
    order = np.argsort(-promised, kind="stable")
    last = np.append(np.flatnonzero(np.diff(promised[order])), len(p) - 1) + 1  # customers up to each step
    few = last[np.unique(np.linspace(0, len(last) - 1, 200).round().astype(int))]
    contacted = np.append(0, few)
    sums = np.append(0.0, np.cumsum(earned[order]))[contacted]
    return pd.DataFrame({"contacted": contacted / len(p), "profit": sums / len(p)})


def _rank(promised: np.ndarray) -> np.ndarray:
    """The place of each customer by what a contact promises, 0 for the most, the earlier row first among equals."""
    place = np.empty(len(promised), dtype=np.int64)
    place[np.argsort(-promised, kind="stable")] = np.arange(len(promised))
    return place
