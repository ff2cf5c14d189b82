"""Effects are exact: they add up to the score, and are what brute force and the field's own library come to."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
import shap
from scipy.special import expit

from churn.scoring.compiled import Compiled
from churn.scoring.reasons.subsets import Subsets
from churn.scoring.reasons.trees import Trees
from churn.training import estimators

SETTINGS = {
    "logistic": {"C": 1.0},
    "hist_gradient_boosting": {"max_iter": 100, "max_leaf_nodes": 15, "learning_rate": 0.1, "min_samples_leaf": 5},
    "bg_nbd": {"horizon_days": 30},
    "pareto_nbd": {"horizon_days": 30},
}
TREES = "hist_gradient_boosting"


def customers(n: int = 400, seed: int = 1) -> pd.DataFrame:
    """Histories with nulls, two numbers that hang together, and a category."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 12, n).astype(float)
    since, per = rng.exponential(30, n), rng.exponential(20, n) + 1
    never = days == 0
    return pd.DataFrame({
        "days_since_visit": np.where(never, np.nan, since), "days_per_visit": np.where(never, np.nan, per),
        "active_days_visit": days, "value": days * rng.exponential(9, n), "plan": rng.choice(["a", "b", None], n),
    })  # fmt: skip


def fitted(kind: str, X: pd.DataFrame):
    y = (X["days_since_visit"].fillna(40) + 10 * (X["plan"] == "a") - X["value"] / 5 > 25).to_numpy(dtype=int)
    return estimators.fit(X, y, model=kind, settings=SETTINGS[kind], seed=1)


def columns_of(X: pd.DataFrame) -> dict:
    return {name: X[name].to_numpy(dtype=float) if name != "plan" else X[name].tolist() for name in X}


@pytest.fixture(params=SETTINGS)
def kind(request) -> str:
    return request.param


def explained(kind: str, X: pd.DataFrame):
    from churn.registry.versions import Loaded
    from churn.scoring.reasons.explainer import explainer

    pipeline = fitted(kind, X)
    loaded = Loaded(None, pipeline, list(X), {"average": estimators.average(X)})
    return pipeline, explainer(loaded, Compiled(pipeline))


@pytest.mark.parametrize("most", [0, 2, 20])
def test_average_reasons_and_others_add_up_to_the_score_s_log_odds(kind, most):
    X = customers()
    pipeline, explain = explained(kind, X)
    level = np.linspace(-1, 1, len(X))
    expected = estimators.log_odds(pipeline, X) + level
    told = explain.of_columns(columns_of(X), level, most=most)
    sums = [t["log_odds"]["average"] + sum(r["log_odds"] for r in t["reasons"]) + t["log_odds"]["others"] for t in told]
    assert expected == pytest.approx(sums, abs=1e-9)
    assert expected == pytest.approx([t["log_odds"]["score"] for t in told], abs=1e-9)
    scores = np.array([t["log_odds"]["score"] for t in told])
    assert estimators.probability(pipeline, X, level) == pytest.approx(expit(scores), abs=1e-12)
    assert {min(most, len(explain.topics))} == {len(t["reasons"]) for t in told}


def test_the_average_of_a_linear_model_is_the_mean_log_odds_of_the_training_rows():
    X = customers()
    pipeline, explain = explained("logistic", X)
    assert estimators.log_odds(pipeline, X).mean() == pytest.approx(explain.effects.average, abs=1e-9)
    total = np.array(
        [[r["log_odds"] for r in sorted_by_topic(t)] for t in explain.of_columns(columns_of(X), 0, most=9)]
    )
    assert [0] * total.shape[1] == pytest.approx(total.mean(axis=0), abs=1e-9)


def sorted_by_topic(told: dict) -> list[dict]:
    return sorted(told["reasons"], key=lambda reason: list(reason["features"]))


def test_reasons_come_by_how_far_they_move_the_score(kind):
    X = customers(60)
    _, explain = explained(kind, X)
    for told in explain.of_columns(columns_of(X), 0.0, most=3):
        sizes = [abs(reason["log_odds"]) for reason in told["reasons"]]
        assert sorted(sizes, reverse=True) == sizes


def test_trees_are_what_shap_says():
    X = customers()
    pipeline = fitted(TREES, X)
    inputs = Compiled(pipeline).inputs(columns_of(X))
    reference = shap.TreeExplainer(pipeline.named_steps["classifier"], feature_perturbation="tree_path_dependent")
    ours = Trees(pipeline.named_steps["classifier"])
    assert np.abs(reference.shap_values(inputs.T).T - ours.of(inputs)).max() <= 1e-6
    assert float(np.ravel(reference.expected_value)[0]) == pytest.approx(ours.average, abs=1e-6)


def test_trees_are_what_all_subsets_say():
    X = customers(200).drop(columns="plan").assign(plan=None)[["days_since_visit", "active_days_visit", "value"]]
    y = (X["days_since_visit"].fillna(40) - X["value"] > 10).to_numpy(dtype=int)
    classifier = estimators.fit(X, y, model=TREES, settings=SETTINGS[TREES] | {"max_iter": 8}, seed=1).named_steps[
        "classifier"
    ]
    x = X.to_numpy()[:25].T
    expected = brute_force(lambda row, known: conditional(classifier, row, known), x)
    assert np.abs(expected - Trees(classifier).of(x)).max() <= 1e-6


def brute_force(worth, x: np.ndarray) -> np.ndarray:
    """Shapley values by their definition, of worth(row, known inputs)."""
    k, found = len(x), np.zeros_like(x)
    for at, row in enumerate(x.T):
        for player in range(k):
            others = [i for i in range(k) if i != player]
            for size in range(k):
                weight = factorial(size) * factorial(k - 1 - size) / factorial(k)
                for chosen in combinations(others, size):
                    found[player, at] += weight * (worth(row, {*chosen, player}) - worth(row, {*chosen}))
    return found


def conditional(classifier, row: np.ndarray, known: set[int]) -> float:
    """What the trees expect when only some inputs are known: at other splits both ways, by their training rows."""

    def below(nodes, at: int) -> float:
        node = nodes[at]
        if node["is_leaf"]:
            return node["value"]
        if node["feature_idx"] in known:
            x = row[node["feature_idx"]]
            left = node["missing_go_to_left"] if np.isnan(x) else x <= node["num_threshold"]
            return below(nodes, node["left"] if left else node["right"])
        sides = [(nodes[node[side]]["count"], below(nodes, node[side])) for side in ("left", "right")]
        return sum(count * value for count, value in sides) / node["count"]

    return sum(below(tree.nodes, 0) for [tree] in classifier._predictors)


def test_histories_are_what_all_subsets_say():
    X = customers(40)[["days_since_visit", "days_per_visit", "active_days_visit"]].fillna(0)
    means = X.mean().to_numpy()
    pipeline = fitted("bg_nbd", customers())
    log_odds = Compiled(pipeline).log_odds

    def worth(row: np.ndarray, known: set[int]) -> float:
        mixed = [row[i] if i in known else means[i] for i in range(3)]
        return log_odds(np.array(mixed)[:, None])[0]

    x = X.to_numpy().T
    assert np.abs(brute_force(worth, x) - Subsets(log_odds, means).of(x)).max() <= 1e-9


def test_an_estimator_that_only_scikit_learn_knows_has_no_reasons():
    from churn.scoring.compiled import ThroughPipeline
    from churn.scoring.reasons.explainer import explainer

    assert explainer(None, ThroughPipeline(None)) is None
