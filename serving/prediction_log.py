"""The prediction log: who was given which probability, when, by which version, from which features.

Parquet files below state/<experiment>/predictions/<day>/, written every few seconds by a thread of each worker. An
answer never waits for it: what finds the buffer full, or cannot be written, is dropped and counted.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from churn import state
from serving import prometheus
from serving.champion import Champion
from serving.scoring import Score

CAPACITY = 20_000  # rows waiting in a worker, some 20 MB
WRITE_SECONDS = 5.0  # a worker that is killed loses at most this much of its log

log = logging.getLogger("serving.predictions")


class PredictionLog:
    """Collects scores and writes them in the background; `start` once in every process that answers."""

    def __init__(self, experiment: str) -> None:
        self._folder = state.path(experiment, "predictions")
        self._rows: list[tuple[Champion, dict]] = []
        self._lock = threading.Lock()
        self._written = 0

    def start(self) -> None:
        """Write from now on."""
        threading.Thread(target=self._write_forever, name="prediction-log", daemon=True).start()

    def add(self, champion: Champion, scores: list[Score], *, request_id: str, scored_at: datetime) -> None:
        """Take note of the scores of one request."""
        rows = [(champion, _row(champion, score, request_id, scored_at)) for score in scores]
        with self._lock:
            room = CAPACITY - len(self._rows)
            self._rows.extend(rows[:room])
        prometheus.LOG_DROPPED.inc(max(len(rows) - room, 0))

    def write(self) -> None:
        """Write what has been noted so far: one file for each day and version."""
        with self._lock:
            rows, self._rows = self._rows, []
        groups: dict[tuple, list[dict]] = {}
        champions = {}
        for champion, row in rows:
            key = row["scored_at"].date().isoformat(), champion.version.version
            groups.setdefault(key, []).append(row)
            champions[key] = champion
        for key, group in groups.items():
            self._write_file(key[0], _schema(champions[key]), group)

    def _write_file(self, day: str, schema: pa.Schema, rows: list[dict]) -> None:
        self._written += 1
        target = self._folder / day / f"{os.getpid()}-{time.time_ns()}-{self._written}.parquet"
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


def _row(champion: Champion, score: Score, request_id: str, scored_at: datetime) -> dict:
    return {
        "request_id": request_id,
        "scored_at": scored_at,
        "customer_id": score.customer_id,
        "model_version": champion.version.version,
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
        {
            "request_id": pa.string(),
            "scored_at": moment,
            "customer_id": pa.string(),
            "model_version": pa.int64(),
            "churn_probability": pa.float64(),
            "threshold": pa.float64(),
            "features_as_of": moment,
            "level": pa.float64(),
            "features": pa.struct(kinds),
        }
    )
