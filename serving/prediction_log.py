"""The prediction log: who was given which probability, when, by which version, from which features; who was refused.

Parquet files below state/<experiment>/predictions/<day>/ and refusals/<day>/, written every few seconds by a thread of
each worker. An answer never waits for it: what finds the buffer full, or cannot be written, is dropped and counted.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from churn import state
from serving import prometheus
from serving.champion import Champion
from serving.problems import Problem
from serving.scoring import Score

CAPACITY = 20_000  # rows waiting in a worker, some 20 MB
WRITE_SECONDS = 5.0  # a worker that is killed loses at most this much of its log

ASKED = {
    "request_id": pa.string(), "scored_at": pa.timestamp("us", tz="UTC"), "customer_id": pa.string(),
    "model_version": pa.int64(),
}  # fmt: skip
Answers = Iterable[tuple[str, Score | Problem]]
REFUSALS = pa.schema(ASKED | {"refused": pa.string()})

log = logging.getLogger("serving.predictions")


class PredictionLog:
    """Collects answers and writes them in the background; `start` once in every process that answers."""

    def __init__(self, experiment: str) -> None:
        self._folder = state.path(experiment)
        self._rows: list[tuple[Champion, dict]] = []
        self._lock = threading.Lock()
        self._written = 0

    def start(self) -> None:
        """Write from now on."""
        threading.Thread(target=self._write_forever, name="prediction-log", daemon=True).start()

    def add(self, champion: Champion, answers: Answers, *, request_id: str, at: datetime) -> None:
        """Take note of what one request was answered, a customer each."""
        rows = [(champion, _row(champion, *answer, request_id, at)) for answer in answers]
        with self._lock:
            room = CAPACITY - len(self._rows)
            self._rows.extend(rows[:room])
        prometheus.LOG_DROPPED.inc(max(len(rows) - room, 0))

    def write(self) -> None:
        """Write what has been noted so far: one file for each kind of answer, day and version."""
        with self._lock:
            rows, self._rows = self._rows, []
        groups: dict[tuple, list[dict]] = {}
        champions = {}
        for champion, row in rows:
            kind = "refusals" if "refused" in row else "predictions"
            key = kind, row["scored_at"].date().isoformat(), champion.version.version
            groups.setdefault(key, []).append(row)
            champions[key] = champion
        for key, group in groups.items():
            schema = REFUSALS if key[0] == "refusals" else _schema(champions[key])
            self._write_file(self._folder / key[0] / key[1], schema, group)

    def _write_file(self, folder: Path, schema: pa.Schema, rows: list[dict]) -> None:
        self._written += 1
        target = folder / f"{os.getpid()}-{time.time_ns()}-{self._written}.parquet"
        try:
            with state.replacing(target) as temporary:
                pq.write_table(pa.Table.from_pylist(rows, schema), temporary)
            prometheus.LOGGED.inc(len(rows))
        except Exception as error:
            prometheus.LOG_DROPPED.inc(len(rows))
            log.error("predictions not logged", extra={"fields": {"rows": len(rows), "problem": str(error)}})

    def _write_forever(self) -> None:
        while True:
            time.sleep(WRITE_SECONDS)
            self.write()


def _row(champion: Champion, customer: str, answer: Score | Problem, request_id: str, at: datetime) -> dict:
    version = champion.version.version
    asked = {"request_id": request_id, "scored_at": at, "customer_id": customer, "model_version": version}
    if isinstance(answer, Problem):
        return asked | {"refused": answer.kind}
    return asked | _said(answer)


def _said(score: Score) -> dict:
    return {
        "churn_probability": score.probability,
        "threshold": score.threshold,
        "features_as_of": score.features.as_of,
        "level": score.level,
        "features": score.features.values,
    }


def _schema(champion: Champion) -> pa.Schema:
    """The log's columns; `features` has a member for each feature of the version."""
    seen, moment = champion.metadata["training_ranges"], pa.timestamp("us", tz="UTC")
    kinds = {name: pa.string() if "values" in seen.get(name, {}) else pa.float64() for name in champion.reader.features}
    return pa.schema(
        ASKED
        | {
            "churn_probability": pa.float64(),
            "threshold": pa.float64(),
            "features_as_of": moment,
            "level": pa.float64(),
            "features": pa.struct(kinds),
        }
    )
