"""The paths of a data section: kept as they are written, with `${NAME}`, and expanded only where files are opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.errors import InvalidData

VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
SHORTEST = 4  # characters of a text that is worth hiding: a region or a year is not


def absolute(path: str) -> str:
    """A path from the root on, for it may be opened by a process that runs elsewhere; its variables stay."""
    if path.startswith(("${", "~")):  # absolute by their value
        return path
    return os.path.join(os.getcwd(), path) if VARIABLE.search(path) else os.path.abspath(path)


def expand(path: str) -> Path:
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


def expand_absolute(path: str) -> Path:
    """As `expand`, of a path that lies below no other. Raises InvalidData also where a value makes it relative."""
    place = expand(path)
    if path.startswith("${") and not place.is_absolute():
        raise InvalidData(f"{path}: has to be an absolute path, and the value it begins with is not; correct the value")
    return place


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
        told = _conceal(str(error), paths)
        if isinstance(error, InvalidData):
            raise InvalidData(told) from None
        raise RuntimeError(f"{type(error).__name__}: {told}") from None


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
    return VARIABLE.sub(lambda found: os.environ.get(found[1], ""), text)


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _texts(inner)
