"""What a stage's result depends on, ingredient by ingredient: two runs with equal ones would compute the same again.

Cosmetic changes are none: outputs, blank lines and trailing spaces of a notebook; comments, layout and docstrings
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

from churn import profile, state

PACKAGE = state.PROJECT / "churn"
REPOSITORY = profile.REPOSITORY
LOCK = state.PROJECT / "requirements.txt"
FIRST = ("parameter ", "input ", "notebook", "lock", "python", "stage ")  # of the ingredients, for people
# It acts on the registry, which no key covers; what it imports has no part in what a stage hands on.
NOT_FOLLOWED = ("registry/production_level.py",)
OF_THE_RUN = ("run_id",)  # parameters that say where to log, not what to compute


def ingredients(stage: str, parameters: dict, *, upstream: dict[str, str], inputs: dict[str, Path]) -> dict[str, str]:
    """Name -> digest or value of everything that the result of a stage depends on.

    `upstream`: stage -> key of the stages before it; `inputs`: name -> file whose content is read.
    """
    given = {f"parameter {n}": json.dumps(v, sort_keys=True) for n, v in parameters.items() if n not in OF_THE_RUN}
    return (
        given
        | code_of(stage)
        | {"lock": _digest(LOCK.read_bytes()) if LOCK.exists() else "none", "python": platform.python_version()}
        | {"engine": profile.engine()}
        | {f"stage {name}": key for name, key in upstream.items()}
        | {f"input {name}": content(path) for name, path in inputs.items()}
    )


def code_of(stage: str) -> dict[str, str]:
    """Name -> digest of a stage's notebook and of every module that it uses."""
    used = {f"module {path.relative_to(state.PROJECT)}": _module(path)[0] for path in modules(stage)}
    return {"notebook": _notebook(stage)} | used


def key(ingredients: dict[str, str]) -> str:
    """The key of a stage: 32 hex digits over its ingredients."""
    return _digest(json.dumps(ingredients, sort_keys=True).encode())


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What changed, for people: `parameter model: "logistic" -> "hist_gradient_boosting"`, `module churn/engine.py`.

    First what people change most: parameters, then the input, the notebook and the like, modules last.
    """
    changed = [name for name in now | before if before.get(name) != now.get(name)]
    changed.sort(key=lambda name: next((n for n, kind in enumerate(FIRST) if name.startswith(kind)), len(FIRST)))
    return [line for name in changed for line in _describe_change(name, before.get(name), now.get(name))]


def watch(inputs: Iterable[Path]) -> dict[Path, tuple | None]:
    """Size and time of change of every file that a result may depend on, notebooks apart; `inputs` are such files."""
    files = [*PACKAGE.rglob("*.py"), *_repository(), LOCK, *inputs]
    return {path: state.file_stat(path) for path in files}


def changed_since(seen: dict[Path, tuple | None], stage: str, ingredients: dict[str, str]) -> list[str]:
    """Files that changed since `watch` though the stage, with these ingredients, depends on them; its notebook too.

    A kernel may have read them before or after: what came of it has no key.
    """
    inputs = {path for path in seen if PACKAGE not in path.parents} if stage == "features" else set()
    used = {*modules(stage), LOCK, *inputs}
    notebook = [] if ingredients["notebook"] == _notebook(stage) else [_path(stage)]
    return [_shown(path) for path in (*notebook, *sorted(p for p in used if seen.get(p) != state.file_stat(p)))]


def modules(stage: str) -> list[Path]:
    """Files of the package, and of the feature repository, that a stage's notebook uses, directly or not; sorted."""
    used, todo = set(), _imported(ast.parse(_notebook_code(stage)))
    while todo:
        path = todo.pop()
        if path not in used:
            used.add(path)
            todo += [] if _in_package(path) in NOT_FOLLOWED else _module(path)[1]
    if PACKAGE / "features" / "store.py" in used:  # it runs the definitions of the feature repository
        used.update(_repository())
    return sorted(used)


