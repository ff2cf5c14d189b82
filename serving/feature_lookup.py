"""The features of customers, fit for scoring or not: unknown, incomplete and too old are three different answers."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from churn.errors import FeatureStoreUnavailable
from churn.features.reader import Rows
from serving import prometheus
from serving.champion import Champion
from serving.problems import Problem, unavailable

TIMEOUT_SECONDS = 2.0
READERS = 16  # look-ups at once in a worker; one that hangs holds its thread, not the request


@dataclass(frozen=True)
class LookedUp:
    """Who was asked for, what the feature store holds of them, and why some of them cannot be scored, by place."""

    customer_ids: list[str]
    rows: Rows
    problems: dict[int, Problem]


class FeatureLookup:
    """Looks customers up, with a timeout, and says which of them can be scored."""

    def __init__(self, *, max_age_days: int | None, as_of: datetime | None) -> None:
        self._max_age = timedelta(days=max_age_days) if max_age_days else None
        self._clock = as_of if as_of is None or as_of.tzinfo else as_of.replace(tzinfo=UTC)
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Make the threads; after the fork, for threads do not survive one."""
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="features")

    def now(self) -> datetime:
        """The moment at which ages are taken: `serving.as_of` where that is given."""
        return self._clock or datetime.now(UTC)

    def look_up(self, champion: Champion, customer_ids: list[str]) -> LookedUp:
        """The features of customers, all of one snapshot. Raises Problem feature-store-unavailable."""
        rows = self._read(champion, customer_ids)
        known = rows.known
        if known.any():
            prometheus.FEATURES_AS_OF.set(rows.times.max() / 1e6)
        usable = known & rows.whole & rows.counts & ~champion.ranges.lacks(rows)
        stale = self._stale(rows, known)
        suspicious = np.flatnonzero(~usable | stale).tolist()
        problems = {i: self._problem(champion, customer_ids[i], rows, i, bool(stale[i])) for i in suspicious}
        return LookedUp(customer_ids, rows, problems)

    def check(self, champion: Champion) -> None:
        """Ask the feature store for nobody. Raises Problem feature-store-unavailable."""
        self._read(champion, [""])

    def _read(self, champion: Champion, customer_ids: list[str]) -> Rows:
        began = time.perf_counter()
        job: Future = self._pool.submit(champion.reader.read, customer_ids)
        try:
            return job.result(TIMEOUT_SECONDS)
        except TimeoutError:
            job.cancel()
            raise Problem(
                "feature-store-unavailable",
                f"the feature store took longer than {TIMEOUT_SECONDS:g} s; try again",
                retry_after=2,
            ) from None
        except FeatureStoreUnavailable as error:
            raise unavailable(error) from error
        finally:
            prometheus.STORE_SECONDS.observe(time.perf_counter() - began)

    def _stale(self, rows: Rows, known: np.ndarray) -> np.ndarray:
        """Whether the oldest row of a customer is older than may be, shape (n,)."""
        if self._max_age is None:
            return np.zeros(len(known), bool)
        return known & (rows.oldest < (self.now() - self._max_age).timestamp() * 1e6)

    def _problem(self, champion: Champion, customer: str, rows: Rows, place: int, stale: bool) -> Problem:
        as_of = rows.as_of(place)
        if as_of is None:
            return Problem(
                "unknown-customer",
                f"the feature store holds no customer {customer!r}; check the id, and that they had signed up",
            )
        if missing := rows.missing(place):
            return _missing(customer, missing, "are not in the store; run the features stage again")
        if not rows.whole[place]:
            return Problem(
                "feature-store-unavailable",
                f"customer {customer!r}: a newer snapshot than that of {as_of:%Y-%m-%d} is being written; try again",
                retry_after=5,
            )
        if stale:
            return Problem(
                "stale-features",
                f"customer {customer!r}: features are {(self.now() - as_of) / timedelta(days=1):.1f} days old, the "
                f"limit is {self._max_age.days}; run the features stage for a newer snapshot",
            )
        if not rows.counts[place]:
            return _outside(champion, customer, as_of, rows.days_silent(place))
        why = "have no value, though every customer had one in training; no score is made up"
        return _missing(customer, champion.ranges.lacking(rows, place), why)


def _outside(champion: Champion, customer: str, as_of: datetime, days_silent: float | None) -> Problem:
    population, when = champion.reader.population, "is not known"
    if days_silent is not None:
        then = as_of - timedelta(days=days_silent)
        when = f"was on {then:%Y-%m-%d}, {days_silent:.0f} days before the snapshot {as_of:%Y-%m-%d}"
    return Problem(
        "outside-population",
        f"customer {customer!r}: the {population['decided_by']} {when}; who counts {population['rule']}, and the model "
        "has seen nobody else",
    )


def _missing(customer: str, names: list[str], why: str, *, most: int = 5) -> Problem:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return Problem("missing-features", f"customer {customer!r}: {', '.join(names[:most])}{more} {why}")
