"""Scores, intervals, profit and baselines, checked against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from churn.errors import InvalidData
from churn.evaluation import baselines, metrics, profit, resampling

ECONOMICS = {"contact_cost": 1.0, "saved_value": 40.0, "success_rate": 0.2}


def sample(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and well-calibrated probabilities without ties."""
    rng = np.random.default_rng(seed)
    p = rng.permutation(np.linspace(0.02, 0.98, n))
    return (rng.random(n) < p).astype(int), p


@st.composite
def outcomes_and_tied_predictions(draw) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 40))
    y = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    p = np.array(draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]), min_size=n, max_size=n)))
    assume(0 < y.sum() < n)
    return y, p


def test_scores_are_nine_plain_floats():
    y, p = sample()
    names = [
        "auc",
        "average_precision",
        "log_loss",
        "brier",
        "calibration_error",
        "f1_top",
        "precision_top",
        "recall_top",
        "lift_top",
    ]
    found = metrics.scores(y, p, top_fraction=0.1)
    assert names == list(found)
    assert {float} == {type(value) for value in found.values()}


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_scores_agree_with_scikit_learn(data):
    y, p = data
    found = metrics.scores(y, p, top_fraction=0.1)
    assert roc_auc_score(y, p) == pytest.approx(found["auc"], abs=1e-12)
    assert average_precision_score(y, p) == pytest.approx(found["average_precision"], abs=1e-12)
    assert log_loss(y, p) == pytest.approx(found["log_loss"], rel=1e-9)
    assert brier_score_loss(y, p) == pytest.approx(found["brier"], abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_scores_do_not_depend_on_row_order_without_ties(seed):
    y, p = sample(100)
    order = np.random.default_rng(seed).permutation(100)
    expected = metrics.scores(y, p, top_fraction=0.1)
    assert expected == pytest.approx(metrics.scores(y[order], p[order], top_fraction=0.1), abs=1e-12)


def test_top_scores_by_hand():
    y = np.array([1, 1, 0, 0, 1, 0, 0, 0, 0, 0])
    p = np.array([0.9, 0.8, 0.7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    found = metrics.scores(y, p, top_fraction=0.3)
    assert 2 / 3 == found["precision_top"] == found["recall_top"] == pytest.approx(found["f1_top"])
    assert pytest.approx(found["lift_top"]) == (2 / 3) / 0.3


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 100))
def test_the_top_is_the_share_rounded_up_even_among_ties(n, percent):
    assert -(-n * percent // 100) == metrics.top(np.full(n, 0.5), percent / 100).sum()


def test_ties_at_the_cut_are_broken_by_row_order():
    assert metrics.top(np.array([0.5, 0.5, 0.5, 0.5]), 0.5).tolist() == [True, True, False, False]
    assert list(range(50)) == list(np.flatnonzero(metrics.top(np.tile([0.5, 0.5, 0.5], 100), 1 / 6)))


def test_a_constant_prediction_at_the_churn_rate_is_calibrated_in_any_row_order():
    y = np.repeat([0, 1], 50)
    assert metrics.scores(y, np.full(100, 0.5), top_fraction=0.1)["calibration_error"] == 0.0


def test_calibration_bins_hold_equal_counts_and_every_customer():
    y, p = sample(1000)
    table = metrics.calibration(y, p)
    assert list(table) == ["predicted", "observed", "customers"]
    assert table["customers"].tolist() == [100] * 10
    assert y.mean() == pytest.approx(np.average(table["observed"], weights=table["customers"]))


def test_calibration_error_of_predictions_that_are_ten_points_too_high_is_a_tenth():
    y = np.tile([0, 0, 0, 1, 1], 40)
    assert pytest.approx(metrics.scores(y, np.full(200, 0.5), top_fraction=0.1)["calibration_error"]) == 0.1


def test_calibration_error_counts_each_customer_once_however_large_its_bin():
    y, p = np.array([1, 0, 0, 0, 0, 0, 0, 0, 1, 0]), np.repeat([0.1, 0.9], [8, 2])
    assert pytest.approx(0.8 * 0.025 + 0.2 * 0.4) == metrics.scores(y, p, top_fraction=0.1)["calibration_error"]


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        (
            [0, 0, 0],
            [0.1, 0.2, 0.3],
            "found 3 customers, all of them stayers; choose a snapshot or a label rule with both$",
        ),
        ([1, 1], [0.1, 0.2], "both leavers and stayers: found 2 customers, all of them leavers"),
        ([], [], "both leavers and stayers: found 0 customers; choose"),
        ([0, 2], [0.1, 0.2], "0 .stayed. or 1 .left.: found 2"),
        ([0, 1], [0.1, 1.2], r"lies in \[0, 1\]: found 1.2"),
        ([0, 1], [0.1, math.nan], r"lies in \[0, 1\]: found nan"),
        ([0, 1], [0.1], "each outcome needs one prediction: .*; score the rows that the labels belong to$"),
        ([0, 1, 1], [0.0, 1.0, 1.5], r"lies in \[0, 1\]: found 1.5"),
    ],
)
def test_unusable_input_is_refused_with_what_was_found(y, p, message):
    with pytest.raises(InvalidData, match=message):
        metrics.scores(np.array(y), np.array(p), top_fraction=0.1)


