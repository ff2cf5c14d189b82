"""Logs of who bought what, as people export them: what they keep in it besides what we need."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from tests.discovery.lives import amounts, by_daylight, decimal_comma, names, numbers, tokens, visits
from tests.discovery.log import MONTHLY, Log, columns_of, events, silent
from tests.sources import xlsx


def shop(folder: Path, *, customers: int = 900, seed: int = 1) -> Log:
    """A Dutch web shop's order lines, with credit notes and some guests who have no number."""
    rng = np.random.default_rng(seed)
    orders = visits(rng, customers, begin="2021-03-01", days=1100, gap=45, life=330)
    at, number = by_daylight(orders["at"], rng), 20_210_000 + np.arange(len(orders))
    number = np.where(rng.random(len(orders)) < 0.05, np.char.add("C", number.astype(str)), number.astype(str))
    who = pd.Series(numbers(rng, customers, digits=5)[orders["customer"]]).astype(str)
    who[rng.random(len(orders)) < 0.03] = ""
    line = rng.integers(1, 4, len(orders))
    order = np.repeat(np.arange(len(orders)), line)
    quantity = rng.geometric(0.6, len(order)) * np.where(np.char.startswith(number[order], "C"), -1, 1)
    price = rng.choice([4.95, 9.95, 12.5, 24.9, 59, 149, 1249], len(order), p=[0.2, 0.25, 0.2, 0.2, 0.1, 0.04, 0.01])
    item = rng.integers(1000, 1400, len(order))
    sent = at + pd.to_timedelta(rng.integers(1, 5, len(at)), "D")
    place = folder / "bestelregels.csv"
    pd.DataFrame({
        "Factuurnummer": number[order], "Regel": np.concatenate([np.arange(n) + 1 for n in line]),
        "Klantnummer": who[order].values, "Besteldatum": at[order].dt.strftime("%d-%m-%Y %H:%M").values,
        "Verzenddatum": sent[order].dt.strftime("%d-%m-%Y").values, "Artikelnummer": item,
        "Omschrijving": [f"Koffie nr. {i}; zak" for i in item], "Aantal": quantity,
        "Prijs": decimal_comma(price, thousands="."), "BTW %": rng.choice([9, 21], len(order)),
        "Land": np.where(who[order] > "6", "België", "Nederland"),
    }).to_csv(place, index=False, sep=";", encoding="cp1252")  # fmt: skip
    columns = {"customer_id": "Klantnummer", "at": "Besteldatum", "value": "Aantal * Prijs"}
    columns |= {"event_id": "Factuurnummer"}
    return Log(
        (str(place),), events(place, columns, kind="purchase", where="Klantnummer is not null"),
        silent(120, active=180), MONTHLY, (30, 90, 180), {"events": columns_of(place, sep=";", encoding="cp1252")},
        also={("events", "kind"): ("Aantal", "Factuurnummer")},
    )  # fmt: skip


def spreadsheet(folder: Path, *, customers: int = 700, seed: int = 7) -> Log:
    """A workbook that somebody keeps by hand: a title, the date, an empty line, the header; a total below."""
    rng = np.random.default_rng(seed)
    sales = visits(rng, customers, begin="2021-01-01", days=1200, gap=70, life=450)
    kunde = np.char.add("K-", numbers(rng, customers, digits=5).astype(str))[sales["customer"]]
    betrag = amounts(rng, sales["customer"], mean=80)
    day = [datetime(at.year, at.month, at.day) for at in sales["at"]]
    header = ["Beleg-Nr.", "Datum", "Kunde", "Bezeichnung", "Betrag (EUR)", "bezahlt am", "Bemerkung"]
    lines = [
        [1000 + i, day[i], kunde[i], "Beratung" if i % 3 else "Material", float(betrag[i]), day[i], ""]
        for i in range(len(sales))
    ]
    total = ["Summe", None, None, None, float(betrag.sum()), None, None]
    place = xlsx.write(
        folder / "Umsatzliste.xlsx", [["Umsatzliste"], ["Stand:", datetime(2024, 4, 20)], [], header, *lines, total]
    )
    columns = {"customer_id": "Kunde", "at": "Datum", "value": '"Betrag (EUR)"'}
    return Log(
        (str(place),), events(place, columns, kind="purchase"), silent(180, active=270), MONTHLY, (30, 90, 180),
        {"events": tuple(header)}, also={("events", "event_id"): ("Beleg-Nr.",)},
    )  # fmt: skip


