"""Where everything that the project writes lies: `state/` beside the code, or the folder that CHURN_STATE names."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = PROJECT / "notebooks"
HOMES = {  # where libraries write by themselves, as their variables name it
    "IPYTHONDIR": ".ipython",
    "JUPYTER_CONFIG_DIR": ".jupyter",
    "MPLCONFIGDIR": ".matplotlib",
    "XDG_CACHE_HOME": ".cache",
}


def root() -> Path:
    """The state folder, absolute."""
    return Path(os.environ.get("CHURN_STATE") or PROJECT / "state").expanduser().resolve()


def path(*parts: str | Path) -> Path:
    """A path inside the state folder; an absolute part stands for itself."""
    return root().joinpath(*map(str, parts))


def give_libraries_a_home() -> None:
    """Let libraries keep settings and caches in the state folder where the home folder can hold nothing, or is none.

    `~` in a path still means what it meant: a home that cannot be written can be read.
    """
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a user whom the system does not know
        home = root()
        os.environ["HOME"] = str(home)
    if not (home.is_dir() and os.access(home, os.W_OK | os.X_OK)):
        for variable, name in HOMES.items():
            os.environ.setdefault(variable, str(path(name)))


def tracking_uri() -> str:
    """Where MLflow keeps runs and models: MLFLOW_TRACKING_URI, or the SQLite store in the state folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{path('mlflow.db')}"


def lock_database() -> str:
    """The PostgreSQL database that keeps the lock on the registry for many machines: CHURN_LOCK, or MLflow's own store
    where it is one; empty where there is none."""
    return os.environ.get("CHURN_LOCK") or (tracking_uri() if tracking_uri().startswith("postgresql") else "")


def artifacts() -> str:
    """Where MLflow keeps the artifacts of experiments that are made without a server: CHURN_ARTIFACTS, an address or a
    folder, or the folder `artifacts` of the state."""
    given = os.environ.get("CHURN_ARTIFACTS") or str(path("artifacts"))
    return given.rstrip("/") if "://" in given else Path(given).absolute().as_uri()


def restore_command(experiment_id: object) -> str:
    """What a person types to bring a deleted experiment of MLflow's back."""
    ours = tracking_uri().startswith("sqlite:")  # any other store is named in the environment, maybe with a password
    store = f"MLFLOW_TRACKING_URI={shlex.quote(tracking_uri())} " if ours else ""
    program = "mlflow" if shutil.which("mlflow") else shlex.quote(str(Path(sys.executable).with_name("mlflow")))
    return f"{store}{program} experiments restore --experiment-id {experiment_id}"


def file_stat(file: Path) -> tuple[int, int, int] | None:
    """Size, time of change and inode, which tell a file from one written in its place; None where there is none."""
    try:
        stat = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def write_json(target: Path, value: object) -> Path:
    """Write a JSON document; a number that JSON does not know (NaN) is an error."""
    return write_text(target, json.dumps(value, indent=1, allow_nan=False))


def write_text(target: Path, text: str) -> Path:
    """Write a text file in UTF-8, whole or not at all."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def link(source: str | Path, target: str | Path) -> None:
    """The same file in another place, which costs no space where the file system has hard links."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path in the folder of `target`, to write a file or a folder to: it takes the target's place at the
    end, and is gone after a failure. A reader sees the old or the new one, never a part.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary, former = (target.with_name(f".{target.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    _remove(temporary)  # of a killed process that had the same number
    try:
        yield temporary
        if target.is_dir() and temporary.is_dir():  # no rename replaces a folder
            target.replace(former)
        temporary.replace(target)
    finally:
        if former.exists() and not target.exists():  # the second rename failed
            former.replace(target)
        _remove(temporary)
        _remove(former)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a block; afterwards each is as it was."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