@settings(deadline=None)
@given(outcomes_and_tied_predictions(), st.data())
def test_resampled_scores_equal_scikit_learn_with_sample_weights(data, drawn):
    y, p = data
    counts = np.array(drawn.draw(st.lists(st.integers(0, 5), min_size=len(y), max_size=len(y))))
    assume((counts * y).sum() > 0 and (counts * (1 - y)).sum() > 0)
    auc, precision, loss, brier, _ = resampling._Ranked.of(y, p, 1 / len(y)).scores(counts[None, :])[:, 0]
    assert roc_auc_score(y, p, sample_weight=counts) == pytest.approx(auc, abs=1e-12)
    assert average_precision_score(y, p, sample_weight=counts) == pytest.approx(precision, abs=1e-12)
    assert log_loss(y, p, sample_weight=counts) == pytest.approx(loss, rel=1e-9)
    assert brier_score_loss(y, p, sample_weight=counts) == pytest.approx(brier, abs=1e-12)


@settings(deadline=None)
@given(outcomes_and_tied_predictions(), st.integers(0, 1000), st.sampled_from([0.05, 0.1, 0.34, 1.0]))
def test_the_resampled_lift_is_that_of_the_rows_as_they_were_drawn(data, seed, fraction):
    y, p = data
    drawn = np.sort(np.random.default_rng(seed).integers(len(y), size=len(y)))
    assume(0 < y[drawn].sum() < len(y))
    lift = resampling._Ranked.of(y, p, fraction).scores(np.bincount(drawn, minlength=len(y))[None, :])[-1, 0]
    expected = metrics.scores(y[drawn], p[drawn], top_fraction=fraction)["lift_top"]
    assert expected == pytest.approx(lift, abs=1e-12)


def test_bootstrap_estimates_are_the_scores_and_lie_within_their_intervals():
    y, p = sample()
    table = resampling.bootstrap(y, {"candidate": p}, top_fraction=0.1, replicates=200, seed=1)
    scores = metrics.scores(y, p, top_fraction=0.1)
    assert list(table) == ["model", "metric", "estimate", "low", "high"]
    assert {name: scores[name] for name in resampling.RESAMPLED} == pytest.approx(
        dict(zip(table["metric"], table["estimate"], strict=True)), abs=1e-12
    )
    assert table.eval("low < estimate < high").all()


def test_bootstrap_is_paired_so_equal_predictions_never_differ():
    y, p = sample()
    table = resampling.bootstrap(y, {"candidate": p, "champion": p.copy()}, top_fraction=0.1, replicates=50, seed=1)
    difference = table[table["model"] == "difference"]
    assert np.unique(difference[["estimate", "low", "high"]]).tolist() == [0.0]


def test_the_difference_is_the_first_model_minus_the_second():
    y, p = sample()
    table = resampling.bootstrap(y, {"candidate": p, "champion": 1 - p}, top_fraction=0.1, replicates=50, seed=1)
    auc = table[table["metric"] == "auc"].set_index("model")["estimate"]
    assert auc["candidate"] - auc["champion"] == auc["difference"] > 0


def test_bootstrap_repeats_by_its_seed_however_it_is_batched(monkeypatch):
    y, p = sample()
    expected = resampling.bootstrap(y, {"candidate": p}, top_fraction=0.1, replicates=30, seed=7)
    monkeypatch.setattr(resampling, "CELLS", 4 * len(y))
    assert expected.equals(resampling.bootstrap(y, {"candidate": p}, top_fraction=0.1, replicates=30, seed=7))
    other = resampling.bootstrap(y, {"candidate": p}, top_fraction=0.1, replicates=30, seed=8)
    assert not np.array_equal(expected["low"], other["low"])


def test_an_interval_holds_the_stated_share_of_the_resamples_that_the_seed_draws():
    y, p = sample(200)
    rng = np.random.default_rng(3)
    drawn = [np.bincount(rng.integers(200, size=200), minlength=200) for _ in range(40)]
    aucs = [roc_auc_score(y, p, sample_weight=counts) for counts in drawn]
    for confidence, tails in ((0.95, [0.025, 0.975]), (0.5, [0.25, 0.75])):
        row = resampling.bootstrap(
            y, {"candidate": p}, top_fraction=0.1, replicates=40, seed=3, confidence=confidence
        ).iloc[0]
        assert np.quantile(aucs, tails).tolist() == pytest.approx([row["low"], row["high"]], abs=1e-12)


