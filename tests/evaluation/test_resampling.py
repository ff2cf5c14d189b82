"""Intervals by the paired bootstrap, checked against scikit-learn, known standard errors and plain resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from churn.evaluation import metrics, resampling
from tests.evaluation.samples import outcomes_and_tied_predictions, sample


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


def test_the_means_of_rows_have_the_intervals_of_their_resamples():
    values = np.random.default_rng(1).normal(size=(2, 60))
    rng = np.random.default_rng(4)
    drawn = [rng.integers(60, size=60) for _ in range(30)]
    for row, found in zip(values, resampling.mean_intervals(values, replicates=30, seed=4), strict=True):
        low, high = np.quantile([row[rows].mean() for rows in drawn], [0.025, 0.975])
        assert (row.mean(), low, high) == pytest.approx((found.estimate, found.low, found.high), abs=1e-12)
    half = resampling.mean_intervals(values, replicates=30, seed=4, confidence=0.5)[0]
    assert np.quantile([values[0][rows].mean() for rows in drawn], 0.25) == pytest.approx(half.low)


def test_a_log_loss_difference_is_below_zero_where_the_first_is_better():
    y, p = sample()
    others = {"itself": p, "constant": np.full(len(y), 0.5)}
    found = resampling.log_loss_differences(y, p, others, replicates=50, seed=1)
    assert (0.0, 0.0, 0.0) == tuple(vars(found["itself"]).values())
    assert log_loss(y, p) - log_loss(y, others["constant"]) == pytest.approx(found["constant"].estimate)
    assert found["constant"].high < 0
    assert {} == resampling.log_loss_differences(y, p, {}, replicates=50, seed=1)


@settings(deadline=None)
@given(outcomes_and_tied_predictions(), st.integers(0, 1000))
def test_a_difference_of_ranking_is_that_of_the_two_aucs(data, seed):
    y, p = data
    other = np.round(np.random.default_rng(seed).random(len(y)), 1)
    found = resampling.auc_difference(y, p, other)
    assert roc_auc_score(y, p) - roc_auc_score(y, other) == pytest.approx(found.estimate, abs=1e-12)


def test_the_interval_of_a_difference_of_ranking_is_that_of_the_bootstrap():
    y, p = sample(600)
    other = np.clip(p + np.random.default_rng(1).normal(0, 0.2, 600), 0, 1)
    found = resampling.auc_difference(y, p, other)
    table = resampling.bootstrap(y, {"a": p, "b": other}, top_fraction=0.1, replicates=1000, seed=1)
    drawn = table.set_index(["model", "metric"]).loc[("difference", "auc")]
    assert (drawn.low, drawn.high) == pytest.approx((found.low, found.high), abs=0.002)
    assert found.low + found.high == pytest.approx(2 * found.estimate)


def test_the_interval_of_two_rankings_of_one_leaver_is_not_known():
    found = resampling.auc_difference(np.array([0, 1, 0]), np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.2, 0.1]))
    assert 0.0 == found.estimate and math.isnan(found.low) and math.isnan(found.high)


def test_of_several_differences_each_has_a_wider_interval():
    y, p = sample(300)
    one, twelve = (resampling.auc_difference(y, p, np.sqrt(p) * (1 - y * 0.1), of=of) for of in (1, 12))
    assert one.estimate == twelve.estimate
    assert 2.8653 / 1.9600 == pytest.approx((twelve.high - twelve.low) / (one.high - one.low), abs=1e-3)


def test_an_auc_of_customers_who_stand_for_several_is_that_of_as_many_rows():
    rng = np.random.default_rng(3)
    y, p, weights = (rng.random(200) < 0.3).astype(int), rng.random(200).round(1), rng.integers(0, 4, 200)
    repeated = metrics.scores(np.repeat(y, weights), np.repeat(p, weights), top_fraction=0.1)["auc"]
    assert repeated == pytest.approx(resampling.weighted_auc(y, p, weights.astype(float)).estimate, abs=1e-12)


def test_an_auc_s_interval_is_delong_s_and_says_nothing_of_one_class():
    rng = np.random.default_rng(3)
    y, p = (rng.random(2000) < 0.3).astype(int), rng.random(2000)
    alone, beside = resampling.weighted_auc(y, p, np.ones(2000)), resampling.auc_difference(y, p, np.zeros(2000))
    assert [0.5 + beside.estimate, 0.5 + beside.low, 0.5 + beside.high] == pytest.approx(
        [alone.estimate, alone.low, alone.high], abs=1e-4
    )
    assert np.isnan(resampling.weighted_auc(np.zeros(5), p[:5], np.ones(5)).estimate)
