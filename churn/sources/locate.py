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
from churn.sources.databases import address

ENDINGS = {
    "csv": (".csv", ".tsv", ".txt"),
    "json": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet", ".pq"),
    "workbook": (".xlsx", ".xlsm", ".xls", ".ods"),
}
SEPARATORS = ",;\t|"  # of the columns of CSV, the likelier first
TEXT_KINDS = ("csv", "json")
ZIPPED = ".zip"
PACKED = (".gz", ".zst", ZIPPED)  # of text
READ = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
OTHER_DATA = {".avro", ".orc", ".feather", ".arrow", ".dat", ".data", ".sav", ".dta", ".rds", ".pkl", ".db", ".sqlite",
              ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".zip", ".gz", ".zst", ".xml", ".sql"}  # fmt: skip
LOOKED_AT = 8192  # bytes of a file with an ending that says nothing
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
    if data.get("path"):
        changed["path"] = _absolute_all(data["path"])
    if data["source"] == "database" and (file := re.match("(sqlite[^:]*:///)(.+)", data["url"])):
        changed["url"] = file[1] + _absolute(file[2])
    if data["source"] == "events":
        for name in ("inputs", "customers"):
            if data.get(name):
                tables = data[name] if name == "inputs" else [data[name]]
                placed = [table | {"path": _absolute_all(table["path"])} for table in tables]
                changed[name] = placed if name == "inputs" else placed[0]
    return changed


def value_of(text: str) -> str:
    """A text with the values that its variables have here. Raises InvalidData where the environment has none."""
    for name in VARIABLE.findall(text):
        if not os.environ.get(name):
            raise InvalidData(f"{text}: the environment has no {name}; set it where you start the command")
    return _with_values(text)


def find(path: str | list[str]) -> list[Path]:
    """The files behind a name, a pattern, a folder or a list of these; sorted, each once. Raises InvalidData."""
    patterns = [path] if isinstance(path, str) else path
    by_content = {file.resolve(): Path(os.path.abspath(file)) for pattern in patterns for file in _files_at(pattern)}
    return sorted(by_content.values())  # a link keeps its name: it tells the kind


def folders(path: str, snapshots: dict[str, str]) -> dict[str, Path]:
    """Snapshot date: its folder, which lies below `path` or is absolute. Raises InvalidData."""
    return {day: _expand_absolute(path) / _expand(place) for day, place in snapshots.items()}


def find_table(place: Path, table: str) -> Path:
    """The file of a table in a snapshot's folder. Raises InvalidData where there is none, or several."""
    files = tables_named(place, table)
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise InvalidData(
            f"{place}: one file named {table} is needed ({READ}), found {found}; correct the folder or data.tables"
        )
    return files[0]


def tables_named(place: Path, table: str) -> list[Path]:
    """The files in a folder that bear a table's name. Raises InvalidData where there is no such folder."""
    if not place.is_dir():
        raise InvalidData(f"{place}: no such folder; correct data.snapshots or data.path")
    return sorted(file for file in place.iterdir() if file.is_file() and kind_of(file) and _stem(file) == table)


def kind_of(file: Path) -> str | None:
    """csv, json, parquet or workbook by the ending of the name, in capitals or not; None for any other."""
    name = file.name.lower()
    ends = packing(file)
    kinds = {ending: kind for kind, endings in ENDINGS.items() for ending in endings}
    kind = kinds.get(os.path.splitext(name.removesuffix(ends))[1])
    return kind if not ends or kind in TEXT_KINDS else None


def packing(file: Path) -> str:
    """`.gz`, `.zst` or `.zip` where a file ends so, in capitals or not; else nothing."""
    ending = file.suffix.lower()
    return ending if ending in PACKED else ""


def pattern_of(file: Path) -> str:
    """The name of a file for the engine, which would take brackets and stars in it for a pattern."""
    return glob.escape(str(file))


def passed_over(path: str | list[str]) -> list[Path]:
    """The files in the folders of an input that are not read, sorted: hidden ones, and those that are no data."""
    places = [_expand_absolute(p) for p in ([path] if isinstance(path, str) else path)]
    return sorted({file.resolve() for place in places if place.is_dir() for file in _inside(place)[1]})


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
        if isinstance(data, dict) and data.get("url") in paths:
            message = _conceal_parts(message, data)
        if isinstance(error, InvalidData):
            raise InvalidData(message) from None
        raise RuntimeError(f"{type(error).__name__}: {message}") from None


