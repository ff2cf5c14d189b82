"""What is known of an input, kept for as long as neither its files nor the data section change: how the files are
written, the log's first and last day, what its checks find, and the log itself as it was read.

The rows of a database may change unseen: of it nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn import state
from churn.sources import locate

if TYPE_CHECKING:
    import pandas as pd

    from churn.params.schema import Params
    from churn.sources.contract import Source

FOLDER = "log"  # of an experiment
KEPT = "kept.json"


def found_out(
    experiment: str, name: str, data: dict, find: Callable[[], Any], *, also: Any = None, remember: bool = True
) -> Any:
    """What `find` finds in the input, a JSON value, or what it found before; kept where it is to be remembered.

    `also`: what it depends on beside the input, a JSON value.
    """
    known, seen = state.path(experiment, FOLDER, f"{name}.json"), _seen(data, also)
    before = _document(known)
    if before.get("seen") == seen:
        return before["found"]
    found = find()
    if remember and data["source"] != "database":
        state.write_json(known, {"seen": seen, "found": found})
    return found


def span(experiment: str, data: dict, *, remember: bool = True) -> tuple[date, date]:
    """The days on which the first and the last event of a log were known. Raises InvalidData."""

    def find() -> list[str]:
        from churn import engine  # Ibis and DuckDB: only where something is found out
        from churn.sources import inputs

        return list(map(str, inputs.span(engine.embedded(), data)))

    begins, ends = map(date.fromisoformat, found_out(experiment, "span", data, find, remember=remember))
    return begins, ends


def staged(params: Params, *, tell: Callable[[str], None] = lambda text: None) -> Source:
    """The input of a params file by the data contract, read into `state/<experiment>/log/` or as it was read before.

    Nothing from its `snapshots.as_of` on is in it, where the log reaches that far. DuckDB holds its tables, whatever
    the engine is. `tell` is told that files are read, for it may take a while. Raises InvalidData, as a run does.
    """
    from churn import engine
    from churn.sources import contract

    data = _input(params)
    as_of = _cut(params, data)
    place = state.path(params.experiment, FOLDER, "cut") if as_of else whole(params.experiment)
    seen = _seen(data, [as_of, _code()])
    if _document(place / KEPT).get("seen") != seen or data["source"] == "database":
        _read(data, as_of, place, seen, tell)
    return contract.kept(engine.embedded(), place)


def keep(params: Params, read: Path, *, begins: date, ends: date) -> Path:
    """Take a whole log that was read into a folder as that of a params file, to be found by `staged`, and the days of
    its first and last event; where it is."""
    place = whole(params.experiment)
    found_out(params.experiment, "span", _input(params), lambda: [str(begins), str(ends)])
    state.write_json(read / KEPT, {"seen": _seen(_input(params), ["", _code()])})
    with state.replacing(place) as temporary:
        shutil.copytree(read, temporary, dirs_exist_ok=True)
    return place


def whole(experiment: str) -> Path:
    """Where the whole log of an experiment is kept."""
    return state.path(experiment, FOLDER, "whole")


def of_staged(params: Params, name: str, find: Callable[[], Any], *, also: Any = None) -> Any:
    """What `find` finds in the log that `staged` gives, a JSON value, or what it found before in the same log."""
    data = _input(params)
    if data["source"] == "database":  # nor is it asked for its ends once more
        return find()
    return found_out(params.experiment, name, data, find, also=[also, _cut(params, data), _code()])


def table_of_staged(params: Params, name: str, find: Callable[[], pd.DataFrame], *, also: Any = None) -> pd.DataFrame:
    """The same of a table; those of several values of `also` are kept beside each other."""
    from churn import engine

    name = f"{name}-{hashlib.sha256(json.dumps(also).encode()).hexdigest()[:8]}"
    file, made = state.path(params.experiment, FOLDER, f"{name}.parquet"), []

    def write() -> list[int]:
        made.append(find())
        engine.frame_to_parquet(made[0], file)
        return list(state.file_stat(file))

    if of_staged(params, name, write, also=also) == list(state.file_stat(file) or ()):
        return made[0] if made else engine.frame(file)
    return find()  # it is another's


def _input(params: Params) -> dict:
    return locate.absolute_paths(params.data.model_dump(mode="json", exclude_none=True))


def _cut(params: Params, data: dict) -> str:
    """The day from which on nothing is seen; "" where the log ends before it does."""
    as_of = getattr(params.snapshots, "as_of", None)
    if as_of is None or (data["source"] != "tables" and span(params.experiment, data)[1] < as_of):
        return ""
    return str(as_of)


def _read(data: dict, as_of: str, place: Path, seen: str, tell: Callable[[str], None]) -> None:
    from churn import engine
    from churn.sources import inputs

    tell("reading the input")
    with state.replacing(place) as temporary:
        inputs.read(engine.embedded(), data, temporary, as_of=as_of)
        state.write_json(temporary / KEPT, {"seen": seen})


@cache
def _code() -> str:
    """A digest of the code that reads and looks."""
    files = sorted((state.PROJECT / "churn").rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _document(file: Path) -> dict:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _seen(data: dict, also: Any) -> str:
    """A digest of the input's files, of what is said of them and of what else matters; where they lie may be a
    secret."""
    stats = sorted((str(file), state.file_stat(file)) for file in locate.files_of(data).values())
    return hashlib.sha256(json.dumps([data, stats, also]).encode()).hexdigest()
