"""The level of a model: what is known at a snapshot, whether a season is proven, and what is promised."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from churn.training.levels import Levels, Rule, offset

MONTHS = [f"{day:%Y-%m-%d}" for day in pd.date_range("2009-01-01", "2012-12-01", freq="MS")]
MONTHLY = Rule(newest=3, horizon_days=60, every="month", starts="2008-01-01", settling_days=365)


def known(rates: dict[str, float], *, customers: int = 4_000) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Customers of whom a model says .5 on average at every snapshot, and of whom this share left, whatever it says."""
    log_odds = np.linspace(-2, 2, customers)
    level = {snapshot: offset_for(log_odds, rate) for snapshot, rate in rates.items()}
    quantiles = np.random.default_rng(0).permutation((np.arange(customers) + 0.5) / customers)
    return {s: (log_odds, (quantiles < expit(log_odds + level[s])).astype(int)) for s in rates}


def offset_for(log_odds: np.ndarray, rate: float) -> float:
    grid = np.linspace(-6, 6, 4_001)
    return float(grid[np.abs(expit(log_odds[:, None] + grid).mean(axis=0) - rate).argmin()])


def seasonal(month: str) -> float:
    return 0.3 if month[5:7] in ("10", "11", "12") else 0.6


def test_an_offset_makes_the_mean_prediction_the_share_of_leavers():
    log_odds, rate = np.array([-1.0, 0.0, 2.0]), 1 / 3
    assert 1 / 3 == pytest.approx(expit(log_odds + offset(log_odds, rate)).mean(), abs=1e-12)


def test_the_level_is_that_of_the_newest_known_snapshots_together():
    level = Levels(known(dict.fromkeys(MONTHS[:6], 0.5)), MONTHLY).at("2009-07-01")
    assert ["2009-03-01", "2009-04-01", "2009-05-01"] == level.of  # the label of 2009-05-01 is known on 2009-06-30
    assert 0.0 == pytest.approx(level.log_odds, abs=0.05)


def test_a_label_that_is_known_a_day_too_late_tells_nothing():
    level = Levels(known(dict.fromkeys(MONTHS[:6], 0.5)), MONTHLY).at("2009-06-29")
    assert ["2009-02-01", "2009-03-01", "2009-04-01"] == level.of


def test_labels_known_later_change_nothing():
    rates = {month: seasonal(month) for month in MONTHS}
    before = {month: rate for month, rate in rates.items() if MONTHLY.known(month, "2011-10-01")}
    told, all_told = Levels(known(before), MONTHLY).at("2011-10-01"), Levels(known(rates), MONTHLY).at("2011-10-01")
    assert told.document() == all_told.document()


def test_a_proven_season_gives_the_level_of_last_year():
    level = Levels(known({month: seasonal(month) for month in MONTHS}), MONTHLY).at("2012-10-01")
    assert (True, ["2011-10-01"]) == (level.season, level.of)
    assert level.why.startswith("season of last year (2011-10-01); at 12 earlier snapshots it missed by 0.0")


def test_a_season_is_not_used_before_three_snapshots_have_proven_it():
    levels = Levels(known({month: seasonal(month) for month in MONTHS}), MONTHLY)
    few = "season unproven: it takes 3 earlier snapshots that can tell, and there are 1"
    assert few in levels.at("2010-04-01").why  # the first with a last year is 2010-01-01, and known on 2010-03-02
    assert "season unproven" not in levels.at("2010-05-01").why  # 2010-03-01, the third, is known on 2010-04-30


def test_a_last_year_that_lies_at_the_start_of_the_log_tells_of_no_season():
    rates = {month: seasonal(month) for month in MONTHS}
    late = Rule(newest=3, horizon_days=60, every="month", starts="2009-06-01", settling_days=365)
    assert "season unknown: the log is 10 months long" in Levels(known(rates), late).at("2010-04-01").why


