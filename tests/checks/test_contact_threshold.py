"""The recorded threshold against the money alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn.checks import contact_threshold
from churn.evaluation import profit

Y, P = np.array([0, 1, 1, 0, 1]), np.array([0.05, 0.124, 0.126, 0.5, 0.9])
X = pd.DataFrame({"value": [100.0, 10.0, 2.0, -5.0, np.nan]})
FIXED = {"contact_cost": 1.0, "saved_value": 40.0, "success_rate": 0.2}
OWN = FIXED | {"saved_value": {"column": "value", "margin": 0.5}}


def recorded(economics: dict, **changed) -> dict:
    policy = profit.decide(Y, P, X, economics=economics, budget=None, replicates=10, seed=1)
    return policy.document() | changed


@pytest.mark.parametrize(
    "economics",
    [FIXED, OWN, FIXED | {"success_rate": 0.0}, FIXED | {"contact_cost": 0.0}, FIXED | {"contact_cost": 9.0}],
)
def test_a_threshold_from_money_alone_passes(economics):
    [check] = contact_threshold.checks(recorded(economics), P, X)
    assert "pass" == check.outcome


@pytest.mark.parametrize(
    ("economics", "changed", "told"),
    [
        (FIXED, {"threshold": 0.2}, "threshold 0.200000, by the economics 0.125000"),
        (FIXED, {"contacted": 0.2}, "0.200000 of the customers contacted, 0.600000 by the economics"),
        (OWN, {"contacted": 0.8}, "0.800000 of the customers contacted, 0.000000 by the economics"),
        (FIXED | {"success_rate": 0.0}, {"threshold": 0.9}, "threshold 0.900000, by the economics 1.000000"),
    ],
)
def test_any_other_threshold_stops_the_run_and_both_are_told(economics, changed, told):
    [check] = contact_threshold.checks(recorded(economics, **changed), P, X)
    assert "FAIL" == check.outcome
    assert told in check.observed
