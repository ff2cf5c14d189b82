"""The gate judged by what came true: what was refused, what was replaced, and what each rule was worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from churn.evaluation.resampling import Interval
from churn.replay import compare, outcomes
from churn.replay.record import Month

REFUSED = "refused"


@dataclass(frozen=True)
class Beside:
    """The list that ruled a month and the one that did not, on the same customers: rows of `outcomes.came_true`."""

    policy: str
    month: Month
    ruling: pd.DataFrame
    other: pd.DataFrame

    @property
    def refused(self) -> bool:
        """Whether the other one is a candidate that was not promoted; else it was replaced."""
        return self.month.other["role"] == REFUSED

    def profit(self) -> pd.Series:
        """Other minus ruling, by customer_id."""
        return compare.earned([self.other]).sub(compare.earned([self.ruling]), fill_value=0.0)

    def loss(self) -> pd.Series:
        """Log loss of each customer, other minus ruling, by customer_id."""
        of_other, of_ruling = (pd.Series(outcomes.losses(r), r.customer_id) for r in (self.other, self.ruling))
        return (of_other - of_ruling).dropna()


def table(found: Sequence[Beside]) -> list[dict]:
    """Every version that did not rule its month, with how it did against the one that did, other minus ruling."""
    return [_row(one) for one in found]


def rules(found: Sequence[Beside]) -> list[dict]:
    """What each rule was worth: over the months in which it failed a candidate, alone or with others, what the version
    that stayed earned more than the candidate would have, and how much less its log loss was; means over customers."""
    refused = [one for one in found if one.refused]
    names = sorted({rule for one in refused for rule in _failed(one.month)})
    return [_rule(name, [one for one in refused if name in _failed(one.month)]) for name in names]


def _failed(month: Month) -> list[str]:
    """The rules that a candidate failed, or that could not be applied to it."""
    return [check["rule"] for check in month.gate if not check["passed"] and not check["advisory"]]


def _row(one: Beside) -> dict:
    profit, loss = _total(one.profit()), _mean([one.loss()])
    verdict = "worse" if loss.low > 0 else "better" if loss.high < 0 else "no difference"
    return {
        "policy": one.policy,
        "as_of": one.month.as_of,
        "role": one.month.other["role"],
        "version": one.month.other["version"],
        "ruling": one.month.production,
        "failed": _failed(one.month) if one.refused else [],
        **_named("profit", profit),
        **_named("log_loss", loss),
        "auc": outcomes.auc(one.other)[0],
        "auc_ruling": outcomes.auc(one.ruling)[0],
        "verdict": verdict,
    }


def _rule(name: str, found: list[Beside]) -> dict:
    lost = _add([one.profit() for one in found])
    return {
        "rule": name,
        "months": [one.month.as_of for one in found],
        **_named("profit", _total(-lost)),
        **_named("log_loss", _mean([one.loss() for one in found])),
    }


def _named(name: str, found: Interval) -> dict:
    told = asdict(found)
    return {name: told["estimate"], f"{name}_low": told["low"], f"{name}_high": told["high"]}


def _add(each: Sequence[pd.Series]) -> pd.Series:
    return pd.concat(each).groupby(level=0).sum()


def _total(of_customers: pd.Series) -> Interval:
    return compare.total(of_customers.sort_index().to_numpy(dtype="float64"))


def _mean(each: Sequence[pd.Series]) -> Interval:
    """The mean over customers and months, by resampling customers with all their months."""
    rows = pd.concat(each)
    if rows.empty:
        return Interval(np.nan, np.nan, np.nan)
    found = _total(rows.groupby(level=0).sum())
    return Interval(*(value / len(rows) for value in asdict(found).values()))