def test_a_boom_is_not_taken_for_a_season():
    rising = {month: 0.2 + 0.4 * i / len(MONTHS) for i, month in enumerate(MONTHS)}
    level = Levels(known(rising), MONTHLY).at("2012-12-01")
    assert not level.season
    assert "season not used" in level.why


def test_no_season_is_looked_for_where_the_dates_are_given():
    level = Levels(known({"2009-01-01": 0.5}), Rule(newest=3, horizon_days=60)).at("2010-01-01")
    assert "no season is looked for where the snapshots are given by date" in level.why


def test_without_a_known_label_the_level_is_that_of_the_training_rows():
    level = Levels(known({"2009-01-01": 0.5}), Rule(newest=3, horizon_days=60)).at("2009-01-01")
    assert (0.0, [], None) == (level.log_odds, level.of, level.margin)


def test_the_interval_is_the_worst_known_miss_and_at_least_three_points():
    calm = Levels(known(dict.fromkeys(MONTHS[:12], 0.5)), MONTHLY).at("2010-01-01")
    assert 0.03 == calm.margin
    shaken = Levels(known(dict.fromkeys(MONTHS[:9], 0.5) | {MONTHS[9]: 0.8}), MONTHLY).at("2010-01-01")
    assert 0.3 == pytest.approx(shaken.margin, abs=0.01)
    assert {
        "mean": pytest.approx(0.5, abs=0.15),
        "low": pytest.approx(0.2, abs=0.15),
        "high": pytest.approx(0.8, abs=0.15),
    } == shaken.expected(np.linspace(-2, 2, 500))


def test_a_season_is_looked_back_on_as_if_it_had_been_proven_before():
    levels = Levels(known({month: seasonal(month) for month in MONTHS}), MONTHLY)
    level = levels.at("2010-10-01")
    assert (True, True, 0.03) == (level.season, level.origins.season.all(), level.margin)
    assert [*level.origins.snapshot, "2010-09-01", "2010-10-01"] == list(levels.origins("2010-10-01"))
    assert 0.2 < level.origins.miss_without.abs().max(), "of autumns that nobody had been told of"


def test_a_snapshot_of_one_class_gives_no_level():
    levels = Levels(known({"2009-01-01": 0.5}) | {"2009-02-01": (np.zeros(5), np.zeros(5, dtype=int))}, MONTHLY)
    assert ["2009-01-01"] == levels.at("2009-12-01").of


def test_origins_are_at_most_twelve_and_end_with_the_one_that_is_asked_for():
    origins = Levels(known(dict.fromkeys(MONTHS, 0.5)), MONTHLY).origins("2011-06-01")
    assert [f"2010-{m:02d}-01" for m in range(7, 13)] + [f"2011-{m:02d}-01" for m in range(1, 7)] == list(origins)


def test_last_year_of_a_leap_day_is_the_last_of_february():
    assert "2011-02-28" == MONTHLY.last_year("2012-02-29")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.05, 0.95), min_size=6, max_size=30), st.integers(0, 40))
def test_the_level_at_a_snapshot_never_depends_on_what_is_known_later(rates: list[float], at: int):
    months = MONTHS[: len(rates)]
    snapshot = MONTHS[min(at, len(MONTHS) - 1)]
    log = known(dict(zip(months, rates, strict=True)), customers=40)
    before = {s: v for s, v in log.items() if MONTHLY.known(s, snapshot)}
    assert Levels(before, MONTHLY).at(snapshot).document() == Levels(log, MONTHLY).at(snapshot).document()


def test_probabilities_of_origins_stand_at_the_level_of_their_time():
    log = known({month: seasonal(month) for month in MONTHS})
    levels = Levels(log, MONTHLY)
    labels, p = levels.origins("2012-10-01")["2012-10-01"]
    assert log["2012-10-01"][1] is labels
    assert levels.at("2012-10-01").log_odds == pytest.approx(np.mean(logit(p) - log["2012-10-01"][0]), abs=1e-9)
