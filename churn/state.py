"""Where everything that the project writes lies: `state/` beside the code, or the folder that CHURN_STATE names."""

from __future__ import annotations

import json
import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = PROJECT / "notebooks"


def root() -> Path:
    """The state folder, absolute."""
    return Path(os.environ.get("CHURN_STATE") or PROJECT / "state").expanduser().resolve()


def path(*parts: str | Path) -> Path:
    """A path inside the state folder; an absolute part stands for itself."""
    return root().joinpath(*map(str, parts))


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
    """Write a text file beside its place, then rename: a reader sees the old or the new one, never a part."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8")
    return beside.replace(target)
