"""Whether probabilities mean what they say: level, slope and shape, each with what chance alone would do.

Outcomes and probabilities as in metrics.py; an origin is a snapshot whose labels are known. Van Calster et al. (2016, J
Clin Epidemiol 74; 2019, BMC Med 17:230) order the questions so: calibration in the large, slope, curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from churn.evaluation import metrics
from churn.evaluation.document import plain

Origins = Mapping[str, tuple[np.ndarray, np.ndarray]]
Z = 1.959963984540054  # half-width of a 95% interval in standard errors
FARTHEST = 1e-6  # a probability nearer to 0 or 1 counts as this one: a logit without end has no slope
BINS = 10


@dataclass(frozen=True)
class Level:
    """An origin: how many leave by the model and in fact, shares of its customers; `low` and `high` bound what is left
    of the miss, predicted - observed, by chance (95%)."""

    snapshot: str
    customers: int
    left: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class Slope:
    """A slope with its standard error and 95% interval; all NaN where the data do not tell."""

    estimate: float
    error: float
    low: float
    high: float


UNTOLD = Slope(np.nan, np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Shape:
    """The calibration error once the level is mended, and what a perfect model's is at most in 99 of 100 samples."""

    value: float
    perfect: float


@dataclass(frozen=True)
class Calibration:
    """What is known of a model's probabilities: `origins` oldest first, `level` their mean miss without chance's part,
    `slope` that of the last origin, the test."""

    origins: list[Level]
    level: float
    slope: Slope
    shape: Shape

    def document(self) -> dict:
        """As `evaluation.json` holds it; a number that is none becomes null."""
        return plain(asdict(self))


def judge(origins: Origins, *, seed: int, draws: int = 2000) -> Calibration:
    """Level and shape over all origins, the slope on the last one. Raises InvalidData as metrics.checked does."""
    known = {snapshot: metrics.checked(y, p) for snapshot, (y, p) in origins.items()}
    shapes = [shape(y, p, seed=seed, draws=draws) for y, p in known.values()]
    return Calibration(
        origins=[level(snapshot, y, p) for snapshot, (y, p) in known.items()],
        level=float(np.mean([miss_beyond_chance(y, p) for y, p in known.values()])),
        slope=slope(*list(known.values())[-1]),
        shape=Shape(*(float(np.mean(side)) for side in zip(*((s.value, s.perfect) for s in shapes), strict=True))),
    )


def level(snapshot: str, y: np.ndarray, p: np.ndarray) -> Level:
    """Mean prediction against the share that left, with the interval of their difference."""
    miss, error = _miss(y, p)
    bounds = miss - Z * error, miss + Z * error
    return Level(snapshot, len(y), int(y.sum()), float(p.mean()), float(y.mean()), *map(float, bounds))


def miss_beyond_chance(y: np.ndarray, p: np.ndarray) -> float:
    """|mean predicted - observed| without the part that chance adds: sqrt(max(0, miss^2 - its variance)).

    The square of a miss is on average the square of the true one plus the variance (moments, as DerSimonian & Laird
    1986, Control Clin Trials 7, separate studies). A 95% interval that has to come within .05 of zero lets a quarter of
    all models that are off by .1 pass at 500 customers; this lets one in a hundred, and refuses no more perfect ones.
    """
    miss, error = _miss(y, p)
    return float(np.sqrt(max(0.0, miss**2 - error**2)))


def slope(y: np.ndarray, p: np.ndarray, *, steps: int = 25) -> Slope:
    """The slope of the outcome's log-odds on the predicted ones, with its level free (Cox 1958, Biometrika 45:562).

    Below 1 the predictions are too extreme, above 1 too timid. All NaN where predictions are equal, or part leavers
    from stayers without an error.
    """
    x = _logit(p)
    design, weights = np.stack([np.ones_like(x), x]), np.array([0.0, 1.0])
    with np.errstate(all="ignore"):
        for _ in range(steps):
            fitted = _expit(weights @ design)
            information = (design * (fitted * (1 - fitted))) @ design.T
            if not np.linalg.cond(information) < 1e12:
                return UNTOLD
            step = np.linalg.solve(information, design @ (y - fitted))
            weights = weights + step
            if np.abs(step).max() < 1e-9:
                break
        else:
            return UNTOLD
    error = float(np.sqrt(np.linalg.inv(information)[1, 1]))
    estimate = float(weights[1])
    return Slope(estimate, error, estimate - Z * error, estimate + Z * error)


def shape(y: np.ndarray, p: np.ndarray, *, seed: int, draws: int) -> Shape:
    """The expected calibration error in bins of equal count after the mean is mended, and a perfect model's at this n.

    A perfect model's leavers in a bin vary around its prediction by sum p (1 - p), and mending the mean takes each
    bin's share of their total away again; `draws` such samples are drawn.
    """
    mended = with_mean(p, y.mean())
    place = metrics.equal_count_bins(p, BINS)
    gaps, spread = (np.bincount(place, part, BINS) for part in (mended - y, mended * (1 - mended)))
    chance = np.random.default_rng(seed).standard_normal((draws, BINS)) * np.sqrt(spread)
    left = chance - chance.sum(axis=1, keepdims=True) * spread / spread.sum()
    return Shape(float(np.abs(gaps).sum() / len(y)), float(np.quantile(np.abs(left).sum(axis=1), 0.99) / len(y)))


def with_mean(p: np.ndarray, mean: float, *, steps: int = 50) -> np.ndarray:
    """The probabilities moved by one number in log-odds, so that their mean is `mean`, in (0, 1)."""
    x, low, high = _logit(p), -40.0, 40.0
    for _ in range(steps):  # halving: it cannot run away as Newton's method can from far off
        middle = (low + high) / 2
        low, high = (middle, high) if _expit(x + middle).mean() < mean else (low, middle)
    return _expit(x + (low + high) / 2)


def _miss(y: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Mean predicted - observed, and its standard error."""
    return float(np.mean(p - y)), float(np.std(p - y) / np.sqrt(len(y)))


def _logit(p: np.ndarray) -> np.ndarray:
    clipped = np.clip(p, FARTHEST, 1 - FARTHEST)
    return np.log(clipped) - np.log1p(-clipped)


def _expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
