"""Who would have left when, in sentences: every number in them is computed. `rates` as churn.log.rates.monthly gives it."""

from __future__ import annotations

import calendar
from math import isinf

import pandas as pd

from churn.log.movement import Movement
from churn.reports.log_sentences import NOTHING, count

FEW = 100  # leavers, or stayers, of a date, below which a model has little to learn from


def base_rate(rates: pd.DataFrame) -> str:
    """How many left at the dates whose horizon has closed."""
    known = _known(rates)
    if known.empty:
        return "The log is too short: at no date do the active window before it and the horizon after it lie within the log."
    mean = known.churned.sum() / known.population.sum()
    first, last = known.snapshot.iloc[0], known.snapshot.iloc[-1]
    if len(known) == 1:
        return (
            f"At the one date that the log allows ({first}), {mean:.1%} of {known.population.iloc[0]:,} customers left."
        )
    return f"At {len(known)} dates from {first} to {last} between {known.rate.min():.1%} and {known.rate.max():.1%} of the customers who counted left, {mean:.1%} on average."


def movement(found: Movement) -> str:
    """Trend and season of the share of leavers, and by what the level of a model can be told."""
    if not found.proofs:
        return "The log is too short to tell a trend from a season: it takes a year between two dates whose horizons have closed."
    way = "rises" if found.trend > 0 else "falls"
    trend = f"{way} by {_points(found.trend)} a year" if found.has_trend else "has no trend beyond chance"
    if isinf(found.margin):
        trend = f"{way} by {_points(found.trend)} in a year, of which few dates tell,"
    misses = f"the date a year before missed by {_points(found.miss_season)} on average, the newest one known by {_points(found.miss_newest)}"
    if not found.season:
        has = "" if trend.startswith("has") else "has "
        return f"The share of leavers {trend} and {has}no season that helps: {misses}; so the newest dates count."
    return f"The share of leavers {trend} and swings by {_points(found.swing)} with the season, from {_of_year(found.low)} to {_of_year(found.high)}, so last year's same date counts: {misses}."


def to_learn_from(rates: pd.DataFrame) -> str:
    """How many leavers the newest known date has, and what lies ahead of what is known."""
    known = _known(rates)
    if known.empty:
        return NOTHING
    row = known.iloc[-1]
    left, stayed = int(row.churned), int(row.population - row.churned)
    said = f"The newest date that is known, {row.snapshot}, has {count(left, 'leaver')} and {count(stayed, 'stayer')}"
    open_ = len(rates) - int(rates.closed.sum())
    said += f"; what becomes of the customers of {count(open_, 'later date')} is not known yet" if open_ else ""
    if min(left, stayed) < FEW:
        return f"{said}. That is few: several dates have to be put together, and intervals will be wide."
    return f"{said}."


def _known(rates: pd.DataFrame) -> pd.DataFrame:
    return rates[rates.closed.astype(bool) & (rates.population > 0)]


def _points(share: float) -> str:
    return f"{100 * abs(share):.1f} points"


def _of_year(month: int) -> str:
    return calendar.month_name[month]
