"""Logs of who used, gave or asked for something, as people export them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.discovery.lives import amounts, by_daylight, decimal_comma, names, numbers, tokens, uuids, visits
from tests.discovery.log import MONTHLY, Log, columns_of, events, silent


def subscriptions(folder: Path, *, customers: int = 1500, seed: int = 2) -> Log:
    """What a payment system tells of accounts: monthly payments, failures, and the day on which they cancel."""
    rng = np.random.default_rng(seed)
    months = pd.DataFrame([row for account in range(customers) for row in _account(rng, account)])
    months.columns = ["account", "day", "event_type", "amount_usd"]
    months = months[(months["day"] >= 0) & (months["day"] < 730)].sort_values("day", kind="stable")
    at = pd.Timestamp("2022-07-01") + pd.to_timedelta((months["day"] * 86_400).astype("int64"), unit="s")
    accounts = tokens(rng, "acct_", customers)
    plan, country = rng.choice(["basic", "pro"], customers), rng.choice(["US", "GB", "DE"], customers)
    paid = months["event_type"].str.startswith("payment")
    place = folder / "billing_events.csv"
    pd.DataFrame({
        "event_id": tokens(rng, "evt_", len(months)), "occurred_at": at.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "account_id": accounts[months["account"]], "event_type": months["event_type"],
        "amount_usd": months["amount_usd"].map("{:.2f}".format), "currency": "USD",
        "plan": plan[months["account"]], "country": country[months["account"]],
        "invoice_number": np.where(paid, "INV-" + pd.Series(np.arange(len(months))).astype(str), ""),
    }).to_csv(place, index=False)  # fmt: skip
    columns = {"customer_id": "account_id", "at": "occurred_at", "kind": "event_type", "value": "amount_usd"}
    return Log(
        (str(place),), events(place, columns), {"rule": "event", "kind": "cancelled", "horizon_days": 60},
        MONTHLY, (30, 90, 180), {"events": columns_of(place)},
        kinds=("signed_up", "payment", "payment_failed", "login", "cancelled"),
        also={("events", "event_id"): ("event_id",)},
    )  # fmt: skip


def _account(rng: np.random.Generator, account: int) -> list[tuple]:
    """The events of one account: who stops logging in or whose payments fail is about to leave."""
    joined, months = rng.uniform(-300, 700), rng.geometric(0.09)
    price, lively = rng.choice([9.0, 29.0]), rng.gamma(2, 2)
    made = [(account, joined, "signed_up", 0.0)]
    for month in range(months):
        last = months - month <= 2
        failed = rng.random() < (0.3 if last else 0.03)
        paid = joined + 30.4 * month + rng.uniform(0, 0.2)
        made.append((account, paid, "payment_failed" if failed else "payment", 0.0 if failed else price))
        logins = rng.poisson(lively * (0.3 if last else 1))
        made += [(account, paid + day, "login", 0.0) for day in rng.uniform(0.2, 30, logins)]
    return [*made, (account, joined + 30.4 * months, "cancelled", 0.0)]


def sessions(folder: Path, *, customers: int = 1200, seed: int = 3) -> Log:
    """An app's sessions over a year, tab-separated, with times in milliseconds."""
    rng = np.random.default_rng(seed)
    seen = visits(rng, customers, begin="2023-05-01", days=330, gap=6, life=110)
    place = folder / "sessions.tsv"
    pd.DataFrame({
        "session_id": uuids(rng, len(seen)), "user_id": uuids(rng, customers)[seen["customer"]],
        "session_start": (seen["at"] - pd.Timestamp(0)) // pd.Timedelta("1ms") + rng.integers(0, 1000, len(seen)),
        "duration_minutes": rng.gamma(1.5, 8, len(seen)).round(1),
        "device": rng.choice(["ios", "android", "web"], len(seen)),
        "app_version": rng.choice(["4.1.0", "4.1.2", "4.2.0"], len(seen)), "screens": rng.integers(1, 30, len(seen)),
    }).to_csv(place, index=False, sep="\t")  # fmt: skip
    columns = {"customer_id": "user_id", "at": "session_start", "value": "duration_minutes"}
    return Log(
        (str(place),), events(place, columns, kind="session"), silent(30, active=45), {"every": "week", "train": 4},
        (7, 30, 90), {"events": columns_of(place, sep="\t")}, also={("events", "event_id"): ("session_id",)},
    )  # fmt: skip