def test_the_interval_of_a_single_resample_is_a_point():
    y, p = sample()
    table = resampling.bootstrap(y, {"candidate": p}, top_fraction=0.1, replicates=1, seed=1)
    assert table["low"].equals(table["high"])
    assert table["low"].notna().all()


def test_bootstrap_interval_of_auc_matches_its_known_standard_error():
    y, p = sample(2000)
    row = resampling.bootstrap(y, {"candidate": p}, top_fraction=0.1, replicates=600, seed=1).iloc[0]
    assert hanley_mcneil(y, row["estimate"]) == pytest.approx((row["high"] - row["low"]) / 2 / 1.96, rel=0.2)


def hanley_mcneil(y: np.ndarray, auc: float) -> float:
    """The standard error of an AUC after Hanley & McNeil (1982)."""
    left, stayed = y.sum(), (1 - y).sum()
    both, twice = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    return math.sqrt((auc * (1 - auc) + (left - 1) * (both - auc**2) + (stayed - 1) * (twice - auc**2)) / left / stayed)


def test_a_resample_of_one_class_is_left_out_rather_than_spoiling_the_interval():
    table = resampling.bootstrap(
        np.array([0, 0, 1]), {"candidate": np.array([0.1, 0.6, 0.5])}, top_fraction=0.1, replicates=200, seed=1
    )
    assert table[["estimate", "low", "high"]].notna().all(axis=None)


def test_segments_are_scored_where_they_are_large_enough_and_have_both_classes():
    y, p = np.array([0, 1] * 60 + [1] * 60 + [0, 1]), np.linspace(0, 1, 182)
    plans = pd.DataFrame({"plan": ["b"] * 120 + ["a"] * 60 + [None] * 2}, index=range(1000, 1182))
    table = metrics.by_segment(plans, y, {"candidate": p, "champion": 1 - p}, minimum=50)
    assert list(table) == ["segment", "value", "customers", "churn_rate", "candidate_auc", "champion_auc"]
    assert list(zip(table["segment"], table["value"], table["customers"], strict=True)) == [
        ("plan", "(missing)", 2),
        ("plan", "a", 60),
        ("plan", "b", 120),
    ]
    assert table["churn_rate"].tolist() == [0.5, 1.0, 0.5]
    assert table["candidate_auc"].isna().tolist() == [True, True, False]
    assert roc_auc_score(y[:120], p[:120]) == table["candidate_auc"].iloc[2]


@pytest.mark.parametrize(("leavers", "customers", "scored"), [(1, 50, True), (49, 50, True), (1, 49, False)])
def test_a_segment_is_scored_from_50_customers_on_with_a_single_one_of_either_class(leavers, customers, scored):
    y = np.repeat([1, 0], [leavers, customers - leavers])
    table = metrics.by_segment(pd.DataFrame({"plan": ["a"] * customers}), y, {"candidate": y.astype(float)})
    assert ([1.0] if scored else []) == table["candidate_auc"].dropna().tolist()


@pytest.mark.parametrize("outcome", [0, 1])
def test_a_segment_of_one_class_has_no_score(outcome):
    table = metrics.by_segment(pd.DataFrame({"plan": ["a"] * 50}), np.full(50, outcome), {"candidate": np.ones(50)})
    assert table["candidate_auc"].isna().all()


def test_data_without_segments_gives_an_empty_table_with_the_same_columns():
    y, p = sample(10)
    table = metrics.by_segment(pd.DataFrame(index=range(10)), y, {"candidate": p})
    assert list(table) == ["segment", "value", "customers", "churn_rate", "candidate_auc"]
    assert table.empty


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_every_point_of_the_profit_curve_is_the_profit_at_its_threshold(data):
    y, p = data
    for point in profit.curve(y, p, **ECONOMICS).itertuples():
        assert profit.per_customer(y, p, point.threshold, **ECONOMICS) == pytest.approx(point.profit)
        assert np.mean(p >= point.threshold) == point.contacted


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_contacting_nobody_earns_nothing_even_when_someone_is_certain_to_leave(data):
    last = profit.curve(*data, **ECONOMICS).iloc[-1]
    assert (last["contacted"], last["profit"]) == (0.0, 0.0)


def test_the_profit_curve_has_at_most_201_thresholds_besides_nobody():
    assert len(profit.curve(*sample(5000), **ECONOMICS)) == 202


