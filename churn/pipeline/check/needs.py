"""Disk and memory that a run will take at most, estimated from rows and features by factors that were measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

from churn import state
from churn.log import kept
from churn.params.schema import Params
from churn.params.snapshots import Snapshots
from churn.pipeline.check import training
from churn.pipeline.check.found import STOPS, Found, Row
from churn.sources.contract import Source
from churn.sources.snapshots import moment

VALUE = 8  # bytes of a feature's value on disk: 4 to 9 in feature tables of 7 logs
COPIES = 2  # of the log while it is read: its rows, sorted into usable and not, and what becomes of them
BESIDE = 20e6  # bytes of reports, models and documents a run
IN_MEMORY = 22 * 8  # bytes of a value of the training set while a model is fitted and evaluated (docs/scale.md)
LIBRARIES = 0.4e9  # bytes of a process
CGROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may hold; "max" where nothing is said


def disk_and_memory(found: Found, params: Params, source: Source | None, listed: list | None) -> None:
    """Rows of the table on both; without a source or features only what is free."""
    free, whole = _free(), _memory()
    if source is None or not listed or not isinstance(params.snapshots, Snapshots):
        found.ok("disk", f"{_size(free)} free in the state folder")
        return
    rows = _rows(source, training.snapshots(params))
    log = sum(file.stat().st_size for file in state.path(params.experiment, kept.FOLDER).rglob("*.parquet"))
    made = rows["all"] * len(listed) * VALUE
    disk = COPIES * log + made + rows["last"] * len(listed) * VALUE + BESIDE
    said = f"up to {_size(disk)} (log {_size(COPIES * log)}, features {_size(made)}), {_size(free)} free"
    if free < log:
        found.rows.append(Row("disk", f"{said}: not even a copy of the log fits; make room", STOPS))
    else:
        (found.ok if disk <= free else found.warn)("disk", said)
    known = min(rows["all"] - rows["last"], params.train.max_rows)
    memory = LIBRARIES + known * len(listed) * IN_MEMORY
    said = f"about {_size(memory)} to fit and evaluate {known:,} rows, {_size(whole)} there"
    if memory > whole:
        found.warn("memory", f"{said}: lower train.max_rows ({params.train.max_rows:,})")
    else:
        found.ok("memory", said)


def _rows(source: Source, snapshots: list[str]) -> dict[str, int]:
    """Customers in the feature tables: of all snapshots together, and of the last one."""
    if source.events is None:
        counts = [next(iter(source.tables.values())).count().execute()]
        return {"all": int(counts[0]), "last": int(counts[0]) // max(len(snapshots), 1)}
    signed_up = {t: (source.customers.signup_at < moment(t)).sum() for t in snapshots}
    counted = source.customers.aggregate(**signed_up).execute().loc[0].fillna(0).astype(int)
    return {"all": int(counted.sum()), "last": int(counted[snapshots[-1]])}


def _free() -> int:
    root = state.root()
    return shutil.disk_usage(next(place for place in (root, *root.parents) if place.exists())).free


def _memory() -> int:
    """Bytes that the machine, or the container, has."""
    whole = psutil.virtual_memory().total
    try:
        return min(whole, int(CGROUP.read_text()))
    except (OSError, ValueError):
        return whole


def _size(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
