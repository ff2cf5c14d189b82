"""The alarm: silent for a lifetime while the promise is kept, loud the month after it is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from churn.monitoring import alarm
from churn.monitoring.alarm import Month, evidence, judge

DATES = pd.date_range("2023-01-01", periods=36, freq="MS").strftime("%Y-%m-%d")
TOLERANCE = 0.05
KEPT = Month(
    snapshot="",
    version=1,
    known_on="",
    customers=4_000,
    observed=0.12,
    predicted=0.12,
    log_loss=0.33,
    log_loss_expected=0.33,
    auc=0.75,
    auc_error=0.01,
    auc_expected=0.75,
    auc_promised=0.75,
    auc_low=0.73,
    margin=0.03,
)


def _months(observed=(), *, horizon_days=30, aucs=(), **changed) -> list[Month]:
    n = max(len(observed), len(aucs), 1)
    observed, aucs = list(observed) or [KEPT.observed] * n, list(aucs) or [KEPT.auc] * n
    return [
        replace(KEPT, snapshot=day, known_on=_later(day, horizon_days), observed=share, auc=auc, **changed)
        for day, share, auc in zip(DATES[:n], observed, aucs, strict=True)
    ]


def _later(day: str, days: int) -> str:
    return str((pd.Timestamp(day) + pd.Timedelta(days=days)).date())


def _judge(months, *, horizon_days=30, **given):
    return judge(months, tolerance=TOLERANCE, horizon_days=horizon_days, **given)


# --- silence ---


def test_before_any_label_has_matured_there_is_no_evidence():
    found = _judge([])
    assert (False, None, 1.0, []) == (found.standing, found.raised_on, found.e_value, found.path)
    assert "no labels of a list have matured yet" == found.why


def test_a_shock_within_the_tolerance_raises_no_alarm():
    shocks = [0.12 + (-1) ** month * 0.05 for month in range(36)]
    assert not _judge(_months(shocks)).standing
    assert not _judge(_months(shocks, customers=400_000)).standing


def test_a_shock_within_the_margin_that_the_list_told_raises_no_alarm():
    assert not _judge(_months([0.12, 0.12, 0.2], margin=0.08)).standing
    assert _judge(_months([0.12, 0.12, 0.2], margin=0.03)).standing


def test_an_auc_within_what_was_promised_raises_no_alarm():
    assert not _judge(_months(aucs=[0.735] * 36)).standing


def test_an_auc_that_the_probabilities_foretold_raises_no_alarm():
    assert not _judge(_months(aucs=[0.65] * 36, auc_expected=0.66)).standing


@settings(max_examples=15, deadline=None)
@given(
    predicted=st.floats(0.02, 0.98),
    off=st.floats(-TOLERANCE, TOLERANCE),
    customers=st.integers(1, 80),
    margin=st.sampled_from([None, 0.03, 0.07]),
)
def test_the_evidence_of_a_share_within_the_tolerance_is_one_on_average_at_most(predicted, off, customers, margin):
    rate, counts = np.clip(predicted + off, 0, 1), np.arange(customers + 1)
    month = replace(KEPT, customers=customers, predicted=predicted, margin=margin)
    e_values = np.exp([evidence(replace(month, observed=n / customers), TOLERANCE)[:2] for n in counts])
    assert (binom.pmf(counts, customers, rate) @ e_values <= 1 + 1e-9).all()


@settings(max_examples=5, deadline=None)
@given(promised=st.floats(0.6, 0.9), half=st.floats(0.0, 0.1), loss=st.floats(0, 1), error=st.floats(0.002, 0.05))
def test_the_evidence_of_an_auc_within_the_promise_is_one_on_average_at_most(promised, half, loss, error):
    allowed = max(half, alarm.LEAST_LOSS)
    month = replace(KEPT, auc_promised=promised, auc_low=promised - half, auc_expected=None, auc_error=error)
    z = np.linspace(-14, 14, 281)
    aucs = promised - loss * allowed + z * np.hypot(error, alarm.AUC_SHOCK)
    e_values = np.exp([evidence(replace(month, auc=auc), TOLERANCE)[2] for auc in aucs])
    assert norm.pdf(z) @ e_values * (z[1] - z[0]) <= 1 + 1e-6


# --- an alarm ---


def test_a_break_is_told_with_the_first_labels_that_saw_it():
    found = _judge(_months([0.12] * 15 + [0.22]))
    assert (True, DATES[15], _later(DATES[15], 30)) == (found.standing, found.since, found.raised_on)
    assert "more left than was promised" == found.path[-1]["speaks"]
    assert found.why.startswith(f"the list of {DATES[15]} on: more left than was promised; evidence ")


@pytest.mark.parametrize(("changed", "speaks"), [({"observed": [0.02]}, 1), ({"aucs": [0.65]}, 2)])
def test_fewer_leavers_and_a_worse_ranking_are_breaks_too(changed, speaks):
    found = _judge(_months(**changed))
    assert (True, alarm.SPEAKS[speaks]) == (found.standing, found.path[-1]["speaks"])
