"""Breaks of a simulation: from a date on something is different, which a model that was fitted before cannot know.

What lies before the date is the same as without the break, event for event.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
import pandas as pd

from churn.sources.readers.simulation import DAY

SLOW_DAYS, SLOW_USE = 90, 0.25  # a slow season: how long, and the share of the usual use
COMPETITOR = 2.0  # times as many cancel
APP_USE, APP_CANCELS = 0.3, 6.0  # share of the usual use where the app breaks; times as many cancel
PACK_DAYS = 120  # for which a pack of the shop lasts
PRICE = 1.3  # times the price
PRICE_HAZARD = np.array([0.2, 1.0, 2.6])  # log-odds to cancel, by plan: those who pay most look elsewhere


@dataclass(frozen=True)
class Breaks:
    """The second after the start of the log at which each sets in."""

    competitor: float = inf
    app_breaks: float = inf
    price_rise: float = inf
    slow_season: float = inf
    new_kind: float = inf
    feed_stops: float = inf
    packs: float = inf

    @classmethod
    def of(cls, dates: dict[str, str] | None, start: pd.Timestamp) -> Breaks:
        """From the dates, 00:00 UTC each, that are given."""
        days = {name: pd.Timestamp(day, tz="UTC") for name, day in (dates or {}).items() if day}
        return cls(**{name: (day - start).total_seconds() for name, day in days.items()})

    def use(self, second: float, plan: np.ndarray, broken_plan: int) -> np.ndarray:
        """The share of the usual use, shape of `plan`."""
        slow = SLOW_USE if self.slow_season <= second < self.slow_season + SLOW_DAYS * DAY else 1.0
        return np.where((second >= self.app_breaks) & (plan == broken_plan), APP_USE * slow, slow)

    def chance(self, second: float, odds: np.ndarray, plan: np.ndarray, broken_plan: int) -> np.ndarray:
        """The chance to cancel, shape (n,), of log-odds to cancel."""
        if second >= self.price_rise:
            odds = odds + PRICE_HAZARD[plan]
        times = COMPETITOR if second >= self.competitor else 1.0
        times = np.where((second >= self.app_breaks) & (plan == broken_plan), times * APP_CANCELS, times)
        return np.minimum(times / (1 + np.exp(-odds)), 1.0)


NONE = Breaks()
