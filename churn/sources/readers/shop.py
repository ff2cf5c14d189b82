"""The reader `shop`: a simulated shop with a season, where nobody says when they leave; the same for the same seed.

A customer buys at a pace of its own until it drops out, both unobserved and different for each (Schmittlein, Morrison &
Colombo 1987). The season multiplies every pace alike, so that the share that stays away for a quarter swings with it.
Without a season that model is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from churn.sources.contract import Source
from churn.sources.readers import simulation
from churn.sources.readers.breaks import COMPETITOR, PACK_DAYS, SLOW_DAYS, SLOW_USE, Breaks
from churn.sources.readers.simulation import BLOCK, DAY, records

START = pd.Timestamp("2022-01-01", tz="UTC")  # the log begins here; some customers came before
YEAR = 365.25  # days

KINDS = np.array(["purchase", "return"])
PURCHASE, RETURN = range(len(KINDS))
APP = 0  # the channel whose feed may stop
CHANNELS, CHANNEL_SHARES, CHANNEL_PACE = np.array(["app", "store", "web"]), [0.2, 0.3, 0.5], np.array([1.5, 0.8, 0.95])
COUNTRIES, COUNTRY_SHARES = np.array(["AT", "BE", "DE", "NL"]), [0.12, 0.18, 0.45, 0.25]
COUNTRY_LIFE = np.array([0.7, 1.0, 1.0, 1.3])

OLD_SHARE, OLD_DAYS = 0.3, 300  # customers of the log's first day: their share, and for how long they had been
PACE_SHAPE, PACE = 1.3, 6.0  # purchases a year, gamma
LEAVING_SHAPE, LEAVING = 1.5, 0.45  # chance to drop out, a year, gamma

CHRISTMAS, LULL = 1.35, 0.45  # log of the intensity: before Christmas, and lost in midsummer
CLOSED = [(1, 1), (12, 25), (12, 26)]  # month and day
HOLLOW_A_YEAR, HOLLOW_VOLUME = 3, 0.03  # days closed by chance; what is sold on any closed day
WEEKDAYS = np.array([0.95, 0.9, 0.95, 1.0, 1.2, 1.4, 0.6])

BASKET, RETURNED = 45.0, 0.09  # money of a usual purchase; share of purchases of which something is sent back


@dataclass(frozen=True)
class Calendar:
    """What the days of the log are like, for every customer.

    open: whether the shop is open, shape (days,). elapsed: usual days' worth of buying that have passed before each
    day, shape (days + 1,). arriving: the share of the new customers that came before each day, shape (days + 1,).
    """

    open: np.ndarray
    elapsed: np.ndarray
    arriving: np.ndarray


def read_shop(
    con: ibis.BaseBackend,
    folder: Path,
    *,
    customers: int,
    months: int,
    seed: int,
    season: float = 1.0,
    growth: float = 0.15,
    breaks: dict[str, str] | None = None,
) -> Source:
    """Read a simulation of `months` from START; memory does not grow with the number of customers.

    `season` 0: no season; 1: a strong Christmas. `growth` 0.15: 15% more new customers each year.
    Kinds: purchase (money) and return (below zero). Segments: channel, country. A customer signs up with the first
    purchase, some before START. The first customers of a larger simulation, all else being equal, are the same.
    """
    calendar = calendar_of(months=months, seed=seed, season=season, growth=growth)

    def block(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
        people = draw_customers(rng, calendar)
        log = simulate(rng, people, calendar)
        return people, as_logged(log, people, Breaks.of(breaks, START), rng.spawn(1)[0])

    segments = {"channel": CHANNELS.tolist(), "country": COUNTRIES.tolist()}
    return simulation.write(
        con, folder, block, customers=customers, seed=seed, start=START, kinds=KINDS.tolist(), segments=segments
    )


def span(con: ibis.BaseBackend, scratch: Path, *, months: int, **drawn) -> tuple[date, date]:
    """The first and the last day of the simulation."""
    return simulation.span(START, months)


def calendar_of(*, months: int, seed: int, season: float, growth: float) -> Calendar:
    """The days from START for so many months."""
    days = pd.date_range(START, START + pd.DateOffset(months=months), inclusive="left")
    intensity = np.exp(season * _season(np.arange(366)))
    intensity = intensity[days.dayofyear - 1] / intensity.mean()
    closed = np.isin(days.month * 100 + days.day, [100 * month + day for month, day in CLOSED])
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    by_chance = rng.random(len(days)) < HOLLOW_A_YEAR / YEAR
    open_ = ~(closed | by_chance)
    volume = intensity * WEEKDAYS[days.dayofweek] / WEEKDAYS.mean() * np.where(open_, 1, HOLLOW_VOLUME)
    arriving = volume * (1 + growth) ** (np.arange(len(days)) / YEAR)
    elapsed, arriving = (np.concatenate([[0], np.cumsum(x)]) for x in (volume, arriving))
    return Calendar(open_, elapsed, arriving / arriving[-1])


def _season(day: np.ndarray) -> np.ndarray:
    """Log of a strong season's intensity on a day of the year, 0 for the first of January."""
    days_to_christmas = (350 - day + 183) % 366 - 183
    return CHRISTMAS * np.exp(-0.5 * (days_to_christmas / 22) ** 2) - LULL * np.exp(-0.5 * ((day - 205) / 40) ** 2)