def help_desk(folder: Path, *, customers: int = 1000, seed: int = 4) -> Log:
    """Tickets of a help desk, one a line, with three times each."""
    rng = np.random.default_rng(seed)
    tickets = visits(rng, customers, begin="2021-01-04", days=1000, gap=40, life=300)
    at = by_daylight(tickets["at"], rng).sort_values(ignore_index=True)
    closed = at + pd.to_timedelta(rng.exponential(40, len(at)).round(1) + 1, "h")
    asked_by = numbers(rng, customers, digits=9)[tickets["customer"]]
    written = "%Y-%m-%d %H:%M:%S"
    place = folder / "tickets.csv"
    pd.DataFrame({
        "Ticket ID": 18_000 + np.arange(len(at)), "Requester ID": asked_by,
        "Requester email": [f"user{i}@example.com" for i in asked_by],
        "Subject": rng.choice(["Cannot log in", "Invoice is wrong", "Where is it, please?"], len(at)),
        "Priority": rng.choice(["low", "normal", "high", "urgent"], len(at)),
        "Status": "closed", "Created at": at.dt.strftime(written),
        "Updated at": (closed + pd.Timedelta("3h")).dt.strftime(written), "Closed at": closed.dt.strftime(written),
        "First reply (min)": rng.exponential(90, len(at)).astype(int),
    }).to_csv(place, index=False)  # fmt: skip
    return Log(
        (str(place),), events(place, {"customer_id": '"Requester ID"', "at": '"Created at"'}, kind="ticket"),
        silent(120, active=180), MONTHLY, (30, 90, 180), {"events": columns_of(place)},
        also={("events", "event_id"): ("Ticket ID",)},
    )  # fmt: skip


def donations(folder: Path, *, customers: int = 1500, seed: int = 5) -> Log:
    """A German charity's gifts of seven years: most give in May and before Christmas."""
    rng = np.random.default_rng(seed)
    made = visits(rng, customers, begin="2017-01-01", days=2640, gap=170, spread=0.3, life=1000)
    year = made["at"].dt.year.astype(str)
    called = pd.to_datetime(year + np.where(made["at"].dt.month < 8, "-05-08", "-12-05"))
    at = (called + pd.to_timedelta(rng.gamma(2, 6, len(made)).astype(int), "D")).where(
        rng.random(len(made)) < 0.8, made["at"]
    )
    at = at.sort_values().loc[lambda day: day < "2024-03-25"]
    made = made.loc[at.index]
    people, gave = names(rng, customers), amounts(rng, made["customer"], mean=50)
    place = folder / "Spenden.csv"
    pd.DataFrame({
        "Spender-Nr.": 100_001 + made["customer"], "Name": people[made["customer"]],
        "PLZ": (10_115 + made["customer"] * 7).astype(str), "Spendendatum": at.dt.strftime("%d.%m.%Y"),
        "Betrag": [f"{text} €" for text in decimal_comma(gave, thousands=".")],
        "Zweck": rng.choice(["allgemein", "Nothilfe", "Patenschaft"], len(made)),
        "Zahlungsart": rng.choice(["Lastschrift", "Überweisung"], len(made)),
        "Bescheinigung am": (at + pd.Timedelta("40D")).dt.strftime("%d.%m.%Y"),
    }).to_csv(place, index=False, sep=";", encoding="utf-8-sig")  # fmt: skip
    columns = {"customer_id": '"Spender-Nr."', "at": "Spendendatum", "value": "Betrag"}
    return Log(
        (str(place),), events(place, columns, kind="donation"), silent(365, active=400), MONTHLY, (90, 180, 365),
        {"events": columns_of(place, sep=";", encoding="utf-8-sig")}, also={("events", "kind"): ("Zweck",)},
    )  # fmt: skip


def gym(folder: Path, *, customers: int = 900, seed: int = 6) -> Log:
    """A gym's door: the day in one column, the hour in another, and no number for a visit."""
    rng = np.random.default_rng(seed)
    made = visits(rng, customers, begin="2022-09-01", days=500, gap=7, spread=0.5, life=200)
    at = by_daylight(made["at"], rng)
    place = folder / "bezoeken.csv"
    pd.DataFrame({
        "lidnr": 2000 + made["customer"], "datum": at.dt.strftime("%d/%m/%Y"), "tijd": at.dt.strftime("%H:%M"),
        "vertrek": (at + pd.to_timedelta(rng.integers(30, 110, len(at)), "min")).dt.strftime("%H:%M"),
        "vestiging": rng.choice(["Utrecht", "Zeist"], len(at)), "abonnement": rng.choice(["dal", "vrij"], len(at)),
        "kluisje": rng.integers(1, 90, len(at)),
    }).to_csv(place, index=False)  # fmt: skip
    columns = {"customer_id": "lidnr", "at": "datum || ' ' || tijd"}
    return Log(
        (str(place),), events(place, columns, kind="visit"), silent(30, active=60), MONTHLY, (7, 30, 90),
        {"events": columns_of(place)}, also={("events", "at"): ("datum",)},
    )  # fmt: skip
