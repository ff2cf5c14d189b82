"""Where an input's files lie. Nothing is opened and nothing slow imported: a run looks here before anything starts.

Paths of a data section are kept as they are written, with `${NAME}`, and expanded only where files are looked for.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.errors import InvalidData

SUFFIXES = (".csv", ".csv.gz", ".parquet")
VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
SHORTEST = 4  # characters of a text that is worth hiding: a region or a year is not


def files_of(data: dict) -> dict[str, Path]:
    """The files that an input (the data section of a params file) is read from, by their place below a common folder.

    None where the input comes with a package or is simulated. Raises InvalidData for one that is not there.
    """
    with concealed(data):
        files = _files(data)
    folder = os.path.commonpath([file.parent for file in files]) if files else ""
    return {os.path.relpath(file, folder): file for file in files}


def absolute_paths(data: dict) -> dict:
    """The data section with every path absolute, for a kernel may start elsewhere."""
    changed = dict(data)
    if isinstance(data.get("path"), list):
        changed["path"] = [_absolute(p) for p in data["path"]]
    elif "path" in data:
        changed["path"] = _absolute(data["path"])
    if data.get("customers") and data["source"] == "events":
        changed["customers"] = data["customers"] | {"path": _absolute(data["customers"]["path"])}
    return changed


def find(path: str | list[str]) -> list[Path]:
    """The files behind a name, a pattern, a folder or a list of these; sorted, each once. Raises InvalidData."""
    patterns = [path] if isinstance(path, str) else path
    return sorted({file.resolve() for pattern in patterns for file in _files_at(pattern)})


def folders(path: str, snapshots: dict[str, str]) -> dict[str, Path]:
    """Snapshot date: its folder, which lies below `path` or is absolute. Raises InvalidData."""
    return {day: _expand_absolute(path) / _expand(place) for day, place in snapshots.items()}


def find_table(place: Path, table: str) -> Path:
    """The file of a table in a snapshot's folder. Raises InvalidData where there is none, or several."""
    if not place.is_dir():
        raise InvalidData(f"{place}: no such folder; correct data.snapshots or data.path")
    files = tables_named(place, table)
    if len(files) != 1:
        names = ", ".join(f"{table}{suffix}" for suffix in SUFFIXES)
        raise InvalidData(f"{place}: holds {len(files)} of {names}, one is needed; correct the folder or data.tables")
    return files[0]


def tables_named(place: Path, table: str) -> list[Path]:
    """The files in a folder that bear a table's name."""
    return [place / f"{table}{suffix}" for suffix in SUFFIXES if (place / f"{table}{suffix}").is_file()]


@contextmanager
def concealed(data: object) -> Iterator[None]:
    """What goes wrong inside is told in the words of `data`: no value of a variable gets into a notebook or a report.

    The error that is raised has no story of its own (no cause, no context), which might tell. Without variables in
    `data`, nothing changes.
    """
    try:
        yield
    except Exception as error:
        if not (paths := [text for text in _texts(data) if VARIABLE.search(text)]):
            raise
        message = _conceal(str(error), paths)
        if isinstance(error, InvalidData):
            raise InvalidData(message) from None
        raise RuntimeError(f"{type(error).__name__}: {message}") from None


def _files(data: dict) -> list[Path]:
    if data["source"] == "events":
        return [*find(data["path"]), *(find(data["customers"]["path"]) if data.get("customers") else [])]
    if data["source"] == "tables":
        places = folders(data["path"], data["snapshots"]).values()
        labels = [file for place in places for file in tables_named(place, data["labels"]["table"])]
        return [*(find_table(place, name) for place in places for name in data["tables"]), *labels]
    return []


def _files_at(path: str) -> list[Path]:
    place = _expand_absolute(path)
    if place.is_dir():
        inside = (file for file in place.rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))
        files = [file for file in inside if not any(part[0] in "._" for part in file.relative_to(place).parts)]
    else:
        files = [place] if place.is_file() else [Path(name) for name in glob.glob(str(place), recursive=True)]
    if not files:
        raise InvalidData(f"{path}: no such file, or no {', '.join(SUFFIXES)} file in it; correct the path")
    for file in files:
        if not file.name.endswith(SUFFIXES):
            raise InvalidData(f"{file}: files of this kind are not read; give {', '.join(SUFFIXES)}")
    return files


def _absolute(path: str) -> str:
    """A path from the root on, for it may be opened by a process that runs elsewhere; its variables stay."""
    if path.startswith(("${", "~")):  # absolute by their value
        return path
    return os.path.join(os.getcwd(), path) if VARIABLE.search(path) else os.path.abspath(path)


def _expand(path: str) -> Path:
    """What a path means here: `${NAME}` is the environment's, `~` a home folder. Raises InvalidData."""
    for name in VARIABLE.findall(path):
        if not os.environ.get(name):
            raise InvalidData(f"{path}: the environment has no {name}; set it where you start the command")
    try:
        return Path(_with_values(path)).expanduser()
    except RuntimeError:
        raise InvalidData(
            f"{path}: there is no such user, whose home folder it begins with; correct the path"
        ) from None


def _expand_absolute(path: str) -> Path:
    """As `_expand`, of a path that lies below no other. Raises InvalidData also where a value makes it relative."""
    place = _expand(path)
    if path.startswith("${") and not place.is_absolute():
        raise InvalidData(f"{path}: has to be an absolute path, and the value it begins with is not; correct the value")
    return place


def _conceal(text: str, paths: list[str]) -> str:
    """`text` with the beginnings of paths, and single values, as they are written; the longest first."""
    written = {path[: path.rindex("}") + 1] for path in paths} | {v[0] for p in paths for v in VARIABLE.finditer(p)}
    known = {form: part for part in written for form in _forms(part) if len(form) >= SHORTEST}
    for form in sorted(known, key=len, reverse=True):
        text = text.replace(form, known[form])
    return text


def _forms(part: str) -> set[str]:
    """How a part of a path may show up in an error: as it is, from home, and its folder behind links and patterns."""
    value = _with_values(part)
    home = os.path.expanduser(value)
    folder = re.split(r"/[^/]*[*?[]", home)[0]
    return {value, home, os.path.realpath(folder) if part.startswith("${") and os.path.isabs(folder) else value}


def _with_values(text: str) -> str:
    return VARIABLE.sub(lambda variable: os.environ.get(variable[1], ""), text)


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _texts(inner)
