"""What is forgotten of people: answers of the API that are older than one wants to keep, and all of one customer.

The prediction log and the lists hold ids, and the log the features that a score was computed from.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from churn import state
from churn.errors import InvalidParams
from churn.features.online import places

ANSWERS = ("predictions", "refusals")
LISTS, REPLAY, LOG = "scores", "replay", "log"


@dataclass(frozen=True)
class Removed:
    """So many rows in so many files of one kind, or what would be removed."""

    what: str
    rows: int
    files: int
    bytes: int


def days_of(text: str) -> int:
    """`365d`, or a bare number of days. Raises InvalidParams."""
    number = text.strip().lower().removesuffix("d")
    if not number.isdigit():
        raise InvalidParams(f"{text!r} is no number of days: say so many whole ones, as in 365d")
    return int(number)


def answers_older_than(experiment: str, days: int, *, today: date | None = None, plan: bool) -> list[Removed]:
    """Remove the answers and refusals of all days that are longer ago; with `plan` only say which."""
    first = f"{(today or datetime.now(UTC).date()) - timedelta(days=days)}"
    return [_remove_days(experiment, kind, first, plan=plan) for kind in ANSWERS]


def customer(experiment: str, customer_id: str, *, plan: bool) -> list[Removed]:
    """Remove a customer from the answers, the refusals, the lists and from what is online; with `plan` only say where
    they are."""
    rewritten = [_erase(experiment, kind, customer_id, plan=plan) for kind in (*ANSWERS, LISTS)]
    held = places.of_experiment(experiment).erase(customer_id, plan=plan)
    whole = [(REPLAY, "log/*.parquet"), (LOG, "*/**/*.parquet")]
    gone = [told for kind, logs in whole for told in _forget_whole(experiment, kind, logs, customer_id, plan=plan)]
    return [*rewritten, Removed("online", held, 0, 0), *gone]


def _forget_whole(experiment: str, kind: str, logs: str, customer_id: str, *, plan: bool) -> list[Removed]:
    """A replay holds the log and hundreds of lists, and what `churn check` keeps is the log: both are made again by one
    command, and go as a whole."""
    home = state.path(experiment, kind)
    if not (rows := sum(_rows_of(file, customer_id) for file in home.glob(logs))):
        return []
    files = [file for file in home.rglob("*") if file.is_file()]
    told = Removed(kind, rows, len(files), _bytes(files))
    if not plan:
        shutil.rmtree(home)
    return [told]


def _remove_days(experiment: str, kind: str, first: str, *, plan: bool) -> Removed:
    home = state.path(experiment, kind)
    old = sorted(day for day in home.glob("[0-9]*") if day.is_dir() and day.name < first)
    files = [file for day in old for file in day.glob("[!.]*.parquet")]
    told = Removed(kind, sum(pq.read_metadata(f).num_rows for f in files), len(files), _bytes(files))
    if not plan:
        for day in old:
            day.rename(day.with_name(f".{day.name}.gone"))  # at once: nobody reads a part of a day
        for gone in home.glob(".*.gone"):  # of a process that was killed, too
            shutil.rmtree(gone)
    return told


def _erase(experiment: str, kind: str, customer_id: str, *, plan: bool) -> Removed:
    """Write each file that names the customer anew, without them."""
    rows, touched = 0, []
    for file in _files(state.path(experiment, kind)):
        if found := _rows_of(file, customer_id):
            rows, touched = rows + found, [*touched, file]
            if not plan:
                _without(file, customer_id)
    return Removed(kind, rows, len(touched), _bytes(touched))


def _files(home: Path) -> Iterator[Path]:
    every = sorted(home.rglob("*.parquet"))
    return (file for file in every if not any(part.startswith(".") for part in file.relative_to(home).parts))


def _bytes(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _rows_of(file: Path, customer_id: str) -> int:
    if "customer_id" not in pq.read_schema(file).names:  # rows that could not be used
        return 0
    held = pq.read_table(file, columns=["customer_id"], partitioning=None)["customer_id"]
    return pc.sum(pc.equal(held.cast(pa.string()), customer_id)).as_py() or 0


def _without(file: Path, customer_id: str) -> None:
    """Without the customer; a list's text is written with it, and its document says that somebody is gone."""
    table = pq.read_table(file, partitioning=None)
    kept = table.filter(pc.not_equal(table["customer_id"].cast(pa.string()), customer_id))
    if (text := file.with_suffix(".csv")).exists():
        with state.replacing(text) as temporary:
            pyarrow.csv.write_csv(kept, temporary)
    if (told := file.with_name("list.json")).exists():
        held = json.loads(told.read_text())
        state.write_json(told, held | {"erased": held.get("erased", 0) + 1})
    with state.replacing(file) as temporary:  # last: until then the same command begins anew
        pq.write_table(kept.replace_schema_metadata(table.schema.metadata), temporary)
