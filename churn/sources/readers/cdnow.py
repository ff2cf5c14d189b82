"""The reader `cdnow`: 23,570 real customers of a CD shop, all who first bought in January to March 1997."""

from __future__ import annotations

import importlib.metadata
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import Table

from churn.engine import write_parquet
from churn.errors import InvalidData
from churn.sources.contract import TIME, VALUE, Source, event_source

DISTRIBUTION, FILE = "lifetimes", "CDNOW_master.txt"
SPAN = date(1997, 1, 1), date(1998, 6, 30)  # the first and the last purchase


def read_cdnow(con: ibis.BaseBackend, folder: Path) -> Source:
    """Read every purchase of January 1997 to June 1998: its day, and dollars as value.

    Segments: the month of the first purchase, and how many CDs were bought on that day.
    """
    orders = _orders()
    events = orders.select("customer_id", "at", kind=ibis.literal("purchase"), value="dollars")
    write_parquet(con, events, folder / "events.parquet")
    write_parquet(con, _customers(orders), folder / "customers.parquet")
    return event_source(con, folder, segments=["acquisition_month", "first_order"])


def span(con: ibis.BaseBackend, scratch: Path) -> tuple[date, date]:
    """The days of the first and the last event."""
    return SPAN


def _orders() -> Table:
    """One row per order: customer_id, at, cds, dollars."""
    lines = pd.read_csv(_file(), sep=r"\s+", dtype=str)  # 70,000 lines; text, so that ids and cents stay exact
    lines["at"] = pd.to_datetime(lines["date"], format="%Y%m%d", utc=True)
    raw = ibis.memtable(lines)
    return raw.select(
        customer_id="customer_id",
        at=raw["at"].cast(TIME),
        cds=raw.number_of_cds.cast("int64"),
        dollars=raw.dollar_value.cast(VALUE),
    )


def _customers(orders: Table) -> Table:
    firsts = orders.group_by("customer_id").agg(signup_at=orders["at"].min())
    both = orders.join(firsts, "customer_id")
    cds = both.cds.sum(where=both["at"] == both.signup_at)
    return both.group_by(["customer_id", "signup_at"]).agg(
        acquisition_month=both.signup_at.strftime("%Y-%m").max(),
        first_order=ibis.cases((cds == 1, "1 CD"), (cds <= 3, "2-3 CDs"), else_="4+ CDs"),
    )


def _file() -> Path:
    """The data file of the installed distribution; the package itself is never imported."""
    for file in importlib.metadata.files(DISTRIBUTION) or []:
        if file.name == FILE:
            return Path(file.locate())
    raise InvalidData(f"cdnow: the package {DISTRIBUTION} holds no {FILE}; install the packages of requirements.txt")
