"""The API's prediction log as it lies: its files, its rows, and each finished day's small files made into one.

Workers write a file every few seconds, and never change one. A compacted file names those that it stands for in its
metadata, and whoever reads passes over these: a process that is killed before it has removed them doubles no row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from churn import engine, fingerprint, state

WHOLE, STANDS_FOR = "whole-", "stands_for"
PREDICTED, REFUSED = "predictions", "refusals"
ORDER = ["scored_at", "request_id", "customer_id"]


def files(experiment: str) -> list[Path]:
    """The files that hold the log, each row in one of them, oldest day first."""
    return [file for day in _days(experiment) for file in _files_of(day)]


def read(experiment: str, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of the whole log; no row where there is none."""
    parts = [engine.frame(file, columns=columns) for file in files(experiment)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


def refusals(experiment: str) -> pd.DataFrame:
    """Who was refused: request_id, scored_at, customer_id, model_version, refused (the kind of problem); no row where
    nobody was."""
    parts = [engine.frame(file) for day in _days(experiment, REFUSED) for file in _files_of(day)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*ORDER, "model_version", "refused"])


def compact(experiment: str, *, today: date | None = None) -> dict[str, int]:
    """Make one file of each finished day's, one for each set of features that was logged, its rows in order of time.

    What a worker wrote late is a file of its own, and is taken in the next time. How many days, and how many files
    before and after.
    """
    today = today or datetime.now(UTC).date()  # of housekeeping: no result depends on it
    days = [day for kind in (PREDICTED, REFUSED) for day in _days(experiment, kind)]
    finished = [day for day in days if day.name < f"{today}"]
    before = sum(len(_files_of(day)) for day in finished)
    for day in finished:
        _compact(day)
    return {
        "days": len({day.name for day in finished}),
        "before": before,
        "after": sum(len(_files_of(day)) for day in finished),
    }


def _compact(day: Path) -> None:
    for name in _stood_for(day):  # left by a process that was killed
        (day / name).unlink(missing_ok=True)
    for alike in _by_schema(_files_of(day)):
        if len(alike) > 1:
            _merge(day, alike)
            for file in alike:
                file.unlink(missing_ok=True)


def _merge(day: Path, alike: list[Path]) -> None:
    con, names = engine.embedded(), [file.name for file in alike]
    rows = engine.read_parquet(con, *alike)
    with state.replacing(day / f"{WHOLE}{fingerprint.of_values(names)[:16]}.parquet") as temporary:
        con.to_parquet(rows.order_by(ORDER), str(temporary), kv_metadata={STANDS_FOR: json.dumps(names)})


def _by_schema(files: list[Path]) -> Iterator[list[Path]]:
    """Files with the same columns together: versions differ in the features that they log."""
    groups: dict[str, list[Path]] = {}
    for file in files:
        columns = pq.read_schema(file).remove_metadata().to_string().replace(" not null", "")  # as the engine writes it
        groups.setdefault(columns, []).append(file)
    yield from groups.values()


def _days(experiment: str, kind: str = PREDICTED) -> list[Path]:
    return sorted(day for day in state.path(experiment, kind).glob("[0-9]*") if day.is_dir())


def _files_of(day: Path) -> list[Path]:
    passed_over = _stood_for(day)
    return sorted(file for file in day.glob("[!.]*.parquet") if file.name not in passed_over)


def _stood_for(day: Path) -> set[str]:
    """Names of the files that compacted ones stand for."""
    kept = (pq.read_metadata(file).metadata or {} for file in day.glob(f"{WHOLE}*.parquet"))
    return {name for metadata in kept for name in json.loads(metadata.get(STANDS_FOR.encode(), b"[]"))}
