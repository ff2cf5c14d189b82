"""The prediction log: who was given which probability, when, by which version, from which features; who was refused.

Parquet files below state/<experiment>/predictions/<day>/ and refusals/<day>/, written every few seconds by a thread of
each worker. An answer never waits for it: what finds the buffer full, or cannot be written, is dropped and counted.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churn import state
from serving import prometheus
from serving.champion import Champion
from serving.scoring import Scores

CAPACITY = 100_000  # customers waiting in a worker, some 30 MB
WRITE_SECONDS = 5.0  # a worker that is killed loses at most this much of its log

MOMENT = pa.timestamp("us", tz="UTC")
ASKED = {"request_id": pa.string(), "scored_at": MOMENT, "customer_id": pa.string(), "model_version": pa.int64()}
SAID = {"churn_probability": pa.float64(), "threshold": pa.float64(), "features_as_of": MOMENT, "level": pa.float64()}

log = logging.getLogger("serving.predictions")


@dataclass(frozen=True)
class Answered:
    """One request: by whom it was answered, when, and what."""

    champion: Champion
    scores: Scores
    request_id: str
    at: datetime


class PredictionLog:
    """Collects answers and writes them in the background; `start` once in every process that answers."""

    def __init__(self, experiment: str) -> None:
        self._folder = state.path(experiment)
        self._answered: list[Answered] = []
        self._waiting = 0  # customers
        self._lock, self._half_full = threading.Lock(), threading.Event()
        self._written = 0

    def start(self) -> None:
        """Write from now on."""
        threading.Thread(target=self._write_forever, name="prediction-log", daemon=True).start()

    def add(self, champion: Champion, scores: Scores, *, request_id: str, at: datetime) -> None:
        """Take note of what one request was answered."""
        customers = len(scores.customer_ids)
        with self._lock:
            fits = self._waiting + customers <= CAPACITY
            if fits:
                self._answered.append(Answered(champion, scores, request_id, at))
                self._waiting += customers
        if not fits:
            prometheus.LOG_DROPPED.inc(customers)
        if self._waiting > CAPACITY / 2:
            self._half_full.set()

    def write(self) -> None:
        """Write what has been noted so far: one file for each kind of answer, day and version."""
        with self._lock:
            answered, self._answered, self._waiting = self._answered, [], 0
        groups: dict[tuple[str, int], list[Answered]] = {}
        for one in answered:
            groups.setdefault((one.at.date().isoformat(), one.champion.version.version), []).append(one)
        for (day, _), group in groups.items():
            self._write_file("predictions", day, _predictions, group)
            self._write_file("refusals", day, _refusals, group)

    def _write_file(self, kind: str, day: str, table_of: Callable, group: list[Answered]) -> None:
        rows = sum(len(one.scores.places if kind == "predictions" else one.scores.problems) for one in group)
        if not rows:
            return
        self._written += 1
        target = self._folder / kind / day / f"{os.getpid()}-{time.time_ns()}-{self._written}.parquet"
        try:
            with state.replacing(target) as temporary:
                pq.write_table(table_of(group), temporary)
            prometheus.LOGGED.inc(rows)
        except Exception as error:
            prometheus.LOG_DROPPED.inc(rows)
            log.error("predictions not logged", extra={"fields": {"rows": rows, "problem": str(error)}})

    def _write_forever(self) -> None:
        while True:
            self._half_full.wait(WRITE_SECONDS)
            self._half_full.clear()
            self.write()


def _predictions(group: list[Answered]) -> pa.Table:
    """Whom a score was given, with the features that it was computed from: a member of `features` each."""
    said = [one.scores for one in group]
    columns = {
        "churn_probability": np.concatenate([s.probability for s in said]),
        "threshold": pa.array(np.concatenate([s.threshold for s in said]), from_pandas=True),
        "features_as_of": np.concatenate([s.as_of for s in said]),
        "level": np.concatenate([s.level for s in said]),
    }
    columns = _asked(group, [s.places for s in said]) | columns | {"features": _features(group[0].champion, said)}
    kinds = ASKED | SAID | {"features": columns["features"].type}
    return pa.table({name: pa.array(columns[name]).cast(kind) for name, kind in kinds.items()})


def _features(champion: Champion, said: list[Scores]) -> pa.StructArray:
    numbers = np.concatenate([s.numbers for s in said], axis=1)
    columns = [pa.array(column, from_pandas=True) for column in numbers]  # a nan is a null
    for place, name in enumerate(champion.reader.features):
        if name in said[0].texts:
            columns[place] = pa.array([text for s in said for text in s.texts[name]], pa.string())
    return pa.StructArray.from_arrays(columns, names=champion.reader.features)


def _refusals(group: list[Answered]) -> pa.Table:
    """Whom no score was given, and why."""
    asked = _asked(group, [list(one.scores.problems) for one in group])
    refused = [problem.kind for one in group for problem in one.scores.problems.values()]
    return pa.table(asked | {"refused": refused}, pa.schema(ASKED | {"refused": pa.string()}))


def _asked(group: list[Answered], places: list[list[int]]) -> dict[str, list]:
    pairs = list(zip(group, places, strict=True))
    return {
        "request_id": [one.request_id for one, of in pairs for _ in of],
        "scored_at": [one.at for one, of in pairs for _ in of],
        "customer_id": [one.scores.customer_ids[place] for one, of in pairs for place in of],
        "model_version": [one.champion.version.version for one, of in pairs for _ in of],
    }
