"""Where an input's files lie. Nothing is opened and nothing slow imported: a run looks here before anything starts."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from churn.errors import InvalidData
from churn.sources import paths

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def files_of(data: dict) -> dict[str, Path]:
    """The files that an input (the data section of a params file) is read from, by their place below a common folder.

    None where the input comes with a package or is simulated. Raises InvalidData for one that is not there.
    """
    with paths.concealed(data):
        found = _files(data)
    folder = os.path.commonpath([file.parent for file in found]) if found else ""
    return {os.path.relpath(file, folder): file for file in found}


def absolute_paths(data: dict) -> dict:
    """The data section with every path absolute, for a kernel may start elsewhere."""
    made = dict(data)
    if isinstance(data.get("path"), list):
        made["path"] = [paths.absolute(p) for p in data["path"]]
    elif "path" in data:
        made["path"] = paths.absolute(data["path"])
    if data.get("customers") and data["source"] == "events":
        made["customers"] = data["customers"] | {"path": paths.absolute(data["customers"]["path"])}
    return made


def find(path: str | list[str]) -> list[Path]:
    """The files behind a name, a pattern, a folder or a list of these; sorted, each once. Raises InvalidData."""
    several = [path] if isinstance(path, str) else path
    return sorted({file.resolve() for one in several for file in _expand(one)})


def folders(path: str, snapshots: dict[str, str]) -> dict[str, Path]:
    """Snapshot date: its folder, which lies below `path` or is absolute. Raises InvalidData."""
    return {day: paths.expand_absolute(path) / paths.expand(place) for day, place in snapshots.items()}


def find_table(place: Path, table: str) -> Path:
    """The file of a table in a snapshot's folder. Raises InvalidData where there is none, or several."""
    if not place.is_dir():
        raise InvalidData(f"{place}: no such folder; correct data.snapshots or data.path")
    found = tables_named(place, table)
    if len(found) != 1:
        names = ", ".join(f"{table}{suffix}" for suffix in SUFFIXES)
        raise InvalidData(f"{place}: holds {len(found)} of {names}, one is needed; correct the folder or data.tables")
    return found[0]


def tables_named(place: Path, table: str) -> list[Path]:
    """The files in a folder that bear a table's name."""
    return [place / f"{table}{suffix}" for suffix in SUFFIXES if (place / f"{table}{suffix}").is_file()]


def _files(data: dict) -> list[Path]:
    if data["source"] == "events":
        return [*find(data["path"]), *(find(data["customers"]["path"]) if data.get("customers") else [])]
    if data["source"] == "tables":
        places = folders(data["path"], data["snapshots"]).values()
        labels = [file for place in places for file in tables_named(place, data["labels"]["table"])]
        return [*(find_table(place, name) for place in places for name in data["tables"]), *labels]
    return []


def _expand(path: str) -> list[Path]:
    place = paths.expand_absolute(path)
    if place.is_dir():
        inside = (file for file in place.rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))
        found = [file for file in inside if not any(part[0] in "._" for part in file.relative_to(place).parts)]
    else:
        found = [place] if place.is_file() else [Path(name) for name in glob.glob(str(place), recursive=True)]
    if not found:
        raise InvalidData(f"{path}: no such file, or no {', '.join(SUFFIXES)} file in it; correct the path")
    for file in found:
        if not file.name.endswith(SUFFIXES):
            raise InvalidData(f"{file}: files of this kind are not read; give {', '.join(SUFFIXES)}")
    return found
