"""The reader `streaming`: a simulated subscription business, any size, the same for the same seed.

Week by week a customer has a mood (more or less use), is billed every 30 days, may fail to pay and may ask for help.
The chance to cancel in a week follows from what happened before that week, so that a model has something to find.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from churn.sources.contract import Source
from churn.sources.readers import breaks as breaks_of
from churn.sources.readers import simulation
from churn.sources.readers.breaks import Breaks
from churn.sources.readers.simulation import BLOCK, DAY, HOUR, records

START = pd.Timestamp("2023-01-01", tz="UTC")  # the log begins here; some customers signed up before
WEEK = 7 * DAY
BILLING_DAYS = 30

KINDS = np.array(["session", "payment", "payment_failed", "ticket", "cancel"])
SESSION, PAYMENT, FAILED, TICKET, CANCEL = range(len(KINDS))
NEW_KIND, CHAT = "chat", len(KINDS)  # where tickets become chats
PLANS = np.array(["basic", "standard", "premium"])
STANDARD = 1  # the plan whose app may break
PLAN_SHARES, PLAN_HAZARD, PRICE_CENTS = [0.5, 0.33, 0.17], np.array([0.6, 0.0, -0.8]), np.array([799, 1299, 1799])
COUNTRIES = np.array(["BR", "DE", "FR", "GB", "US"])
COUNTRY_SHARES, COUNTRY_HAZARD = [0.16, 0.2, 0.16, 0.18, 0.3], np.array([0.6, -0.6, -0.1, 0.0, 0.2])
FAILURE_SHARE = np.array([0.11, 0.03, 0.05, 0.05, 0.06])  # of payments, by country

# The weekly log-odds to cancel: at rest, and what is added by each cause.
AT_REST, NEWCOMER, MOOD, FAILURES, TICKETS = -6.0, 1.3, -1.9, 1.4, 1.1


def read_streaming(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    customers: int,
    months: int,
    seed: int,
    breaks: dict[str, str] | None = None,
) -> Source:
    """Read a simulation of `months` from START; memory does not grow with the number of customers.

    Kinds: session (minutes), payment and payment_failed (money), ticket (1), cancel (0). Segments: plan, country.
    The first customers of a larger simulation with the same seed, months and breaks are the same.
    """
    broken, kinds = Breaks.of(breaks, START), [*KINDS.tolist(), *([NEW_KIND] if (breaks or {}).get("new_kind") else [])]
    seconds = int((START + pd.DateOffset(months=months) - START).total_seconds())

    def block(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
        people = draw_customers(rng, seconds=seconds)
        return people, simulate(rng, people, seconds=seconds, breaks=broken)

    segments = {"plan": PLANS.tolist(), "country": COUNTRIES.tolist()}
    return simulation.write(
        con, folder, block, customers=customers, seed=seed, start=START, kinds=kinds, segments=segments
    )


def span(con: ibis.BaseBackend, scratch: Path, *, months: int, **drawn) -> tuple[date, date]:
    """The first and the last day of the simulation."""
    return simulation.span(START, months)


def draw_customers(rng: np.random.Generator, *, seconds: int) -> pd.DataFrame:
    """A block of customers, shape (BLOCK, 5): signup (seconds from START, negative before it), plan, country,
    pace (sessions a week in a usual mood) and care (tickets a week)."""
    before = rng.random(BLOCK) < 0.45
    signup = np.where(before, -rng.exponential(300 * DAY, BLOCK), rng.random(BLOCK) * seconds)
    plan = rng.choice(len(PLANS), BLOCK, p=PLAN_SHARES)
    country = rng.choice(len(COUNTRIES), BLOCK, p=COUNTRY_SHARES)
    pace = rng.gamma(3.0, 0.8, BLOCK) * np.array([0.8, 1.0, 1.3])[plan] + 0.5
    care = rng.gamma(0.7, 0.06, BLOCK)
    return pd.DataFrame(
        {"signup": signup.astype("int64"), "plan": plan, "country": country, "pace": pace, "care": care}
    )


def simulate(
    rng: np.random.Generator, customers: pd.DataFrame, *, seconds: int, breaks: Breaks = breaks_of.NONE
) -> np.ndarray:
    """The events of a block within [0, seconds) after START, by customer and time.

    A record array, see `simulation.records`.
    """
    n = len(customers)
    signup, plan, mood = customers["signup"].to_numpy(), customers["plan"].to_numpy(), rng.normal(0.1, 0.6, n)
    left = np.full(n, np.iinfo("int64").max)  # the second in which a customer cancels
    failures, tickets = np.zeros(n), np.zeros(n)  # recent ones, fading by the week
    log = []
    for week in range(0, seconds, WEEK):
        odds = _log_odds(customers, mood=mood, failures=failures, tickets=tickets, tenure=week - signup)
        chance = breaks.chance(week, odds, plan, STANDARD)
        leaves = (signup < week) & (left > week) & (rng.random(n) < chance)
        left = np.where(leaves, week + rng.integers(HOUR, WEEK, n), left)
        use = breaks.use(week, plan, STANDARD)
        events = _week(rng, customers, week=week, mood=mood, failures=failures, use=use)
        active = (events["at"] >= signup[events["customer"]]) & (events["at"] < left[events["customer"]])
        events = events[active]
        log += [events, records(np.flatnonzero(leaves), left[leaves], CANCEL, 0)]
        failures = 0.75 * failures + _per_customer(events, FAILED, n)
        tickets = 0.7 * tickets + _per_customer(events, TICKET, n)
        mood = 0.95 * mood + rng.normal(-0.01, 0.26, n)
    return simulation.within(_as_logged(np.concatenate(log), breaks), seconds)


def _as_logged(log: np.ndarray, breaks: Breaks) -> np.ndarray:
    """What reaches the log, and under which kind and price."""
    billed = np.isin(log["kind"], [PAYMENT, FAILED]) & (log["at"] >= breaks.price_rise)
    log["hundredths"][billed] = (breaks_of.PRICE * log["hundredths"][billed]).round()
    log["kind"][(log["kind"] == TICKET) & (log["at"] >= breaks.new_kind)] = CHAT
    return log[(log["kind"] != SESSION) | (log["at"] < breaks.feed_stops)]


def _log_odds(customers: pd.DataFrame, *, mood, failures, tickets, tenure) -> np.ndarray:
    """Log-odds to cancel in a week, shape (n,), from what was before it; `tenure` in seconds."""
    odds = AT_REST + PLAN_HAZARD[customers["plan"]] + COUNTRY_HAZARD[customers["country"]]
    odds += NEWCOMER * np.exp(-np.maximum(tenure, 0) / (60 * DAY))
    return odds + MOOD * mood + FAILURES * np.minimum(failures, 3) + TICKETS * np.minimum(tickets, 3)


def _week(rng: np.random.Generator, customers: pd.DataFrame, *, week: int, mood, failures, use) -> np.ndarray:
    """What the customers would do in the week that begins at second `week`, had all signed up and none left; `use` is
    the share of a usual week's."""
    n = len(customers)
    sessions = np.repeat(np.arange(n), rng.poisson(customers["pace"] * np.exp(mood) * use))
    minutes = np.minimum(rng.gamma(1.6, 28, len(sessions)) * np.exp(0.25 * mood[sessions]), 600)
    asking = np.repeat(np.arange(n), rng.poisson(customers["care"] + 0.25 * np.minimum(failures, 2)))
    return np.concatenate(
        [
            records(sessions, _times(rng, week, len(sessions)), SESSION, (100 * minutes).astype("int64") + 1),
            records(asking, _times(rng, week, len(asking)), TICKET, 100),
            _bills(rng, customers, week=week),
        ]
    )


