"""What a stage's result depends on, part by part: two runs with equal parts would compute the same again.

Cosmetic changes are no parts: outputs, blank lines and trailing spaces of a notebook; comments, layout and docstrings
of a module; modules that the stage does not use; where a run's reports lie.
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from churn import state

PACKAGE = state.PROJECT / "churn"
OF_THE_RUN = ("run_id",)  # parameters that say where to log, not what to compute


def parts(stage: str, parameters: dict, *, upstream: dict[str, str], inputs: dict[str, Path]) -> dict[str, str]:
    """Name -> digest or value of everything that the result of a stage depends on.

    `upstream`: stage -> key of the stages before it; `inputs`: name -> file whose content is read.
    """
    given = {f"parameter {n}": json.dumps(v, sort_keys=True) for n, v in parameters.items() if n not in OF_THE_RUN}
    code = {f"module {path.relative_to(state.PROJECT)}": _module(path)[0] for path in modules(stage)}
    lock = state.PROJECT / "requirements.txt"
    return (
        {"notebook": _notebook(stage)}
        | given
        | code
        | {"lock": _digest(lock.read_bytes()) if lock.exists() else "none", "python": platform.python_version()}
        | {f"stage {name}": key for name, key in upstream.items()}
        | {f"input {name}": content(path) for name, path in inputs.items()}
    )


def key(made: dict[str, str]) -> str:
    """The key of a stage: 32 hex digits over its parts."""
    return _digest(json.dumps(made, sort_keys=True).encode())


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What changed, for people: `parameter model: "logistic" -> "hist_gradient_boosting"`, `module churn/gate.py`."""
    changed = [name for name in now | before if before.get(name) != now.get(name)]
    return [_told(name, before.get(name), now.get(name)) for name in changed]


def modules(stage: str) -> list[Path]:
    """Files of the package, and of the feature repository, that a stage's notebook uses, directly or not; sorted."""
    found, todo = set(), list(_imported(ast.walk(ast.parse(_notebook_code(stage)))))
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += path.parent.glob("*.py") if path.name == "__init__.py" and path.parent != PACKAGE else []
            todo += _module(path)[1]
    if PACKAGE / "store.py" in found:  # it runs the definitions of the feature repository
        found |= {path for path in (state.PROJECT / "feature_repo").iterdir() if path.suffix in (".py", ".yaml")}
    return sorted(found)


def content(path: Path) -> str:
    """Digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def _told(name: str, before: str | None, now: str | None) -> str:
    if before is None or now is None:
        return f"{name} is {'new' if before is None else 'gone'}"
    if name.startswith("parameter "):
        return f"{name}: {before:.60} -> {now:.60}"
    return f"{name} has changed"


def _notebook(stage: str) -> str:
    cells = [(cell["cell_type"], _trimmed(cell)) for cell in _cells(stage)]
    return _digest(json.dumps([cell for cell in cells if cell[1]]).encode())


def _trimmed(cell: dict) -> str:
    return "\n".join(line.rstrip() for line in "".join(cell["source"]).splitlines()).strip()


def _cells(stage: str) -> list[dict]:
    return json.loads((state.PROJECT / "notebooks" / f"{stage}.ipynb").read_text())["cells"]


def _notebook_code(stage: str) -> str:
    return "\n".join("".join(cell["source"]) for cell in _cells(stage) if cell["cell_type"] == "code")


@cache
def _module(path: Path) -> tuple[str, list[Path]]:
    """Digest of what a file says, without comments, layout and docstrings; and the files of the package it imports."""
    if path.suffix != ".py":
        return content(path), []
    tree = ast.parse(path.read_bytes())
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return _digest(ast.dump(tree).encode()), list(_imported(nodes))


def _imported(nodes: Iterable[ast.AST]) -> Iterator[Path]:
    """Files of the package that a source imports, wherever in it: `from churn import gate` -> churn/gate.py."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "churn":
            yield from _files([node.module, *(f"{node.module}.{name.name}" for name in node.names)])
        elif isinstance(node, ast.Import):
            yield from _files([name.name for name in node.names if name.name.partition(".")[0] == "churn"])


def _files(names: list[str]) -> Iterator[Path]:
    for name in names:
        place = state.PROJECT / name.replace(".", "/")
        yield from (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
