"""The model in production, held in memory by each worker and swapped when the registry's alias moves.

A thread of its own looks at the alias; whatever happens there, a prediction only ever reads `ChampionHolder.champion`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np

from churn.errors import ChurnError, FeatureStoreUnavailable, ModelUnavailable, RegistryError
from churn.evaluation import profit
from churn.features import store
from churn.features.reader import Reader
from churn.registry import version_levels, versions
from churn.registry.versions import Version
from churn.scoring.compiled import Scorer, scorer
from churn.scoring.reasons.explainer import Explainer, explainer
from serving import prometheus
from serving.ranges import Ranges

LOOK_SECONDS = 0.5
RETRY_SECONDS = 10.0  # until a version that could not be loaded is tried again
SILENT_SECONDS = 5.0  # without an answer for this long, the registry counts as unreachable

log = logging.getLogger("serving.champion")


@dataclass(frozen=True)
class Champion:
    """A verified version with all that one answer needs. It never changes, so an answer never mixes two versions."""

    version: Version
    score: Scorer
    scored_by: str
    explainer: Explainer | None
    reader: Reader
    metadata: dict
    loaded_at: float

    @property
    def name(self) -> dict:
        """The version as answers name it."""
        return {"name": self.version.name, "version": self.version.version, "run_id": self.version.run_id}

    @property
    def threshold(self) -> float | None:
        """The probability from which contacting a customer pays; None where each has an own one, or none is known."""
        return self.version.threshold

    @cached_property
    def economics(self) -> dict | None:
        """What a customer's own threshold follows from; None where one holds for all."""
        return json.loads(self.version.tags["economics"]) if self.version.tags.get("economics") else None

    def thresholds(self, columns: Mapping, customers: int) -> np.ndarray:
        """The probabilities from which contacting customers with these features pays, shape (n,); nan: unknown."""
        if self.economics is None:
            return np.full(customers, np.nan if self.threshold is None else self.threshold)
        return profit.thresholds(self.economics, profit.worths(self.economics, columns))

    @cached_property
    def levels(self) -> dict[str, dict]:
        """What is added to its log-odds at each snapshot that it has a level for, and why."""
        return version_levels.all_of(self.version)

    def level(self, as_of: datetime) -> float | None:
        """What is added to its log-odds for features of that snapshot; None where it has no level for it."""
        level = self.levels.get(f"{as_of:%Y-%m-%d}")
        return level and level["log_odds"]

    @cached_property
    def ranges(self) -> Ranges:
        """What it saw in training."""
        return Ranges(self.reader.features, self.metadata["training_ranges"])


def load(version: Version) -> Champion:
    """Load, verify, warm. Raises ModelUnavailable or FeatureStoreUnavailable."""
    loaded = versions.load(version)
    feast = store.open_store(version.name)
    reader = Reader(feast, store.service(feast, loaded.metadata["feature_service"]))
    if sorted(reader.features) != sorted(loaded.columns):
        differ = sorted(set(reader.features) ^ set(loaded.columns))
        raise ModelUnavailable(f"version {version.version} and its feature service differ in {', '.join(differ)}")
    score, scored_by = scorer(loaded)
    with contextlib.suppress(FeatureStoreUnavailable):  # each answer says so for itself
        reader.read([""])
    explains = explainer(loaded, score)
    return Champion(version, score, scored_by, explains, reader, loaded.metadata, time.time())


class ChampionHolder:
    """Holds the champion of one registered model; `start` once in every process that answers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.champion: Champion | None = None
        self.problem: ChurnError | None = ModelUnavailable(f"the model {name} is being loaded")
        self.refreshed = threading.Event()
        self._asked_at: float | None = None  # since when the registry owes an answer
        self._alias: tuple[object, Version | None] | None = None  # the registry's watermark, and the alias then
        self._failed: tuple[Version, float] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Follow the alias from now on."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="champion", daemon=True)
            self._thread.start()

    @property
    def registry_silent(self) -> bool:
        """True when the registry has not answered for a while."""
        asked_at = self._asked_at
        return asked_at is not None and time.monotonic() - asked_at > SILENT_SECONDS

    def refresh(self) -> None:
        """Look at the alias once, and swap when it has moved. Whatever fails, the champion stays."""
        self._asked_at = self._asked_at or time.monotonic()
        try:
            wanted = self._in_production()
        except Exception as error:
            prometheus.REGISTRY_UP.set(0)
            return self._note(RegistryError(f"the registry does not answer: {error}"))
        self._asked_at = None
        prometheus.REGISTRY_UP.set(1)
        if wanted is None:
            self._note(
                ModelUnavailable(f"no version of {self.name} is in Production; run the pipeline until one is promoted")
            )
        elif self.champion and _same_model(self.champion.version, wanted):
            self.champion, self.problem = replace(self.champion, version=wanted), None
        elif self._failed is None or self._failed[0] != wanted or time.monotonic() > self._failed[1]:
            self._swap(wanted)

    def _follow(self) -> None:
        while True:
            self.refresh()
            self.refreshed.set()
            time.sleep(LOOK_SECONDS)

    def _in_production(self) -> Version | None:
        """The version that the alias points to; an embedded registry is only asked when its file has changed."""
        mark = versions.watermark()
        if self._alias is None or mark is None or mark != self._alias[0]:
            self._alias = mark, versions.production(self.name)
        return self._alias[1]

    def _swap(self, wanted: Version) -> None:
        began = time.perf_counter()
        try:
            champion = load(wanted)
        except Exception as error:
            self._failed = wanted, time.monotonic() + RETRY_SECONDS
            prometheus.SWAP_FAILURES.inc()
            known = isinstance(error, ChurnError)
            return self._note(error if known else ModelUnavailable(f"{wanted.name} version {wanted.version}: {error}"))
        before, self.champion, self.problem, self._failed = self.champion, champion, None, None
        prometheus.swapped(before and before.version, wanted)
        fields = {"version": wanted.version, "before": before and before.version.version, "way": champion.scored_by}
        log.info("model swapped", extra={"fields": fields | {"seconds": time.perf_counter() - began}})

    def _note(self, problem: ChurnError) -> None:
        if str(problem) != str(self.problem):
            serving = self.champion and self.champion.version.version
            log.warning("model problem", extra={"fields": {"problem": str(problem), "still_serving": serving}})
        self.problem = problem


def _same_model(a: Version, b: Version) -> bool:
    return (a.version, a.source) == (b.version, b.source)
