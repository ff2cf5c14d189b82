"""Whether the share of leavers has a trend or a season, by how well earlier dates foretold later ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from churn import grid

PROOFS = 3  # dates at which last year's must have missed less
GAIN = 0.01  # by how much less, on average: a point, as churn.training.levels asks for; and beyond chance
YEAR = 365.25  # days


@dataclass(frozen=True)
class Movement:
    """How the share of leavers moved over its dates; all are shares, nan where the log is too short to tell.

    `trend`: change a year, the mean over dates a year apart; `margin`: twice its standard error. `miss_season` and
    `miss_newest`: by how much the date of last year, and the newest one known, missed on average, at so many `proofs`.
    `swing`: between the months `low` and `high` (1 to 12) with the smallest and the largest share; nan where no season
    is proven.
    """

    dates: int
    trend: float
    margin: float
    miss_season: float
    miss_newest: float
    proofs: int
    season: bool
    swing: float
    low: int
    high: int

    @property
    def has_trend(self) -> bool:
        """Whether the trend is beyond chance."""
        return abs(self.trend) > self.margin


def movement(rates: pd.DataFrame, *, every: str, horizon_days: int) -> Movement:
    """The movement of `rates` (as churn.log.rates.monthly gives them) over the dates whose horizon has closed."""
    known = rates[rates.closed.astype(bool) & (rates.population > 0)]
    share = dict(zip(known.snapshot, known.rate, strict=True))
    before = {day: grid.last_year(every, day) for day in share}
    changes = np.array([share[day] - share[before[day]] for day in share if before[day] in share])
    trend, margin = _mean(changes, horizon_days, every)
    misses = np.abs(_misses(share, before, timedelta(days=horizon_days))).reshape(-1, 2)
    season, newest = misses.mean(axis=0) if len(misses) else (np.nan, np.nan)
    gain, by_chance = _mean(misses[:, 1] - misses[:, 0], horizon_days, every)
    proven = bool(len(misses) >= PROOFS and gain > max(GAIN, by_chance))
    swing, low, high = _swing(share, trend) if proven else (np.nan, 0, 0)
    return Movement(len(share), trend, margin, float(season), float(newest), len(misses), proven, swing, low, high)


def _mean(values: np.ndarray, horizon_days: int, every: str) -> tuple[float, float]:
    """The mean over dates, and twice its standard error: dates whose horizons overlap tell the same."""
    if not len(values):
        return float("nan"), float("nan")
    days = {"day": 1, "week": 7}.get(every, YEAR / 12)
    apart = len(values) * min(1.0, days / horizon_days)
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("inf")
    return float(values.mean()), 2 * spread / apart**0.5 if apart >= 2 else float("inf")


def _misses(share: dict[date, float], before: dict[date, date], horizon: timedelta) -> np.ndarray:
    """What last year's date and the newest one known missed, at each date that has both."""
    days = sorted(share)
    rows = []
    for day in days:
        known = [other for other in days if other + horizon <= day]
        if known and before[day] in share and before[day] + horizon <= day:
            rows.append((share[day] - share[before[day]], share[day] - share[known[-1]]))
    return np.array(rows)


def _swing(share: dict[date, float], trend: float) -> tuple[float, int, int]:
    """Between the calendar months with the largest and the smallest mean share, without the trend."""
    first = min(share)
    level = pd.Series({day: value - trend * (day - first).days / YEAR for day, value in share.items()})
    by_month = level.groupby([day.month for day in share]).mean()
    return float(by_month.max() - by_month.min()), int(by_month.idxmin()), int(by_month.idxmax())
