"""How good predictions are before labels mature, by the probabilities themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from churn.monitoring.estimate import entropy, estimate, expected_auc

P = expit(np.random.default_rng(3).normal(-1.5, 1, 800).round(1))  # with ties


def _labels(p: np.ndarray, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(p)) < p).astype(int)


def test_the_expected_auc_is_that_of_all_pairs_of_a_leaver_and_a_stayer():
    p = np.array([0.1, 0.4, 0.4, 0.9])
    pairs = [(i, j, p[i] * (1 - p[j])) for i in range(4) for j in range(4) if i != j]
    right = sum(weight * ((p[i] > p[j]) + 0.5 * (p[i] == p[j])) for i, j, weight in pairs)
    assert pytest.approx(right / sum(weight for *_, weight in pairs)) == expected_auc(p)


def test_what_is_estimated_comes_on_average_and_the_interval_holds_it_in_95_percent():
    found = estimate(P, seed=7, replicates=2_000)
    drawn = [_labels(P, seed) for seed in range(300)]
    aucs, losses = [roc_auc_score(y, P) for y in drawn], [log_loss(y, P) for y in drawn]
    assert found["auc"]["estimate"] == pytest.approx(np.mean(aucs), abs=0.004)
    assert (
        found["log_loss"]["estimate"] == pytest.approx(entropy(P).mean()) == pytest.approx(np.mean(losses), abs=0.004)
    )
    for name, came in (("auc", aucs), ("log_loss", losses)):
        assert 0.91 < np.mean([found[name]["low"] <= value <= found[name]["high"] for value in came]) < 0.99


def test_a_slope_below_one_foretells_a_lower_auc():
    plain, timid = estimate(P, seed=7, replicates=50), estimate(P, seed=7, replicates=50, slope=_slope(0.6))
    assert timid["auc"]["high"] < plain["auc"]["low"] + 0.03 and timid["auc"]["estimate"] < plain["auc"]["estimate"]


def test_a_slope_of_one_without_an_error_and_no_margin_are_nothing_said():
    assert estimate(P, seed=7, replicates=50) == estimate(P, seed=7, replicates=50, slope=_slope(1.0), margin=0.0)
    assert estimate(P, seed=7, replicates=50) == estimate(P, seed=7, replicates=50, slope=_slope(None))


@pytest.mark.parametrize(
    ("unsure", "of"), [({"margin": 0.05}, "log_loss"), ({"slope": {"estimate": 1.0, "error": 0.2}}, "auc")]
)
def test_what_is_not_known_of_level_and_slope_widens_the_interval(unsure, of):
    plain, wider = estimate(P, seed=7, replicates=300)[of], estimate(P, seed=7, replicates=300, **unsure)[of]
    assert wider["high"] - wider["low"] > 1.2 * (plain["high"] - plain["low"])


def test_the_level_moves_the_mean_by_as_much_as_the_margin_says():
    sure, unsure = (estimate(P, seed=7, replicates=400, margin=margin)["log_loss"] for margin in (None, 0.1))
    assert unsure["high"] > sure["high"] and unsure["estimate"] == pytest.approx(sure["estimate"])


def test_the_same_seed_gives_the_same_interval_and_the_order_of_customers_no_other_estimate():
    assert estimate(P, seed=7, replicates=50) == estimate(P, seed=7, replicates=50)
    assert estimate(P[::-1], seed=7, replicates=50)["auc"]["estimate"] == pytest.approx(expected_auc(P))


def _slope(estimate: float | None) -> dict:
    return {"estimate": estimate, "error": 0.0}