def charges(folder: Path, *, customers: int = 1200, seed: int = 8) -> Log:
    """A payment service's charges as JSON lines: cents, seconds since 1970, objects within, some that failed."""
    rng = np.random.default_rng(seed)
    made = visits(rng, customers, begin="2022-02-01", days=800, gap=25, life=240)
    ids, who = tokens(rng, "ch_", len(made)), tokens(rng, "cus_", customers)[made["customer"]]
    cents, paid = (amounts(rng, made["customer"], mean=35) * 100).astype(int), rng.random(len(made)) > 0.04
    created = (made["at"] - pd.Timestamp(0)) // pd.Timedelta("1s")
    place = folder / "charges.jsonl"
    with place.open("w") as file:
        for i in range(len(made)):
            row = {
                "id": ids[i], "object": "charge", "amount": int(cents[i]), "amount_refunded": 0,
                "billing_details": {"address": {"city": None, "country": "NL"}, "email": f"{who[i][4:]}@example.com"},
                "captured": True, "created": int(created[i]), "currency": "eur", "customer": who[i], "livemode": True,
                "metadata": {}, "paid": bool(paid[i]), "status": "succeeded" if paid[i] else "failed",
            }  # fmt: skip
            print(json.dumps(row), file=file)
    columns = {"customer_id": "customer", "at": "created", "value": "amount"}
    return Log(
        (str(place),), events(place, columns, kind="charge", where="status = 'succeeded'"), silent(90, active=120),
        MONTHLY, (30, 90, 180), {"events": tuple(row)},
        also={("events", "event_id"): ("id",), ("events", "kind"): ("status", "object")},
    )  # fmt: skip


def two_tables(folder: Path, *, customers: int = 1300, seed: int = 9) -> Log:
    """Orders and customers of a shop's database; both tables call their own number `id`, and both count from 1."""
    rng = np.random.default_rng(seed)
    made = visits(rng, customers, begin="2021-06-01", days=1000, gap=50, life=320)
    made["at"] = by_daylight(made["at"], rng)
    first = made.groupby("customer")["at"].min().reindex(range(customers), fill_value=pd.Timestamp("2022-02-02 10:00"))
    since = first - pd.to_timedelta(rng.exponential(20, customers).round(3), "D")
    total = amounts(rng, made["customer"], mean=60)
    sent = made["at"] + pd.to_timedelta(rng.integers(20, 90, len(made)), "h")
    people, orders = folder / "customers.csv", folder / "orders.csv"
    pd.DataFrame({
        "id": np.arange(customers) + 1, "name": names(rng, customers), "birth_date": "1980-05-04",
        "email": [f"user{i}@example.com" for i in range(customers)],
        "created_at": since.dt.strftime("%Y-%m-%d %H:%M:%S"), "last_login": "2024-02-20 09:00:00",
        "country": rng.choice(["FR", "BE", "CH"], customers), "plan": rng.choice(["free", "plus"], customers),
    }).to_csv(people, index=False)  # fmt: skip
    pd.DataFrame({
        "id": np.arange(len(made)) + 1, "customer_id": made["customer"] + 1,
        "ordered_at": made["at"].dt.strftime("%Y-%m-%d %H:%M:%S"), "shipped_at": sent.dt.strftime("%Y-%m-%d %H:%M:%S"),
        "total": total, "tax": (total * 0.21).round(2), "discount": 0, "status": rng.choice(["new", "paid"], len(made)),
    }).to_csv(orders, index=False)  # fmt: skip
    about = {"customer_id": "id", "signup_at": "created_at"}
    columns = {"customer_id": "customer_id", "at": "ordered_at", "value": "total"}
    customers_section = {"path": str(people), "columns": about, "segments": ["country", "plan"]}
    return Log(
        (str(orders), str(people)), events(orders, columns, kind="purchase", customers=customers_section),
        silent(120, active=180), MONTHLY, (30, 90, 180),
        {"events": columns_of(orders), "customers": columns_of(people)},
        also={("events", "event_id"): ("id",), ("events", "kind"): ("status",)},
    )  # fmt: skip