def test_every_threshold_but_nobody_is_a_probability_that_occurs():
    curve = profit.curve(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.2, 0.9]), **ECONOMICS)
    assert curve["threshold"].tolist() == [0.1, 0.2, 0.9, profit.CONTACT_NOBODY]


def test_the_best_threshold_contacts_nobody_when_contacts_only_cost():
    curve = profit.curve(*sample(), contact_cost=1.0, saved_value=0.0, success_rate=0.2)
    assert profit.best_threshold(curve) == profit.CONTACT_NOBODY


def test_the_best_threshold_earns_the_most_and_among_equals_contacts_fewest():
    curve = pd.DataFrame({"threshold": [0.1, 0.2, 0.3, 1.1], "profit": [1.0, 2.0, 2.0, 0.0]})
    assert profit.best_threshold(curve) == 0.3


def test_nobody_leaves_says_the_training_churn_rate_for_everyone():
    train = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})
    found = baselines.probabilities(train, np.array([0, 1, 1, 1]), train.head(2))
    assert found["nobody leaves"].tolist() == [0.75, 0.75]


def test_the_best_single_feature_may_point_down_and_may_have_gaps():
    y, p = sample()
    train = pd.DataFrame({"noise": np.arange(500) % 7, "orders": -p, "plan": "basic"})
    train.loc[:20, "orders"] = np.nan
    found = baselines.probabilities(train, y, train)
    assert list(found) == ["nobody leaves", "best single feature: orders"]
    assert roc_auc_score(y, found["best single feature: orders"]) == pytest.approx(
        baselines.single_feature_auc(train, y)["orders"], abs=1e-12
    )


def test_the_test_rows_gaps_are_filled_with_the_training_median():
    train = pd.DataFrame({"x": [1.0, 2.0, 9.0, 3.0]})
    test = pd.DataFrame({"x": [np.nan, 2.5, 100.0]})
    predicted = baselines.probabilities(train, np.array([0, 0, 1, 1]), test)["best single feature: x"]
    assert predicted[0] == predicted[1] < predicted[2]


def test_the_unit_of_the_best_single_feature_does_not_matter():
    y, p = sample()
    minutes, hours = (baselines.probabilities(x, y, x) for x in (pd.DataFrame({"x": p}), pd.DataFrame({"x": p / 60})))
    assert minutes["best single feature: x"] == pytest.approx(hours["best single feature: x"], abs=1e-6)


def test_without_numeric_features_only_the_constant_baseline_is_left():
    train = pd.DataFrame({"plan": ["a", "b"]})
    assert list(baselines.probabilities(train, np.array([0, 1]), train)) == ["nobody leaves"]


@settings(deadline=None)
@given(outcomes_and_tied_predictions())
def test_single_feature_auc_is_scikit_learns_whichever_way_the_feature_points(data):
    y, x = data
    auc = roc_auc_score(y, x)
    found = baselines.single_feature_auc(pd.DataFrame({"up": x, "down": -x, "empty": np.nan}), y)
    assert [max(auc, 1 - auc)] * 2 + [0.5] == pytest.approx(found.tolist(), abs=1e-12)
    assert ("auc", ["up", "down", "empty"]) == (found.name, list(found.index))


def test_the_profit_has_the_interval_of_its_mean_in_the_resamples_of_the_bootstrap():
    y, p = sample(200)
    rng = np.random.default_rng(3)
    drawn = [rng.integers(200, size=200) for _ in range(40)]
    profits = [profit.per_customer(y[rows], p[rows], 0.4, **ECONOMICS) for rows in drawn]
    for confidence, tails in ((0.95, [0.025, 0.975]), (0.5, [0.25, 0.75])):
        found = profit.interval(y, p, 0.4, **ECONOMICS, replicates=40, seed=3, confidence=confidence)
        assert np.quantile(profits, tails).tolist() == pytest.approx(list(found), abs=1e-12)


def test_who_contacts_nobody_earns_nothing_in_every_resample():
    y, p = sample()
    assert (0.0, 0.0) == profit.interval(y, p, profit.CONTACT_NOBODY, **ECONOMICS, replicates=20, seed=1)


def test_the_threshold_is_chosen_on_the_training_rows_and_priced_on_the_test_rows():
    train, test, resampled = sample(200, seed=1), sample(300, seed=2), {"replicates": 40, "seed": 3}
    policy = profit.choose(train, test, **ECONOMICS, **resampled)
    assert profit.best_threshold(profit.curve(*train, **ECONOMICS)) == policy.threshold
    assert np.mean(test[1] >= policy.threshold) == policy.contacted
    assert profit.per_customer(*test, policy.threshold, **ECONOMICS) == policy.profit
    assert profit.interval(*test, policy.threshold, **ECONOMICS, **resampled) == (policy.low, policy.high)
