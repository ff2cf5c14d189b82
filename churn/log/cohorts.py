"""Retention: of those who signed up together, how many still come, period by period after it."""

from __future__ import annotations

from datetime import date

import pandas as pd
from ibis.expr.types import Table

from churn.log import over_time, periods

WEEK, YEAR = ("week", 1), ("year", 12)
STEPS = (("month", 1, 550), ("quarter", 3, 1700))  # name, months in it, days of a log up to which
COHORTS = ["cohort", "age", "customers", "active", "share"]


def unit(every: str, first: date, last: date) -> tuple[str, int]:
    """By what cohorts are told of a log that is shown by week or month: its name, and how many of these it has."""
    if every == "week":
        return WEEK
    return next(((name, size) for name, size, days in STEPS if (last - first).days < days), YEAR)


def retention(active: Table, customers: Table, every: str, first: date, last: date) -> pd.DataFrame:
    """Of each cohort, share that came in the period that is `age` periods after that of sign-up: COHORTS.

    `cohort` is the first day of the period; `customers` those who signed up in it. `active` as churn.log.spells gives
    them of a log that is shown by `every`, from the day `first` to `last`. Who signed up before the log begins, and a
    period that the log has not all of, is left out.
    """
    _, size = unit(every, first, last)
    signed_up = periods.index(customers.signup_at.date(), every)
    people = customers.select("customer_id", cohort=(signed_up / size).floor().cast("int64"))
    born = people.group_by("cohort").agg(customers=people.count()).execute()
    both = over_time.by_customer(active, every, size).inner_join(people, "customer_id")
    both = both.filter(both.number >= both.cohort)
    came = both.group_by("cohort", age=both.number - both.cohort).agg(active=both.count()).execute()
    lowest, highest = _whole(first, last, every, size)
    shown = _grid(born[born.cohort.between(lowest, highest)], highest)
    rows = shown.merge(came, how="left", on=["cohort", "age"]).fillna({"active": 0})
    begins = [periods.start(int(number) * size, every) for number in rows.cohort]
    return rows.assign(cohort=begins, active=rows.active.astype("int64"), share=rows.active / rows.customers)[COHORTS]


def _whole(first: date, last: date, every: str, size: int) -> tuple[int, int]:
    """The numbers of the first and the last period that the log has all of."""
    lowest, highest = (periods.index_of(day, every) // size for day in (first, last))
    if periods.start(lowest * size, every) < first:
        lowest += 1
    if (periods.start((highest + 1) * size, every) - last).days > 1:
        highest -= 1
    return lowest, highest


def _grid(born: pd.DataFrame, highest: int) -> pd.DataFrame:
    """A row for each cohort and age that the log lasts for."""
    rows = [
        (cohort, age, customers)
        for cohort, customers in born.sort_values("cohort").itertuples(index=False)
        for age in range(highest - cohort + 1)
    ]
    return pd.DataFrame(rows, columns=["cohort", "age", "customers"])


def kept(table: pd.DataFrame) -> pd.DataFrame:
    """Share of all cohorts together by age: age, customers, share; each age of the cohorts that have reached it."""
    sums = table.groupby("age", as_index=False)[["customers", "active"]].sum()
    return sums.assign(share=sums.active / sums.customers)[["age", "customers", "share"]]