def database(folder: Path, *, customers: int = 1100, seed: int = 10) -> Log:
    """A till's table in a file of SQLite, beside one that nobody asks for."""
    rng = np.random.default_rng(seed)
    made = visits(rng, customers, begin="2021-09-01", days=900, gap=30, life=260)
    place = folder / "till.db"
    rows = pd.DataFrame({
        "receipt_no": 500_001 + np.arange(len(made)), "card_no": numbers(rng, customers, digits=8)[made["customer"]],
        "bought_at": by_daylight(made["at"], rng).sort_values(ignore_index=True).dt.strftime("%Y-%m-%d %H:%M:%S"),
        "store": rng.choice(["North", "South"], len(made)), "amount": amounts(rng, made["customer"], mean=22),
        "vat": 0.21,
    })  # fmt: skip
    with sqlite3.connect(place) as con:
        rows.to_sql("receipts", con, index=False)
        con.execute("CREATE TABLE stores (store TEXT, opened TEXT)")
    columns = {"customer_id": "card_no", "at": "bought_at", "value": "amount"}
    data = {"source": "database", "url": "${TILL}", "table": "receipts", "columns": columns, "kind": "purchase"}
    return Log(
        ("--url", "${TILL}", "--table", "receipts"), data, silent(90, active=120), MONTHLY, (30, 90, 180),
        {"events": tuple(rows)}, environment={"TILL": f"sqlite:///{place}"},
        also={("events", "event_id"): ("receipt_no",)},
    )  # fmt: skip


def too_short(folder: Path, *, customers: int = 800, seed: int = 11) -> Log:
    """Five weeks of a shop to which people come about every three weeks."""
    rng = np.random.default_rng(seed)
    made = visits(rng, customers, begin="2024-03-01", days=35, gap=21, life=200)
    place = folder / "march.csv"
    pd.DataFrame({
        "order_no": 9000 + np.arange(len(made)), "buyer": numbers(rng, customers, digits=6)[made["customer"]],
        "order_date": made["at"].dt.strftime("%Y-%m-%d"), "amount": amounts(rng, made["customer"], mean=40),
    }).to_csv(place, index=False)  # fmt: skip
    columns = {"customer_id": "buyer", "at": "order_date", "value": "amount"}
    return Log(
        (str(place),), events(place, columns, kind="purchase"), silent(42, active=60), MONTHLY, (7, 30),
        {"events": columns_of(place)}, also={("events", "event_id"): ("order_no",)}, ends="too short",
    )  # fmt: skip


def skewed(folder: Path, *, customers: int = 2000, seed: int = 12) -> Log:
    """A wholesaler: most came once, thirty of them make most of the orders, and one a tenth of all."""
    rng = np.random.default_rng(seed)
    often = visits(rng, 30, begin="2021-01-01", days=1100, gap=2, life=4000)
    usual = visits(rng, customers // 2, begin="2021-01-01", days=1100, gap=70, life=260).assign(
        customer=lambda rows: rows["customer"] + 30
    )
    once = visits(rng, customers, begin="2021-01-01", days=1100, gap=70, life=1).assign(
        customer=lambda rows: rows["customer"] + 30 + customers // 2
    )
    made = pd.concat([often, usual, once[once["nth"] == 0]]).sort_values("at", ignore_index=True)
    place = folder / "export_orders.csv"
    total = amounts(rng, made["customer"], mean=400)
    pd.DataFrame({
        "Order": [f"SO{70_000 + i}" for i in range(len(made))],
        "Account No.": np.char.add("D", numbers(rng, 2 * customers, digits=6).astype(str))[made["customer"]],
        "Order Date": by_daylight(made["at"], rng).dt.strftime("%m/%d/%Y"),
        "Requested Delivery": (made["at"] + pd.Timedelta("6D")).dt.strftime("%m/%d/%Y"),
        "Net Amount": [f"{value:,.2f}" for value in total], "Currency": "USD",
        "Sales Rep": rng.choice(["KH", "PW"], len(made)),
    }).to_csv(place, index=False)  # fmt: skip
    columns = {"customer_id": '"Account No."', "at": '"Order Date"', "value": '"Net Amount"'}
    return Log(
        (str(place),), events(place, columns, kind="purchase", max_customer_share=0.2),
        silent(150, active=240), MONTHLY, (30, 90, 180), {"events": columns_of(place)},
        also={("events", "event_id"): ("Order",)},
    )  # fmt: skip