def _bills(rng: np.random.Generator, customers: pd.DataFrame, *, week: int) -> np.ndarray:
    """Payments due in the week; a failed one is tried again within two days, in the same week, and half fail."""
    signup, n = customers["signup"].to_numpy(), len(customers)
    due = week + (signup - week) % (BILLING_DAYS * DAY)  # the first billing time at or after the beginning of the week
    fails = rng.random(n) < FAILURE_SHARE[customers["country"]]
    fails_again, retry_at = rng.random(n) < 0.5, np.minimum(due + 2 * DAY, week + WEEK - 1)
    price = PRICE_CENTS[customers["plan"]]
    now = due < week + WEEK
    billed, retried = np.flatnonzero(now), np.flatnonzero(now & fails)
    return np.concatenate(
        [
            records(billed, due[billed], np.where(fails[billed], FAILED, PAYMENT), price[billed]),
            records(retried, retry_at[retried], np.where(fails_again[retried], FAILED, PAYMENT), price[retried]),
        ]
    )


def _times(rng: np.random.Generator, week: int, n: int) -> np.ndarray:
    """Moments in a week."""
    second = simulation.second_of_day(rng, n)
    return week + rng.integers(0, 7, n) * DAY + second


def _per_customer(events: np.ndarray, kind: int, n: int) -> np.ndarray:
    return np.bincount(events["customer"][events["kind"] == kind], minlength=n)