def _files(data: dict) -> list[Path]:
    if data["source"] == "events":
        tables = [*(data.get("inputs") or [data]), *([data["customers"]] if data.get("customers") else [])]
        return [file for table in tables for file in find(table["path"])]
    if data["source"] == "tables":
        places = folders(data["path"], data["snapshots"]).values()
        labels = [file for place in places for file in tables_named(place, data["labels"]["table"])]
        return [*(find_table(place, name) for place in places for name in data["tables"]), *labels]
    if data["source"] == "database":  # no file: refused is only what can be told from the url
        address.kind_of(value_of(data["url"]), shown=data["url"])
    return []


def _files_at(path: str) -> list[Path]:
    place = _expand_absolute(path)
    if place.is_dir():
        files, others = _inside(place)
        if odd := [file for file in others if _looks_like_data(file, place)]:
            shown = ", ".join(str(file.relative_to(place)) for file in odd[:3])
            raise InvalidData(
                f"{path}: {shown} looks like data but is not read (read are {READ}, text also as .gz, .zst, .zip); "
                "take it out of the folder, or name the files by a pattern"
            )
    else:
        files = [place] if place.is_file() else [Path(name) for name in glob.glob(str(place), recursive=True)]
        files = [file for file in files if file.is_file()]
    if not files:
        raise InvalidData(
            f"{path}: no such file, or no file in it that is read ({READ}){_literally(place)}; correct the path"
        )
    if odd := [file for file in files if not kind_of(file)]:
        raise InvalidData(f"{odd[0]}: files of this kind are not read; give {READ}, text also as .gz, .zst, .zip")
    return files


def _inside(place: Path) -> tuple[list[Path], list[Path]]:
    """The files below a folder: those that are read, and those that are not."""
    found = sorted(file for file in place.rglob("*") if file.is_file())
    read = [file for file in found if kind_of(file) and ".txt" not in file.suffixes and not _hidden(file, place)]
    return read, sorted({*found} - {*read})


def _hidden(file: Path, place: Path) -> bool:
    return any(part[0] in "._" for part in file.relative_to(place).parts)


def _looks_like_data(file: Path, place: Path) -> bool:
    """Whether a file that is not read may be one that was meant: by a part of its name, or lines of a table in it."""
    inside = file.relative_to(place)  # the folders above may be hidden
    if not file.stat().st_size or file.suffix == ".crc" or any(part.startswith(".") for part in inside.parts):
        return False
    endings = {ending for kind in ENDINGS.values() for ending in kind} - {".txt", ".json"} | OTHER_DATA
    if {suffix.split(" ")[0] for suffix in map(str.lower, file.suffixes)} & endings or "_delta_log" in file.parts:
        return True
    with open(file, "rb") as stream:
        lines = stream.read(LOOKED_AT).splitlines()[:-1][:5]
    counts = [{line.count(mark) for line in lines} for mark in map(str.encode, SEPARATORS)]
    return len(lines) > 1 and any(len(count) == 1 and min(count) > 0 for count in counts)


def _stem(file: Path) -> str:
    name = file.name[: len(file.name) - len(packing(file))]
    return os.path.splitext(name)[0]


def _literally(place: Path) -> str:
    return " ([, ? and * in a path are a pattern; [[] stands for a bracket)" if set("[?*") & set(str(place)) else ""


def _absolute_all(path: str | list[str]) -> str | list[str]:
    return [_absolute(one) for one in path] if isinstance(path, list) else _absolute(path)


def _absolute(path: str) -> str:
    """A path from the root on, for it may be opened by a process that runs elsewhere; its variables stay."""
    if path.startswith(("${", "~")):  # absolute by their value
        return path
    return os.path.join(os.getcwd(), path) if VARIABLE.search(path) else os.path.abspath(path)


def _expand(path: str) -> Path:
    """What a path means here: `${NAME}` is the environment's, `~` a home folder. Raises InvalidData."""
    value = value_of(path)
    try:
        return Path(value).expanduser()
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


def _conceal_parts(text: str, data: dict) -> str:
    """`text` without what the url of a database tells; a name that the data section shows anyhow is none to hide."""
    url, shown = _with_values(data["url"]), set(re.findall(r"\w+", " ".join(_texts(data))))
    passwords = sorted(address.passwords(url), key=len, reverse=True)
    names = sorted(address.names(url) - shown, key=len, reverse=True)
    inside = [re.escape(part) for part in [data["url"], *passwords] if len(part) >= SHORTEST]
    alone = [rf"(?<!\w){re.escape(part)}(?!\w)" for part in [*passwords, *names]]
    return re.sub("|".join(inside + alone), lambda _: data["url"], text)


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
