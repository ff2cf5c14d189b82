"""A small log as churn.log tells it: the tables that sentences, tables and figures are made of."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from churn.log import customers as by_number
from churn.log.movement import Movement

SILENT = {"rule": "inactivity", "horizon_days": 90, "active_within_days": 365}
CANCEL = {"rule": "event", "kind": "cancel", "horizon_days": 30}
MONTHS = [date(2022 + n // 12, n % 12 + 1, 1) for n in range(25)]


def volume(months: int = 25, *, whole: int | None = None, more: float = 1.0) -> pd.DataFrame:
    """A hundred orders a month, more of them after the first year, ten visits a month from 2022-03 on."""
    rows = [(day, "order", 100 * (more if n >= 12 else 1)) for n, day in enumerate(MONTHS[:months])]
    rows += [(day, "visit", 10) for day in MONTHS[2:months]]
    table = pd.DataFrame(rows, columns=["period", "kind", "events"]).astype({"events": "int64"})
    return table.assign(value=1.0, whole=table.period < MONTHS[min(whole or months - 1, 24)])


def people(months: int = 25) -> pd.DataFrame:
    new = [80] + [20] * (months - 1)
    whole = np.arange(months) < months - 1
    return pd.DataFrame({"period": MONTHS[:months], "customers": 80, "new": new, "whole": whole})


def daily(each: int = 40) -> pd.DataFrame:
    return pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "kind": "order", "events": each, "value": 1.0})


def hollow(*days: str) -> pd.DataFrame:
    return pd.DataFrame({"day": pd.to_datetime(list(days)), "events": 3, "usual": 40.0})


def silences(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["visits", "days", "returned", "silences"])


CAME = silences(
    [("1 event", 5, True, 50), ("1 event", 100, True, 10), ("1 event", 900, False, 40), ("10 and more", 5, True, 90),
     ("10 and more", 120, True, 5), ("10 and more", 900, False, 5)]
)  # fmt: skip


def rates(*share: float, open_: int = 0, population: int = 1000) -> pd.DataFrame:
    rate = np.array([*share, *[np.nan] * open_])
    table = {"snapshot": MONTHS[: len(rate)], "population": population, "churned": population * rate, "rate": rate}
    return pd.DataFrame(table).assign(closed=~np.isnan(rate))


def moved(**changed) -> Movement:
    told = {"dates": 36, "trend": 0.012, "margin": 0.004, "miss_season": 0.015, "miss_newest": 0.093, "proofs": 20,
            "season": True, "swing": 0.08, "low": 11, "high": 7}  # fmt: skip
    return Movement(**told | changed)


def cohort(day: date, *percent: int, customers: int = 100) -> list[tuple]:
    return [(day, age, customers, n * customers // 100, n / 100) for age, n in enumerate(percent)]


def cohorts(*rows: list[tuple]) -> pd.DataFrame:
    names = ["cohort", "age", "customers", "active", "share"]
    return pd.DataFrame([row for of in rows for row in of], columns=names)


STAYS = cohorts(*(cohort(day, 100, 40, 20) for day in MONTHS[:4]))


def values(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=by_number.VALUES)


ORDERS = ("order", 100, 0.0, 0.0, 15.6, 30.0, 44.4, 60.0, 126.0, 5000.0)
VISITS = ("visit", 50, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 50.0)
RETURNS = ("return", 9, 0.0, 1.0, -103.0, -60.0, -33.5, -20.0, -8.12, -300.0)
