"""Finished stages by their key: what they glued, wrote and logged, so that an unchanged stage need not run again.

An entry is a folder, put in place by one rename when its stage has finished. Its files are hard links: whatever a stage
writes is renamed into place and never changed after, so an entry costs no space until its stage writes anew.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from churn import state
from churn.pipeline import cache_key

# What each stage writes into the experiment's folder, for the stages after it. Promote writes into the registry alone,
# and the lists that score makes stay where they are.
WRITES = {
    "features": ("source", "features"), "monitor": (), "train": ("training",), "evaluate": ("evaluation",),
    "score": (),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A finished stage. `files`: path in the entry -> size and time of change, by which damage is seen."""

    stage: str
    run_id: str
    finished: float  # seconds since 1970
    seconds: float
    ingredients: dict[str, str]
    glued: dict
    logged: dict = field(default_factory=dict)
    files: dict[str, list[int]] = field(default_factory=dict)


def folder(experiment: str, stage: str, key: str) -> Path:
    """Where an entry lies."""
    return state.path(experiment, "cache", stage, key)


def find(experiment: str, stage: str, key: str) -> Entry | None:
    """The entry of a key; None where there is none, or where its files are not those that were kept."""
    place = folder(experiment, stage, key)
    entry = _read(place)
    whole = entry and all(_stat(place / name) == stat for name, stat in entry.files.items())
    return entry if whole else None


def newest(experiment: str, stage: str) -> Entry | None:
    """The entry of a stage that finished last, to say what has changed since."""
    kept = [entry for _, entry in entries(experiment) if entry.stage == stage]
    return max(kept, key=lambda entry: entry.finished, default=None)


def keep(experiment: str, entry: Entry, *, also: dict[str, Path]) -> None:
    """Keep a stage that has just finished. `also`: path in the entry -> file or folder, beside what the stage wrote."""
    place = folder(experiment, entry.stage, cache_key.key(entry.ingredients))
    with state.replacing(place) as temporary:  # an entry that is there already may be damaged
        for name in WRITES[entry.stage]:
            _link_tree(state.path(experiment, name), temporary / "files" / name)
        for name, source in also.items():
            _link_tree(source, temporary / name)
        kept = {str(path.relative_to(temporary)): _stat(path) for path in _files(temporary)}
        state.write_json(temporary / "entry.json", asdict(entry) | {"files": kept})


def restore(experiment: str, stage: str, key: str) -> None:
    """Put what a stage wrote back into its place; another run may have put its own there since."""
    place = folder(experiment, stage, key)
    for name in WRITES[stage]:
        _mirror(place / "files" / name, state.path(experiment, name))
    os.utime(place)  # when it was used last, for `prune`


def entries(experiment: str) -> Iterator[tuple[Path, Entry]]:
    """Every entry with its folder, by stage."""
    for stage in WRITES:
        for place in sorted(state.path(experiment, "cache", stage).glob("[!.]*")):
            if entry := _read(place):
                yield place, entry


def overview(experiment: str) -> list[dict]:
    """Every entry, newest first: stage, key, run, finished and used (seconds since 1970), size in bytes."""
    listed = [
        {"stage": e.stage, "key": place.name, "run": e.run_id, "finished": e.finished, "used": place.stat().st_mtime,
         "bytes": sum(path.stat().st_size for path in _files(place))}
        for place, e in entries(experiment)
    ]  # fmt: skip
    return sorted(listed, key=lambda e: -e["finished"])


def prune(experiment: str, *, unused_days: float) -> list[str]:
    """Remove what was not used for so many days, and what killed processes left; returns the removed keys."""
    limit = time.time() - unused_days * 86_400
    old = [place for place, _ in entries(experiment) if place.stat().st_mtime <= limit]
    for place in (*old, *state.path(experiment, "cache").glob("*/.*")):
        shutil.rmtree(place)
    return [place.name for place in old]


def _read(place: Path) -> Entry | None:
    try:
        return Entry(**json.loads((place / "entry.json").read_text()))
    except (OSError, ValueError, TypeError):  # none, cut short, or of another version of this program
        return None


def _stat(path: Path) -> list[int] | None:
    """Size and time of change, by which damage is seen; a copy has another inode."""
    stat = state.file_stat(path)
    return stat and list(stat[:2])


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


def _link_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(
            source, target, copy_function=state.link, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True
        )
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        state.link(source, target)


def _mirror(kept: Path, place: Path) -> None:
    """Make a folder hold the kept files and no others."""
    wanted = {path.relative_to(kept) for path in _files(kept)}
    for name in sorted(wanted):
        if _stat(place / name) != _stat(kept / name):
            with state.replacing(place / name) as temporary:
                state.link(kept / name, temporary)
    for path in _files(place):
        if path.relative_to(place) not in wanted:
            path.unlink()
    for left in sorted((p for p in place.glob("*") if p.is_dir() and not any(_files(p))), reverse=True):
        shutil.rmtree(left)
