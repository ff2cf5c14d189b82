"""Score lists: state/<experiment>/scores/<snapshot>/ with `scores.parquet`, the same as `scores.csv`, and `list.json`.

A list is immutable, for it will be held against what came true. Another one of the same snapshot takes its place, and
it moves to superseded/<n>/. `list.json` is written last: a folder without it holds no list.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from churn import engine, state
from churn.scoring.control import CONTACT

ROWS, TEXT, DOCUMENT, SUPERSEDED = "scores.parquet", "scores.csv", "list.json", "superseded"
FILES = (ROWS, TEXT, DOCUMENT)
REASONS = ("reason_1", "reason_2", "reason_3")  # in words, of who is flagged
SHOWN = ["customer_id", "probability", "expected_profit", "decile", "version", "snapshot", *REASONS]
NOBODY = pd.DataFrame(columns=SHOWN)
# What a list follows from: where none of it has changed, the rows are the same to the last bit.
FOLLOWS_FROM = ("version", "level", "features", "economics", "threshold", "control_share", "budget", "seed", "reasons")


@dataclass(frozen=True)
class ScoreList:
    """One list: where it lies, what `list.json` says of it, and whether another one has taken its place."""

    folder: Path
    document: dict
    superseded: bool = False

    @property
    def snapshot(self) -> str:
        """The date as of which its customers were seen."""
        return self.document["snapshot"]

    @property
    def version(self) -> int:
        """The version that scored it."""
        return self.document["version"]

    @property
    def path(self) -> Path:
        """Its rows, as Parquet."""
        return self.folder / ROWS

    def rows(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Its customers, most to gain first; all columns or some."""
        return engine.frame(self.path, columns=columns)

    def portions(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """The same in portions that fit into memory."""
        return engine.frames(self.path, columns=columns)

    def to_contact(self, most: int | None = None) -> pd.DataFrame:
        """Whom to contact, most to gain first: SHOWN; all, or so many."""
        known = [name for name in SHOWN if name not in REASONS or self.document.get("reasons")]  # older lists have none
        chosen = engine.frame(self.path, columns=known, filters=[("group", "==", CONTACT)]).reindex(columns=SHOWN)
        return chosen.head(len(chosen) if most is None else most).reset_index(drop=True)

    def follows_from(self, document: dict) -> bool:
        """Whether a list with such a document would have the same rows."""
        return all(self.document.get(name) == document[name] for name in FOLLOWS_FROM)


def place(experiment: str, snapshot: str) -> Path:
    """The folder of a snapshot's list."""
    return state.path(experiment, "scores", snapshot)


def current(experiment: str, snapshot: str) -> ScoreList | None:
    """The list of a snapshot; None where there is none."""
    return _read(place(experiment, snapshot))


def all_of(experiment: str) -> list[ScoreList]:
    """Every list, by snapshot; those that were superseded before the one that took their place, oldest first."""
    return [found for folder in _folders(experiment) for found in _of_snapshot(folder)]


def latest(experiment: str, before: str | None = None) -> ScoreList | None:
    """The list of the newest snapshot, or of the newest before a date; None where there is none."""
    folders = [folder for folder in _folders(experiment) if before is None or folder.name < before]
    return next((found for folder in reversed(folders) if (found := _read(folder))), None)


def put(made: Path, document: dict) -> ScoreList:
    """Put a list whose rows a folder holds in its place; what was there is superseded. At any moment a killed process
    leaves the old list, the new one, or the old one among the superseded."""
    folder = place(document["experiment"], document["snapshot"])
    _supersede(folder)
    for name in (ROWS, TEXT):
        os.replace(made / name, folder / name)
    state.write_json(folder / DOCUMENT, document)
    return ScoreList(folder, document)


def _supersede(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (old := _read(folder)):
        return
    former = _superseded(folder)
    if not former or former[-1].document != old.document:  # else a process was killed right after this
        with state.replacing(folder / SUPERSEDED / str(len(former) + 1)) as temporary:
            temporary.mkdir()
            for name in FILES:
                state.link(folder / name, temporary / name)
    (folder / DOCUMENT).unlink()


def _of_snapshot(folder: Path) -> list[ScoreList]:
    now, former = _read(folder), _superseded(folder)
    if now and former and former[-1].document == now.document:
        former.pop()
    return [*former, now] if now else former


def _superseded(folder: Path) -> list[ScoreList]:
    numbered = sorted((f for f in (folder / SUPERSEDED).glob("*") if f.name.isdecimal()), key=lambda f: int(f.name))
    return [found for f in numbered if (found := _read(f, superseded=True))]


def _folders(experiment: str) -> list[Path]:
    return sorted(folder for folder in state.path(experiment, "scores").glob("[0-9]*"))


def _read(folder: Path, *, superseded: bool = False) -> ScoreList | None:
    try:
        return ScoreList(folder, json.loads((folder / DOCUMENT).read_text()), superseded)
    except (FileNotFoundError, NotADirectoryError):
        return None
