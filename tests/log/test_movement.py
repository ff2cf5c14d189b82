"""Trend and season of the share of leavers: what earlier dates foretold of later ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from churn.log.movement import movement


def rates(share: Callable[[int], float], months: int = 48, known: int | None = None) -> pd.DataFrame:
    """A share by month, from January 2020; after the `known` ones nothing has closed."""
    days = [date(2020 + n // 12, n % 12 + 1, 1) for n in range(months)]
    closed = np.arange(months) < (months if known is None else known)
    rate = np.where(closed, [share(n) for n in range(months)], np.nan)
    table = {"snapshot": days, "population": 1000, "churned": 1000 * rate, "rate": rate, "closed": closed}
    return pd.DataFrame(table)


def moved(share: Callable[[int], float], **changed: int):
    return movement(rates(share, **changed), every="month", horizon_days=90)


def test_a_season_swings_between_its_months_and_last_year_tells_it():
    found = moved(lambda n: 0.3 + (0.1 if n % 12 == 5 else -0.1 if n % 12 == 11 else 0))
    assert found.season
    assert (12, 6) == (found.low, found.high)
    assert 0.2 == pytest.approx(found.swing)
    assert 0 == pytest.approx(found.miss_season)
    assert not found.has_trend


def test_a_trend_is_told_a_year_and_no_season_for_it():
    rng = np.random.default_rng(1)
    found = moved(lambda n: 0.3 + 0.04 * n / 12 + rng.normal(0, 0.004))
    assert found.has_trend
    assert 0.04 == pytest.approx(found.trend, abs=0.004)
    assert not found.season
    assert np.isnan(found.swing)


def test_a_season_does_not_hide_a_trend():
    found = moved(lambda n: 0.3 + 0.03 * n / 12 + 0.15 * np.sin(2 * np.pi * n / 12))
    assert 0.03 == pytest.approx(found.trend)
    assert found.has_trend
    assert found.season
    assert 0.3 == pytest.approx(found.swing, abs=0.001)


def test_noise_has_neither():
    rng = np.random.default_rng(4)
    found = moved(lambda n: 0.3 + rng.normal(0, 0.02))
    assert not found.has_trend
    assert not found.season


def test_a_few_dates_that_last_year_foretold_are_chance():
    rng = np.random.default_rng(5)
    noisy = [moved(lambda n: 0.5 + rng.normal(0, 0.06), months=29) for _ in range(40)]
    assert 4 >= sum(found.season for found in noisy)


def test_a_year_of_dates_tells_nothing():
    found = moved(lambda n: 0.3 + 0.01 * n, months=12)
    assert 0 == found.proofs
    assert np.isnan(found.trend)
    assert not found.has_trend


def test_a_date_whose_horizon_is_open_tells_nothing():
    assert moved(lambda n: 0.3 + n, months=30, known=20) == moved(lambda n: 0.3 + n, months=20)


def test_by_week_last_year_s_date_is_that_of_the_same_weekday():
    days = [day.date() for day in pd.date_range("2022-01-03", periods=150, freq="7D")]
    rate = [0.3 + 0.1 * np.sin(2 * np.pi * day.timetuple().tm_yday / 365) for day in days]
    table = pd.DataFrame({"snapshot": days, "population": 100, "churned": rate, "rate": rate, "closed": True})
    found = movement(table, every="week", horizon_days=30)
    assert 150 == found.dates
    assert found.season