def _in_package(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def content(path: Path) -> str:
    """Digest of a file's content."""
    return _content(path, state.file_stat(path))


@cache
def _content(path: Path, stat: tuple) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def _describe_change(name: str, before: str | None, now: str | None) -> list[str]:
    if before is None or now is None:
        return [f"{name} is {'new' if before is None else 'gone'}"]
    if name.startswith("parameter "):
        return [f"{name}{where}: {_brief(*values)}" for where, *values in _leaves(json.loads(before), json.loads(now))]
    return [f"{name} has changed"]


def _leaves(before: object, now: object, where: str = "") -> Iterator[tuple[str, str, str]]:
    """Where two values differ, as `.key.key`, and what is there, as JSON."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in before | now:
            if before.get(key) != now.get(key):
                yield from _leaves(before.get(key), now.get(key), f"{where}.{key}")
    else:
        yield where, json.dumps(before), json.dumps(now)


def _brief(before: str, now: str, most: int = 60) -> str:
    """`before -> now`, of long values the place from which they differ."""
    pairs = enumerate(zip(before, now, strict=False))
    same = next((place for place, (one, other) in pairs if one != other), min(len(before), len(now)))
    begin = max(0, same - most // 2) if max(len(before), len(now)) > most else 0
    cut = [("..." if begin else "") + text[begin : begin + most] for text in (before, now)]
    return " -> ".join(cut)


def _notebook(stage: str) -> str:
    cells = [(cell["cell_type"], _trimmed(cell)) for cell in _cells(stage)]
    return _digest(json.dumps([cell for cell in cells if cell[1]]).encode())


def _trimmed(cell: dict) -> str:
    return "\n".join(line.rstrip() for line in "".join(cell["source"]).splitlines()).strip()


def _cells(stage: str) -> list[dict]:
    return json.loads(_path(stage).read_text())["cells"]


def _path(stage: str) -> Path:
    return state.PROJECT / "notebooks" / f"{stage}.ipynb"


def _repository() -> list[Path]:
    folders = dict.fromkeys([REPOSITORY, profile.folder()])
    return [path for folder in folders for path in folder.iterdir() if path.suffix in (".py", ".yaml")]


def _shown(path: Path) -> str:
    return str(path.relative_to(state.PROJECT) if state.PROJECT in path.parents else path)


def _notebook_code(stage: str) -> str:
    return "\n".join("".join(cell["source"]) for cell in _cells(stage) if cell["cell_type"] == "code")


def _module(path: Path) -> tuple[str, list[Path]]:
    """Digest of what a file says, without comments, layout and docstrings; and the files of the package it imports."""
    return _parsed(path, state.file_stat(path))


@cache
def _parsed(path: Path, stat: tuple) -> tuple[str, list[Path]]:
    if path.suffix != ".py":
        return content(path), []
    tree = ast.parse(path.read_bytes())
    used = _imported(tree)
    for node in _statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return _digest(ast.dump(tree).encode()), used


def _imported(tree: ast.Module) -> list[Path]:
    """Files of the package that a source imports, wherever in it: `from churn import engine` -> churn/engine.py.

    Nothing for the sake of types alone.
    """
    nodes = [node for top in tree.body if not _for_types(top) for node in _statements(top)]
    return [path for node in nodes for name in _named(node) for path in _files(name)]


def _statements(top: ast.AST) -> Iterator[ast.AST]:
    """A module or statement and all statements in it: a tenth of what `ast.walk` goes through."""
    yield top
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(top, name, [])
        for node in inner if isinstance(inner, list) else []:
            yield from _statements(node)


def _for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _named(node: ast.AST) -> list[str]:
    """What an import names of the package, as modules: those that there are not have no file."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "churn":
        return [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    if isinstance(node, ast.Import):
        return [name.name for name in node.names if name.name.partition(".")[0] == "churn"]
    return []


def _files(name: str) -> list[Path]:
    place = state.PROJECT / name.replace(".", "/")
    return [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists()]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