def draw_customers(rng: np.random.Generator, calendar: Calendar) -> pd.DataFrame:
    """A block of customers, shape (BLOCK, 7): signup (seconds from START, negative before it), channel, country, first
    and last (days from START between which they buy), pace (purchases a day) and basket (money)."""
    old = rng.random(BLOCK) < OLD_SHARE
    arrival = np.interp(rng.random(BLOCK), calendar.arriving, np.arange(len(calendar.arriving)))
    day = np.where(old, -np.ceil(rng.exponential(OLD_DAYS, BLOCK)), np.floor(arrival)).astype("int64")
    channel = rng.choice(len(CHANNELS), BLOCK, p=CHANNEL_SHARES)
    country = rng.choice(len(COUNTRIES), BLOCK, p=COUNTRY_SHARES)
    pace = rng.gamma(PACE_SHAPE, PACE / PACE_SHAPE, BLOCK) * CHANNEL_PACE[channel] / YEAR
    leaving = rng.gamma(LEAVING_SHAPE, LEAVING / LEAVING_SHAPE, BLOCK) / COUNTRY_LIFE[country] / YEAR
    first = np.maximum(day + 1, 0)  # whoever came before START is there on that day
    return pd.DataFrame(
        {
            "signup": day * DAY + simulation.second_of_day(rng, BLOCK),
            "channel": channel,
            "country": country,
            "first": first,
            "last": first + rng.exponential(1, BLOCK) / leaving,
            "pace": pace,
            "basket": BASKET * np.exp(rng.normal(0, 0.5, BLOCK)),
        }
    )


def simulate(rng: np.random.Generator, customers: pd.DataFrame, calendar: Calendar) -> np.ndarray:
    """The events of a block within the calendar's days, by customer and time, see `simulation.records`."""
    customer, day = _purchase_days(rng, customers, calendar)
    at = day * DAY + simulation.second_of_day(rng, len(day))
    new = np.flatnonzero(customers["signup"] >= 0)
    customer, at = np.concatenate([new, customer]), np.concatenate([customers["signup"].to_numpy()[new], at])
    money = customers["basket"].to_numpy()[customer] * np.exp(rng.normal(0, 0.4, len(customer)))
    purchases = records(customer, at, PURCHASE, (100 * money).astype("int64") + 1)
    log = np.concatenate([purchases, _returns(rng, purchases, calendar)])
    return simulation.within(log, len(calendar.open) * DAY)


def as_logged(log: np.ndarray, customers: pd.DataFrame, breaks: Breaks, rng: np.random.Generator) -> np.ndarray:
    """The records that a broken shop's log has: a competitor halves what is left of each customer's life, in a slow
    season others buy, the feed of the app may stop, and whoever has bought a pack buys nothing while it lasts."""
    at, who = log["at"], customers.iloc[log["customer"]]
    rest = np.maximum(who["first"].to_numpy(), breaks.competitor / DAY)
    ends = rest + np.maximum(who["last"].to_numpy() - rest, 0) / COMPETITOR
    gone = (at >= breaks.competitor) & (at > ends * DAY) & (log["kind"] == PURCHASE)
    slow = (at >= breaks.slow_season) & (at < breaks.slow_season + SLOW_DAYS * DAY) & (rng.random(len(log)) > SLOW_USE)
    unseen = (at >= breaks.feed_stops) & (who["channel"].to_numpy() == APP)
    log = log[~(gone | slow | unseen)]
    return log[~_while_a_pack_lasts(log, breaks.packs)]


def _while_a_pack_lasts(log: np.ndarray, since: float) -> np.ndarray:
    """Whether a record, shape (n,), is a purchase within PACK_DAYS of one that the same customer made since then."""
    packed = np.flatnonzero((log["kind"] == PURCHASE) & (log["at"] >= since))
    packed = packed[np.lexsort((log["at"][packed], log["customer"][packed]))]
    within, who = np.zeros(len(log), bool), log["customer"][packed]
    within[packed] = True
    longer = log["at"].max(initial=0) + PACK_DAYS * DAY + 1
    moments = who.astype("int64") * longer + log["at"][packed]  # ascending, each customer's before the next one's
    bought = np.flatnonzero(np.diff(who, prepend=-1))
    while len(bought):
        within[packed[bought]] = False
        then = np.searchsorted(moments, moments[bought] + PACK_DAYS * DAY)
        bought = then[np.append(who, -1)[then] == who[bought]]
    return within


def _purchase_days(
    rng: np.random.Generator, customers: pd.DataFrame, calendar: Calendar
) -> tuple[np.ndarray, np.ndarray]:
    """Who buys on which day after the first one: a Poisson process of each customer's pace in elapsed usual days."""
    days = np.arange(len(calendar.elapsed))
    begin, end = (np.interp(customers[name], days, calendar.elapsed) for name in ("first", "last"))
    customer = np.repeat(np.arange(len(customers)), rng.poisson(customers["pace"] * (end - begin)))
    elapsed = begin[customer] + rng.random(len(customer)) * (end - begin)[customer]
    return customer, np.interp(elapsed, calendar.elapsed, days).astype("int64")


def _returns(rng: np.random.Generator, purchases: np.ndarray, calendar: Calendar) -> np.ndarray:
    """Of some purchases all or a part is sent back, two days later or more, on an open day."""
    bought = purchases[rng.random(len(purchases)) < RETURNED]
    day = bought["at"] // DAY + 2 + rng.exponential(9, len(bought)).astype("int64")
    open_days = np.flatnonzero(np.append(calendar.open, True))  # and the first day after the log
    day = open_days[np.minimum(np.searchsorted(open_days, day), len(open_days) - 1)]
    part = np.minimum(rng.uniform(0.2, 1.6, len(bought)), 1)
    at = day * DAY + simulation.second_of_day(rng, len(bought))
    return records(bought["customer"], at, RETURN, -np.ceil(part * bought["hundredths"]).astype("int64"))
