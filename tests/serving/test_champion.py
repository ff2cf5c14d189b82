"""What a champion in memory says of whom to contact."""

from __future__ import annotations

import json

import numpy as np
import pytest

from churn.registry.versions import Version
from serving.champion import Champion

OWN = {"contact_cost": 1.0, "success_rate": 0.2, "saved_value": {"column": "spent", "margin": 0.5}}


def champion(**tags: str) -> Champion:
    return Champion(Version("mine", 1, "Production", "run", "models:/x", tags), None, "numpy", None, None, {}, 0.0)


def test_one_threshold_holds_for_every_customer():
    fixed = champion(threshold="0.125", economics="")
    assert (0.125, [0.125]) == (fixed.threshold, fixed.thresholds({"spent": np.array([5.0])}, 1).tolist())


@pytest.mark.parametrize(
    ("spent", "threshold"),
    [(100.0, 0.1), (10.0, 1.0), (9.99, 1.0000000000000002), (0.0, 1.0000000000000002), (-5.0, 1.0000000000000002),
     (np.nan, 1.0000000000000002)],
)  # fmt: skip
def test_a_customer_has_an_own_threshold_where_the_value_is_the_own(spent, threshold):
    own = champion(threshold="", economics=json.dumps(OWN))
    assert own.threshold is None
    assert [threshold] == own.thresholds({"spent": np.array([spent])}, 1).tolist()


def test_a_version_that_was_never_evaluated_has_no_threshold():
    assert champion().threshold is None and np.isnan(champion().thresholds({}, 2)).tolist() == [True, True]
