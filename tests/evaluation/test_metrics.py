"""Scores, calibration and segments, checked against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from churn.errors import InvalidData
from churn.evaluation import metrics
from tests.evaluation.samples import outcomes_and_tied_predictions, sample


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
