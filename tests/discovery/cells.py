"""Cells of a column, by what it means and how that is written."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pandas as pd

from tests.discovery.lives import decimal_comma, names, numbers, tokens, uuids

TIMES = {
    "iso": "%Y-%m-%d %H:%M:%S", "z": "%Y-%m-%dT%H:%M:%SZ", "utc": "%Y-%m-%d %H:%M:%S UTC", "day": "%Y-%m-%d",
    "shopify": "%Y-%m-%d %H:%M:%S +0100", "sap": "%Y%m%d", "eu": "%d-%m-%Y", "euh": "%d-%m-%Y %H:%M", "de": "%d.%m.%Y",
    "deh": "%d.%m.%Y %H:%M", "fr": "%d/%m/%Y", "frh": "%d/%m/%Y %H:%M", "us": "%m/%d/%Y", "uci": "%-m/%-d/%Y %-H:%M",
    "us12": "%m/%d/%Y %I:%M %p",
}  # fmt: skip
COUNTED = {"s": "1s", "ms": "1ms"}  # since 1970
WORDS = {
    "status": "paid open closed", "method": "card transfer cash", "group": "A B C D", "plan": "basic plus",
    "country": "NL BE DE", "city": "Gent Utrecht Köln Lyon", "device": "ios android web", "flag": "0 1",
    "document": "Invoice Payment Credit", "payment": "payment refund", "shop": "view cart purchase",
    "web": "open search buy", "constant": "main", "currency": "EUR", "zero": "0.00", "blank": "", "percent": "10 20 50",
}  # fmt: skip
SHARES = {"net": 0.8, "tax": 0.2, "postage": 0.05, "discount": 0.1}  # of what an event is worth
DELAYS = {"at": 0.0, "hour": 0.0, "signup_at": 0.0, "arrived_at": 0.1, "later": 4.0, "update": 60.0}  # days, on average


@dataclass(frozen=True)
class Column:
    """`header=meaning.form`; `free`: it may be named or not."""

    header: str
    meaning: str
    form: str
    free: bool


@dataclass(frozen=True)
class Rows:
    """What happened: columns `customer`, `at`, `event`, `line` and `value`, by so many customers."""

    rng: np.random.Generator
    customers: int
    table: pd.DataFrame


def of(column: Column, rows: Rows) -> object:
    """A cell for each row."""
    meaning, table, rng = column.meaning, rows.table, rows.rng
    if meaning in ("customer_id", "email", "name", "postcode", "own", "birth"):
        return np.asarray(_of_customers(column, rows))[table["customer"]]
    if meaning in DELAYS:
        return _times(column, table, rng)
    if meaning in ("event_id", "token", "row"):
        return _of_events(column, table, rng)
    if meaning == "line":
        return table["line"]
    if meaning in ("quantity", "count") or column.form == "count":
        return rng.geometric(0.5, len(table))
    if meaning in ("value", "price"):
        return _money(table["value"], column.form)
    if meaning in SHARES:
        return (table["value"] * SHARES[meaning]).round(2)
    return _words(column, rows)


def _of_customers(column: Column, rows: Rows) -> object:
    """A cell for each customer; ids are the same in each table."""
    rng = np.random.default_rng(7) if column.meaning == "customer_id" else rows.rng
    number = numbers(rng, rows.customers, digits=5)
    match column.form if column.meaning in ("customer_id", "birth") else column.meaning:
        case "int" | "postcode":
            return number
        case "big":
            return number.astype("int64") * 79_999_987
        case "uuid" | "own":
            return uuids(rng, rows.customers)
        case "cus":
            return tokens(rng, "cus_", rows.customers)
        case "hash":
            return [sha256(bytes(str(n), "ascii")).hexdigest() for n in number]
        case "name":
            return names(rng, rows.customers)
        case "" | "eu" | "de" | "fr":
            born = pd.Series(pd.Timestamp("1950-01-01") + pd.to_timedelta(number % 15_000, "D"))
            return born.dt.strftime(TIMES[column.form or "day"])
        case form:
            patterns = {"float": "{}.0", "zeros": "{:010d}", "code": "K{}", "email": "user{}@example.com",
                        "firm": "Bakkerij {} bv"}  # fmt: skip
            return [patterns[form].format(int(n)) for n in number]


def _times(column: Column, table: pd.DataFrame, rng: np.random.Generator) -> object:
    at = table.groupby("event")["at"].transform("first")
    days = rng.exponential(DELAYS[column.meaning], int(table["event"].max()) + 1)[table["event"]]
    at = (at + pd.to_timedelta(days, "D")).dt.floor("s")
    if column.meaning == "hour":
        return at.dt.strftime("%H:%M:%S")
    if unit := COUNTED.get(column.form):
        return (at - pd.Timestamp(0)) // pd.Timedelta(unit)
    return at.dt.strftime(TIMES[column.form])


def _of_events(column: Column, table: pd.DataFrame, rng: np.random.Generator) -> object:
    """A cell for each event: the same on all its lines."""
    event = table["event"]
    match column.form if column.meaning == "event_id" else column.meaning:
        case "uuid":
            return uuids(rng, int(event.max()) + 1)[event]
        case "hash" | "ch" | "token":
            return tokens(rng, column.form[:2] + "_", int(event.max()) + 1)[event]
        case "amazon":
            return [f"302-{5_550_000 + e:07d}-{3_210_000 + e:07d}" for e in event]
        case "row":
            return np.arange(len(table)) + 1
    return event + 100_000


def _money(values: pd.Series, form: str) -> object:
    if form in ("de", "fr"):
        return decimal_comma(values, thousands={"de": ".", "fr": " "}[form])
    return [f"{value:,.2f}" for value in values] if form == "comma" else values


def _words(column: Column, rows: Rows) -> np.ndarray:
    """Texts and codes."""
    count, number = len(rows.table), rows.rng.integers(100, 400, len(rows.table))
    if column.meaning == "product":
        return number + 84_000
    if column.meaning in ("text", "url"):
        pattern = "Set of {} candles, ivory" if column.meaning == "text" else "https://example.com/p/{}"
        return np.array([pattern.format(n) for n in number])
    listed = WORDS[next(word for word in (column.form, column.meaning, "group") if word in WORDS)]
    if column.meaning != "segment":
        return rows.rng.choice(listed.split(" "), count)
    words = listed.split(" ")
    return np.array(words)[rows.table["customer"] % len(words)]
