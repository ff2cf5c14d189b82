"""The features of customers, fit for scoring or not: unknown, incomplete and too old are three different answers."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from churn.errors import FeatureStoreUnavailable
from churn.features.store import Row
from serving import prometheus
from serving.champion import Champion
from serving.problems import Problem, unavailable

TIMEOUT_SECONDS = 2.0
READERS = 16  # look-ups at once in a worker; one that hangs holds its thread, not the request
AT_ONCE = 100  # customers in one look-up: a large batch lets others in between


@dataclass(frozen=True)
class Features:
    """A customer's complete features, and the snapshot that they describe."""

    values: dict[str, float | int | str | None]
    as_of: datetime


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

    def look_up(self, champion: Champion, customer_ids: list[str]) -> list[Features | Problem]:
        """Per customer, in order, the features or why there are none. Raises Problem feature-store-unavailable."""
        rows = [
            row
            for start in range(0, len(customer_ids), AT_ONCE)
            for row in self._read(champion, customer_ids[start : start + AT_ONCE])
        ]
        return [self._checked(champion, customer, row) for customer, row in zip(customer_ids, rows, strict=True)]

    def check(self, champion: Champion) -> None:
        """Ask the feature store for nobody. Raises Problem feature-store-unavailable."""
        self._read(champion, [""])

    def _read(self, champion: Champion, customer_ids: list[str]) -> list[Row]:
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

    def _checked(self, champion: Champion, customer: str, row: Row) -> Features | Problem:
        as_of = row.as_of
        if as_of is None:
            return Problem(
                "unknown-customer",
                f"the feature store holds no customer {customer!r}; check the id, and that they had signed up",
            )
        if row.missing:
            return _missing(customer, row.missing, "are not in the store; run the features stage again")
        if set(row.stamps.values()) != {as_of}:
            return Problem(
                "feature-store-unavailable",
                f"customer {customer!r}: a newer snapshot than that of {as_of:%Y-%m-%d} is being written; try again",
                retry_after=5,
            )
        return (
            self._stale(customer, as_of)
            or _outside(customer, row, champion)
            or _without_value(customer, row, champion)
            or Features(row.features, as_of)
        )

    def _stale(self, customer: str, as_of: datetime) -> Problem | None:
        age = self.now() - as_of
        prometheus.FEATURES_AS_OF.set(as_of.timestamp())
        if self._max_age is None or age <= self._max_age:
            return None
        return Problem(
            "stale-features",
            f"customer {customer!r}: features are {age / timedelta(days=1):.1f} days old, the limit is "
            f"{self._max_age.days}; run the features stage for a newer snapshot",
        )


def _outside(customer: str, row: Row, champion: Champion) -> Problem | None:
    if row.counts:
        return None
    population, when = champion.reader.population, "is not known"
    if row.days_silent is not None:
        then = row.as_of - timedelta(days=row.days_silent)
        when = f"was on {then:%Y-%m-%d}, {row.days_silent:.0f} days before the snapshot {row.as_of:%Y-%m-%d}"
    return Problem(
        "outside-population",
        f"customer {customer!r}: the {population['decided_by']} {when}; who counts {population['rule']}, and the model "
        "has seen nobody else",
    )


def _without_value(customer: str, row: Row, champion: Champion) -> Problem | None:
    unseen = champion.nulls_never_seen(row.features)
    why = "have no value, though every customer had one in training; no score is made up"
    return _missing(customer, unseen, why) if unseen else None


def _missing(customer: str, names: list[str], why: str, *, most: int = 5) -> Problem:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return Problem("missing-features", f"customer {customer!r}: {', '.join(names[:most])}{more} {why}")
