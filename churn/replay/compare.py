"""Policies against each other, by what their lists would have earned: the difference, and what chance leaves open.

The unit is the customer, whose months stay together: who was there in every month of both lives is drawn as one, so
that what both lists share cancels (the cluster bootstrap; Cameron, Gelbach & Miller 2008, Rev Econ Stat 90).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from churn.evaluation import resampling
from churn.evaluation.resampling import Interval

REPLICATES, SEED = 1000, 0
NEVER = "never"


def earned(months: Sequence[pd.DataFrame]) -> pd.Series:
    """What the contacts of each customer brought over all months, by customer_id."""
    if not months:
        return pd.Series(dtype="float64")
    rows = pd.concat([month[["customer_id", "profit"]] for month in months])
    return rows.groupby("customer_id").profit.sum()


def difference(of: pd.Series, against: pd.Series, *, replicates: int = REPLICATES, seed: int = SEED) -> Interval:
    """What one policy earned more than another over all customers, with its 95% interval: each a Series of `earned`."""
    apart = of.sub(against, fill_value=0.0).sort_index().to_numpy(dtype="float64")
    return total(apart, replicates=replicates, seed=seed)


def total(values: np.ndarray, *, replicates: int = REPLICATES, seed: int = SEED) -> Interval:
    """The sum of a value a customer, shape (n,), with its 95% interval by resampling customers."""
    if not len(values):
        return Interval(0.0, 0.0, 0.0)
    [mean] = resampling.mean_intervals(values[None], replicates=replicates, seed=seed)
    n = len(values)
    return Interval(float(values.sum()), mean.low * n, mean.high * n)


def pairs(policies: Sequence[str]) -> list[tuple[str, str]]:
    """Which policy is told against which: each against the first one, and against `never` where it was lived."""
    first = [(policy, policies[0]) for policy in policies[1:]]
    against_never = [(policy, NEVER) for policy in policies if NEVER in policies and policy != NEVER]
    reversed_ = {(b, a) for a, b in against_never}
    return [pair for pair in first if pair not in reversed_ and pair not in against_never] + against_never
