"""Customers as they are: each has a pace of its own, comes for as long as it likes, and leaves one day."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import pandas as pd


def visits(
    rng: np.random.Generator, customers: int, *, begin: str, days: int, gap: float, spread: float = 0.7, life: float
) -> pd.DataFrame:
    """Columns `customer` (0, 1, ...), `at` (whole seconds) and `nth` (0 is the first), by time.

    `gap`: days between two visits of a usual customer, of whom one in three is `spread` (a logarithm) off it.
    `life`: days until a usual customer leaves. A third are there when the log begins.
    """
    rows = [_life(rng, customer, days, gap, spread, life) for customer in range(customers)]
    made = pd.DataFrame({"customer": np.concatenate([c for c, _ in rows]), "day": np.concatenate([d for _, d in rows])})
    made = made[(made["day"] >= 0) & (made["day"] < days)].sort_values(["day", "customer"], ignore_index=True)
    made["at"] = pd.Timestamp(begin) + pd.to_timedelta((made.pop("day") * 86_400).astype("int64"), unit="s")
    made["nth"] = made.groupby("customer").cumcount()
    return made


def _life(rng, customer: int, days: int, gap: float, spread: float, life: float) -> tuple[np.ndarray, np.ndarray]:
    pace = gap * rng.lognormal(0, spread)
    joined = rng.uniform(-0.45, 0.9) * days
    stays = rng.exponential(life)
    at = joined + np.concatenate([[0], rng.exponential(pace, int(4 * stays / pace) + 4).cumsum()])
    at = at[at <= joined + stays]
    return np.full(len(at), customer), at


def by_daylight(at: pd.Series, rng: np.random.Generator) -> pd.Series:
    """The same days, at the hours at which people are awake."""
    return at.dt.normalize() + pd.to_timedelta(rng.triangular(8 * 3600, 17 * 3600, 22 * 3600, len(at)).astype(int), "s")


def amounts(rng: np.random.Generator, customers: pd.Series, *, mean: float) -> np.ndarray:
    """Money, in cents exactly: each customer spends about the same every time."""
    own = rng.lognormal(0, 0.5, int(customers.max()) + 1)
    return (mean * own[customers] * rng.gamma(4, 0.25, len(customers))).round(2).clip(0.5)


def uuids(rng: np.random.Generator, count: int) -> np.ndarray:
    """So many different ids, as texts."""
    return np.array([str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(count)])


def tokens(rng: np.random.Generator, prefix: str, count: int, *, length: int = 14) -> np.ndarray:
    """Ids as payment services give them: `cus_Nff2cd...`."""
    letters = np.array(list("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"))
    return np.array([prefix + "".join(rng.choice(letters, length)) for _ in range(count)])


def numbers(rng: np.random.Generator, count: int, *, digits: int) -> np.ndarray:
    """So many different numbers of so many digits, in no order."""
    return rng.choice(np.arange(10 ** (digits - 1), min(10**digits, 10 ** (digits - 1) + 40 * count)), count, False)


def names(rng: np.random.Generator, count: int) -> np.ndarray:
    """People's names; some have the same."""
    first = ["Anna", "Ben", "Chloé", "Daan", "Emma", "Finn", "Greta", "Hugo", "Ines", "Jan", "Kim", "Lars", "Mia"]
    last = ["Bakker", "Cohen", "Dubois", "Evers", "Fischer", "García", "Huber", "Jansen", "Klein", "López", "Meyer"]
    return np.char.add(np.char.add(rng.choice(first, count), " "), rng.choice(last, count))


def decimal_comma(values: Sequence[float], *, thousands: str = "") -> list[str]:
    """As they are written from Paris to Vienna: `1.049,00`."""
    return [f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", thousands) for value in values]
