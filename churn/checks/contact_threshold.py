"""Whether the threshold is the economics' and nothing else: one that has seen the outcomes earns too much there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from churn.checks.result import Check

SHOWN = 6  # decimals


def checks(policy: Mapping, p: np.ndarray, X: pd.DataFrame) -> list[Check]:
    """The recorded threshold, or who is contacted by own ones, reckoned again without a look at any outcome.

    `policy` as `evaluation.json` holds it, `p` the probabilities of the customers whose features are `X`.
    """
    economics = policy["economics"]
    value, rate, cost = (economics[name] for name in ("saved_value", "success_rate", "contact_cost"))
    own = isinstance(value, Mapping)
    worth = X[value["column"]].fillna(0.0).clip(lower=0) * value["margin"] if own else pd.Series(value, X.index)
    saved = (worth * rate).to_numpy(dtype="float64")
    share = float(np.mean((saved > 0) & (p * saved >= cost)))
    of_all = None if own else cost / saved[0] if saved[0] > 0 and cost <= saved[0] else np.inf
    seen = [f"{policy['contacted']:.{SHOWN}f} of the customers contacted, {share:.{SHOWN}f} by the economics"]
    same = abs(policy["contacted"] - share) * len(p) < 1.5  # a probability on the threshold may fall on either side
    if not own:
        same &= min(policy["threshold"], 1.0) == min(of_all, 1.0)
        seen.append(f"threshold {policy['threshold']:.{SHOWN}f}, by the economics {min(of_all, 1.0):.{SHOWN}f}")
    rule = "threshold = contact_cost / (saved_value x success_rate), whatever the outcomes"
    return [Check("threshold from money alone", rule, bool(same), "; ".join(reversed(seen)))]
