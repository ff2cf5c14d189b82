"""A copy of the state folder in one file, as of one moment, and the way back into an empty one.

In the file: everything but what is made again by itself. Its first member says what it is, its last that it is whole.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from churn import state
from churn.errors import UserError, first_line
from churn.pipeline import launch
from churn.registry.locks import file as file_lock

HEAD, END, CONTENT = "backup.json", "whole.json", "state"
FORMAT = 1
DATABASE = "mlflow.db"
OF_ALL = ("artifacts", "runs", "spill")  # folders of the state that are no experiment's
AGAIN = ("cache", "spill")  # folders whose content is made again by itself
PASSED_OVER = re.compile(
    r"^\.|\.lock$|\.owner\.json$|-(wal|shm|journal)$"
)  # temporary files, locks, homes of libraries
SECONDS = 30  # that a decision may take which is under way
WORK = ".restoring"  # folder within the state, until all that the backup holds is in its place


def make(out: str) -> dict:
    """Write the backup, whole or not at all: file, bytes, files, experiments, and what is not in it (`without`).

    Nothing runs or decides meanwhile. Raises UserError for a name that will not do, and ChurnError while a run is under
    way.
    """
    root, target = state.root(), Path(out).expanduser().absolute()
    if target.suffix != ".tar" or target.is_dir():
        raise UserError(f"--out {out}: a backup is a .tar file; name one that ends so")
    if target.is_relative_to(root):
        raise UserError(f"--out {out}: it lies in the state folder {root}, which it is a copy of; name another place")
    if not _experiments(root):
        raise UserError(
            f"there is no state to keep in {root}; run the pipeline first, or say where it is (CHURN_STATE)"
        )
    told = {"format": FORMAT, "made": f"{datetime.now(UTC):%FT%TZ}", "state": str(root),
            "experiments": _experiments(root), "without": _elsewhere()}  # fmt: skip
    with ExitStack() as held:
        for experiment in told["experiments"]:
            held.enter_context(launch.only_one(experiment))
            held.enter_context(file_lock.hold(experiment, seconds=SECONDS))
        with state.replacing(target) as temporary:
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))  # it holds ids and what is known of people
            count = _write(root, temporary, told)
            size = temporary.stat().st_size
    return told | {"out": str(target), "files": count, "bytes": size}


def restore(given: str) -> dict:
    """Put a backup into the state folder, which is empty: what the backup says of itself, and where it lies now.

    A process that is killed leaves what the same command finishes. Raises UserError for a file that is no backup or not
    whole, and for a folder that is not empty.
    """
    root, source = state.root(), Path(given).expanduser().absolute()
    work, whole = root / WORK, root / WORK / END
    if not whole.exists():
        if there := [path.name for path in _kept_in(root)]:
            raise UserError(
                f"the state folder {root} is not empty ({', '.join(sorted(there)[:3])}): a backup goes into an empty "
                "one; name another in CHURN_STATE, or move what is there away"
            )
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        told = _extract(source, work)
        _lead_to(work / CONTENT / DATABASE, told["state"], str(root))
        state.write_json(whole, told)
    told = json.loads(whole.read_text())
    for path in sorted((work / CONTENT).iterdir()):
        path.replace(root / path.name)
    shutil.rmtree(work)
    return told | {"restored": str(root)}


def _experiments(root: Path) -> list[str]:
    return sorted(path.name for path in _kept_in(root) if path.is_dir() and path.name not in OF_ALL)


def _elsewhere() -> list[str]:
    """What a backup of the state folder does not hold, and where it lies."""
    found = []
    if not state.tracking_uri().startswith("sqlite:"):
        found.append("runs, models and decisions: they lie behind MLFLOW_TRACKING_URI; keep its database and artifacts")
    if os.environ.get("CHURN_REDIS"):
        found.append("the features online (CHURN_REDIS) and their definitions (CHURN_FEAST_REGISTRY): the next run of "
                     "the pipeline puts them back")  # fmt: skip
    return found


def _kept_in(folder: Path) -> Iterator[Path]:
    """What of a folder belongs into a backup; a state folder without it counts as empty."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return (path for path in entries if not PASSED_OVER.search(path.name) and path.name != "lost+found")


def _members(root: Path, folder: Path) -> Iterator[Path]:
    """The files to keep, below a folder of the state; of an experiment not what is made again by itself."""
    for path in sorted(_kept_in(folder)):
        if path.is_dir() and not path.is_symlink():
            if not (path.name in AGAIN and path.parent.parent in (root, root.parent)):
                yield from _members(root, path)
        elif path.is_file():
            yield path


def _write(root: Path, target: Path, told: dict) -> int:
    count = 0
    with tarfile.open(target, "w") as tar:
        _add_text(tar, HEAD, told)
        for path in _members(root, root):
            name = f"{CONTENT}/{path.relative_to(root)}"
            if path == root / DATABASE:
                _add_database(tar, path, name, beside=target)
            else:
                tar.add(path, name)
            count += 1
        _add_text(tar, END, {"files": count})
    return count


def _add_text(tar: tarfile.TarFile, name: str, value: dict) -> None:
    text = json.dumps(value).encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(text), 0o600
    tar.addfile(member, io.BytesIO(text))


def _add_database(tar: tarfile.TarFile, path: Path, name: str, *, beside: Path) -> None:
    """A database that others may be writing: SQLite copies it as of one moment."""
    with state.replacing(beside.with_name(f"{beside.name}.db")) as copy, closing(sqlite3.connect(copy)) as into:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as con:
            con.backup(into)
        tar.add(copy, name)
    beside.with_name(f"{beside.name}.db").unlink()


def _extract(source: Path, work: Path) -> dict:
    """Unpack, and see that it is all there; what the backup says of itself."""
    try:
        with tarfile.open(source) as tar:
            first = tar.next()
            if first is None or first.name != HEAD:
                raise UserError(f"{source} is no backup of this project: it does not begin with {HEAD}")
            tar.extractall(work, filter="data")
        told, end = (json.loads((work / name).read_text()) for name in (HEAD, f"{END}"))
    except FileNotFoundError as error:
        why = (
            "there is no such file" if Path(error.filename or "") == source else "it is cut off, for its end is missing"
        )
        raise UserError(f"{source}: {why}; name a file that `churn backup` has written") from None
    except (tarfile.TarError, EOFError, IsADirectoryError, ValueError) as error:
        raise UserError(f"{source} cannot be read as a backup: {first_line(error)}; name another") from None
    (work / END).unlink()  # until the database leads here
    found = sum(path.is_file() for path in (work / CONTENT).rglob("*"))
    if told["format"] != FORMAT or found != end["files"]:
        raise UserError(
            f"{source}: {end['files']} files of format {FORMAT} are meant to be in it; found {found} of format "
            f"{told['format']}; name another"
        )
    return told


# Where MLflow keeps the places of artifacts, as addresses of files.
PLACES = {"experiments": ["artifact_location"], "runs": ["artifact_uri"], "logged_models": ["artifact_location"],
          "model_versions": ["storage_location", "source"]}  # fmt: skip


def _lead_to(database: Path, before: str, now: str) -> None:
    """Let a database name artifacts where they lie now."""
    if not database.exists() or before == now:
        return
    with closing(sqlite3.connect(database)) as con:
        for table, columns in PLACES.items():
            for column in columns:
                for old, new in ((Path(before).as_uri(), Path(now).as_uri()), (before, now)):
                    con.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                        (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/"),
                    )
        con.commit()
