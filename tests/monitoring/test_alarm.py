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
from churn.monitoring.alarm import LIMIT, Month, evidence, judge, month_of

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
    assert found.why.startswith(f"from the list of {DATES[15]} on more left than was promised; the evidence is ")


@pytest.mark.parametrize(("changed", "speaks"), [({"observed": [0.02]}, 1), ({"aucs": [0.65]}, 2)])
def test_fewer_leavers_and_a_worse_ranking_are_breaks_too(changed, speaks):
    found = _judge(_months(**changed))
    assert (True, alarm.SPEAKS[speaks]) == (found.standing, found.path[-1]["speaks"])


def test_a_break_late_in_a_long_life_is_found_as_soon():
    found = _judge(_months([0.12] * 35 + [0.22]))
    assert (True, DATES[35]) == (found.standing, found.since)


def test_months_that_are_each_a_little_off_tell_together():
    found = _judge(_months([0.12] * 6 + [0.185] * 12))
    assert found.standing
    assert all(row["e_value"] < LIMIT for row in found.path[:7])


def test_with_few_customers_the_same_share_tells_nothing():
    assert not _judge(_months([0.12] * 6 + [0.22], customers=40)).standing


# --- horizons that overlap ---


@settings(max_examples=20, deadline=None)
@given(horizon_days=st.integers(1, 200), step=st.integers(1, 40))
def test_the_months_that_are_tested_together_do_not_overlap(horizon_days, step):
    months = [
        replace(KEPT, snapshot=_later(DATES[0], step * n), known_on=_later(DATES[0], step * n + horizon_days))
        for n in range(30)
    ]
    lifetime = alarm._Lifetime(1, TOLERANCE, horizon_days)
    held = [process.until for process in lifetime._processes]
    for month in months:
        tested = lifetime.see(month)["tested"]
        now = [process.until for process in lifetime._processes]
        changed = [before for before, after in zip(held, now, strict=True) if before != after]
        assert tested == bool(changed) and all(before <= month.snapshot for before in changed)
        assert tested or min(held) > month.snapshot
        held = now


def test_every_monthly_list_is_tested_however_long_the_horizon_is():
    for horizon_days in (30, 60, 90, 365):
        months = _months([0.12] * 36, horizon_days=horizon_days)
        assert all(row["tested"] for row in _judge(months, horizon_days=horizon_days).path)


def test_a_break_is_found_at_once_where_horizons_overlap():
    found = _judge(_months([0.12] * 15 + [0.22], horizon_days=90), horizon_days=90)
    assert (True, DATES[15], _later(DATES[15], 90)) == (found.standing, found.since, found.raised_on)


# --- lifetimes ---


def test_an_alarm_stands_until_a_version_is_listed_that_was_not_there_when_it_was_raised():
    months = _months([0.12] * 5 + [0.22])
    raised_on = _judge(months).raised_on
    listed = [(raised_on, 1), ("2023-06-20", 2)]
    assert _judge(months, lists=listed).standing
    after = _judge(months, lists=[*listed, (_later(raised_on, 1), 3)])
    assert (False, raised_on, "a new version has begun a new lifetime") == (after.standing, after.raised_on, after.why)


def test_a_version_first_listed_on_the_day_of_the_alarm_begins_a_new_lifetime():
    months = _months([0.12] * 5 + [0.22])
    assert not _judge(months, lists=[(_judge(months).raised_on, 2)]).standing


def test_the_old_version_back_in_production_brings_its_alarm_back():
    months = _months([0.12] * 5 + [0.22])
    assert _judge(months, lists=[("2023-08-01", 2), ("2023-09-01", 1)]).standing


def test_a_new_lifetime_knows_nothing_of_the_old_one_and_may_break_again():
    old, shares = _months([0.12] * 5 + [0.22]), [0.12] * 8 + [0.22]
    new = [
        replace(KEPT, version=2, snapshot=day, known_on=_later(day, 30), observed=share)
        for day, share in zip(DATES[8:], shares, strict=False)
    ]
    found, alone = _judge([*old, *new]), _judge(new)
    assert [1] * 6 + [2] * 9 == [row["lifetime"] for row in found.path]
    assert (alone.standing, alone.raised_on, alone.e_value) == (found.standing, found.raised_on, found.e_value)


def test_a_month_after_the_alarm_that_the_old_version_listed_does_not_count():
    months = _months([0.12] * 5 + [0.22])
    more = [*months, replace(KEPT, snapshot=DATES[6], known_on=_later(DATES[6], 30), observed=0.9)]
    assert _judge(months) == _judge(more)


# --- what it does not depend on ---


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(10)))
def test_the_order_in_which_lists_are_given_does_not_matter(order):
    months = _months([0.12] * 7 + [0.2, 0.12, 0.3])
    assert _judge(months) == _judge([months[at] for at in order])


def test_of_two_lists_at_one_snapshot_that_of_the_newer_version_counts():
    months = _months([0.12] * 4)
    replaced = replace(months[2], version=0, observed=0.9)
    assert _judge(months).path == _judge([*months, replaced]).path


def test_evidence_grows_beyond_any_number_without_an_error():
    found = _judge(_months([0.02] + [0.9] * 3, customers=10_000_000))
    assert (True, True) == (found.standing, np.isfinite(found.e_value))


# --- a month from its rows ---


def test_a_month_holds_what_was_promised_and_what_came():
    y, p = np.tile([0, 0, 0, 1], 50), np.tile([0.1, 0.2, 0.4, 0.3], 50)
    promised = {"auc": {"estimate": 0.7, "low": 0.6, "high": 0.8}, "log_loss": {"estimate": 0.5, "high": 0.6}}
    document = {"snapshot": "2024-01-01", "version": 3, "promised": promised, "level": {"margin": 0.04}}
    month = month_of(y, p, document, horizon_days=30)
    assert ("2024-01-01", 3, "2024-01-31", 200) == (month.snapshot, month.version, month.known_on, month.customers)
    assert (0.25, pytest.approx(0.25), pytest.approx(2 / 3)) == (month.observed, month.predicted, month.auc)
    assert (0.7, 0.6, 0.5, 0.6, 0.04) == (
        month.auc_promised,
        month.auc_low,
        month.log_loss_promised,
        month.log_loss_high,
        month.margin,
    )


def test_with_few_leavers_no_auc_is_judged():
    y = np.repeat([1, 0], [alarm.FEW - 1, 100])
    month = month_of(y, np.full(len(y), 0.2), {"snapshot": "2024-01-01", "version": 1}, horizon_days=30)
    assert (None, None, 0.0) == (month.auc, month.auc_error, evidence(month, TOLERANCE)[2])


# --- contacts ---


def test_leavers_too_few_because_of_contacts_that_work_are_no_break():
    contacted = _months([0.04] * 3)
    alone = [replace(month, observed_uncontacted=0.12, customers_uncontacted=400) for month in contacted]
    assert (True, False) == (_judge(contacted).standing, _judge(alone).standing)


def test_leavers_too_many_are_so_whoever_was_contacted():
    months = _months([0.24])
    alone = [replace(month, observed_uncontacted=0.25, customers_uncontacted=100) for month in months]
    assert evidence(months[0], TOLERANCE)[0] == evidence(alone[0], TOLERANCE)[0]
    assert _judge(alone).standing
