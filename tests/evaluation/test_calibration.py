"""Level, slope and shape: each found where it was planted, and not where there is only chance."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from churn.errors import InvalidData
from churn.evaluation import calibration
from tests.evaluation.samples import sample


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes drawn from their own probabilities, of an AUC of .81."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(0, 1.5, n)))
    return (rng.random(n) < p).astype(int), p


def odds(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def test_the_level_is_the_mean_prediction_beside_the_share_that_left():
    y, p = np.array([0, 1, 1, 0]), np.array([0.2, 0.4, 0.9, 0.1])
    found = calibration.level("2024-01-01", y, p)
    error = np.std(p - y) / 2
    assert ("2024-01-01", 4, 2, 0.4, 0.5) == (
        found.snapshot, found.customers, found.left, pytest.approx(found.predicted), found.observed,
    )  # fmt: skip
    assert (-0.1 - 1.96 * error, -0.1 + 1.96 * error) == pytest.approx((found.low, found.high), abs=1e-4)


def test_of_a_miss_the_part_that_chance_adds_is_taken_off():
    y, p = drawn(400)
    for shift in (0.05, -0.05, 0.2):
        miss, error = np.mean(p + shift - y), np.std(p - y) / 20
        assert np.sqrt(miss**2 - error**2) == pytest.approx(calibration.miss_beyond_chance(y, p + shift))


def test_a_miss_within_chance_is_none():
    y, p = drawn(400)
    level = p + (y.mean() - p.mean())
    assert 0.0 == calibration.miss_beyond_chance(y, level)
    assert 0.0 == calibration.miss_beyond_chance(y, level + 0.9 * np.std(p - y) / 20)


def test_on_average_the_miss_beyond_chance_is_the_true_one():
    found = [calibration.miss_beyond_chance(y, p + 0.05) for y, p in (drawn(2000, seed) for seed in range(60))]
    assert 0.05 == pytest.approx(np.mean(found), abs=0.003)


def test_the_slope_is_that_of_a_logistic_regression_on_the_log_odds():
    y, p = drawn(800)
    fitted = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(odds(p)[:, None], y)
    assert fitted.coef_[0, 0] == pytest.approx(calibration.slope(y, p).estimate, abs=1e-4)


@pytest.mark.parametrize("true", [0.6, 1.0, 1.5])
def test_a_planted_slope_lies_within_its_interval(true):
    y, p = drawn(20_000)
    found = calibration.slope(y, 1 / (1 + np.exp(-odds(p) / true)))
    assert found.low < true < found.high
    assert found.high - found.estimate == pytest.approx(1.96 * found.error, rel=1e-3)
    assert found.estimate - found.low == pytest.approx(1.96 * found.error, rel=1e-3)


def test_the_slope_does_not_heed_the_level():
    y, p = drawn(500)
    moved = 1 / (1 + np.exp(-odds(p) - 1.0))
    for name in ("estimate", "error"):
        assert getattr(calibration.slope(y, p), name) == pytest.approx(getattr(calibration.slope(y, moved), name))


def test_the_standard_error_of_the_slope_is_how_much_it_varies_between_samples():
    slopes = [calibration.slope(*drawn(1000, seed)) for seed in range(80)]
    spread = np.std([found.estimate for found in slopes])
    assert spread == pytest.approx(np.mean([found.error for found in slopes]), rel=0.25)


@pytest.mark.parametrize(
    ("y", "p"),
    [
        (np.array([0, 1, 1, 0]), np.full(4, 0.5)),
        (np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])),
    ],
)
def test_where_predictions_are_alike_or_without_an_error_there_is_no_slope(y, p):
    assert np.isnan([*vars(calibration.slope(y, p)).values()]).all()


def test_a_probability_of_nought_or_one_has_a_slope_all_the_same():
    y, p = drawn(500)
    sure = np.where(np.arange(500) < 5, np.round(p), p)
    assert np.isfinite(calibration.slope(y, sure).estimate)


def test_the_mean_is_mended_by_one_number_in_log_odds():
    _, p = drawn(300)
    for mean in (0.01, 0.4, 0.97):
        mended = calibration.with_mean(p, mean)
        assert mean == pytest.approx(mended.mean(), abs=1e-9)
        assert np.ptp(odds(mended) - odds(p)) < 1e-6


def test_the_shape_does_not_heed_the_level():
    y, p = drawn(3000)
    moved = 1 / (1 + np.exp(-odds(p) - 1.0))
    found, other = (calibration.shape(y, one, seed=1, draws=50) for one in (p, moved))
    assert (found.value, found.perfect) == pytest.approx((other.value, other.perfect))


def test_the_shape_is_the_error_left_in_ten_bins_of_equal_count():
    y, p = sample(100, seed=3)
    mended = calibration.with_mean(p, y.mean())
    order = np.argsort(p).reshape(10, 10)
    expected = np.mean(np.abs(mended[order].mean(axis=1) - y[order].mean(axis=1)))
    assert expected == pytest.approx(calibration.shape(y, p, seed=1, draws=50).value)


def test_what_chance_makes_of_a_perfect_model_is_what_it_makes_in_samples():
    shapes = [calibration.shape(*drawn(500, seed), seed=seed, draws=500) for seed in range(150)]
    assert 0.97 <= np.mean([found.value <= found.perfect for found in shapes])
    largest = np.quantile([found.value for found in shapes], 0.99)
    assert largest == pytest.approx(np.mean([found.perfect for found in shapes]), rel=0.15)


def test_what_chance_makes_is_drawn_from_the_seed():
    y, p = drawn(500)
    first, again, other = (calibration.shape(y, p, seed=seed, draws=200).perfect for seed in (1, 1, 2))
    assert first == again != other


def test_the_last_origin_is_the_test_and_all_are_judged_by_their_mean():
    origins = {f"2024-0{month}-01": drawn(700, month) for month in (1, 2, 3)}
    found = calibration.judge(origins, seed=5, draws=100)
    assert list(origins) == [origin.snapshot for origin in found.origins]
    assert [700] * 3 == [origin.customers for origin in found.origins]
    misses = [calibration.miss_beyond_chance(y, p) for y, p in origins.values()]
    shapes = [calibration.shape(y, p, seed=5, draws=100) for y, p in origins.values()]
    assert np.mean(misses) == pytest.approx(found.level)
    assert calibration.slope(*origins["2024-03-01"]) == found.slope
    assert np.mean([shape.value for shape in shapes]) == pytest.approx(found.shape.value)
    assert np.mean([shape.perfect for shape in shapes]) == pytest.approx(found.shape.perfect)


def test_what_is_recorded_is_plain_and_a_slope_that_is_none_becomes_null():
    y = np.array([0, 1] * 20)
    recorded = calibration.judge({"2024-01-01": (y, np.full(40, 0.5))}, seed=1).document()
    assert recorded == json.loads(json.dumps(recorded, allow_nan=False))
    assert dict.fromkeys(("estimate", "error", "low", "high")) == recorded["slope"]
    assert [20] == [origin["left"] for origin in recorded["origins"]]


def test_an_origin_of_leavers_alone_is_refused():
    with pytest.raises(InvalidData, match="both leavers and stayers"):
        calibration.judge({"2024-01-01": (np.ones(5), np.full(5, 0.5))}, seed=1)
