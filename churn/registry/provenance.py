"""Who ran which code in which environment."""

from __future__ import annotations

import ast
import getpass
import hashlib
import json
import os
import platform
import subprocess
import sys
import sysconfig
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path

from churn import state

LIBRARIES = (
    "mlflow",
    "feast",
    "ibis-framework",
    "duckdb",
    "scikit-learn",
    "skops",
    "scipy",
    "numpy",
    "pandas",
    "pyarrow",
    "papermill",
)


@cache
def tags() -> dict[str, str]:
    """Tags that say who ran which code in which environment."""
    commit = git("rev-parse", "HEAD") or os.environ.get("CHURN_COMMIT")  # an image says which it was built from
    lock = state.PROJECT / "requirements.txt"
    return {
        "mlflow.user": user(),
        "mlflow.source.name": "run_pipeline.py",
        "mlflow.source.git.commit": commit or "none",
        "code.clean": _clean(),
        "lock.sha256": hashlib.sha256(lock.read_bytes()).hexdigest()[:16] if lock.exists() else "none",
        "python": platform.python_version(),
        "runner.process": runner(),
    }


def _clean() -> str:
    """Whether the commit holds all the code: `false` for tracked files that changed, and untracked ones that are used.

    Data and params files that lie in the clone are no code.
    """
    changes, untracked = (
        git("status", "--porcelain", "--untracked-files=no"),
        git("ls-files", "-zo", "--exclude-standard"),
    )
    if changes is None or untracked is None:
        return "unknown"
    return str(not changes and not untracked_code([Path(name) for name in untracked.split("\0") if name])).lower()


def untracked_code(untracked: list[Path]) -> list[Path]:
    """Those of these files of the project that its code imports, directly or not, or names as a notebook to run."""
    names = {_name(path): path for path in untracked if path.suffix in (".py", ".ipynb")}
    used = [path for path in untracked if path.parts[0] == "feature_repo" and path.suffix in (".py", ".yaml")]
    used += [path for name, path in names.items() if path.suffix == ".py" and _hides_a_library(name)]
    unknown = {state.PROJECT / path for path in names.values()}
    todo = [p for p in _sources() if p not in unknown] + [state.PROJECT / path for path in used] if names else []
    while todo:
        found = [names.pop(name) for name in _named_in(todo.pop()) if name in names]
        used += found
        todo += [state.PROJECT / path for path in found if path.suffix == ".py"]
    return sorted(set(used))


def _sources() -> list[Path]:
    code = [path for folder in ("churn", "feature_repo") for path in (state.PROJECT / folder).rglob("*.py")]
    return [*code, *state.PROJECT.glob("*.py"), *state.NOTEBOOKS.glob("*.ipynb")]


def _name(path: Path) -> str:
    """What code calls a file: a module by its dotted name, a package's `__init__` by the package's, a notebook bare."""
    if path.suffix == ".ipynb":
        return path.stem if path.parts[:-1] == (state.NOTEBOOKS.name,) else str(path)
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _hides_a_library(name: str) -> bool:
    """Whether a module of the project's folder is imported in place of an installed one."""
    installed_here = Path(sysconfig.get_path("purelib"), name)
    return name in sys.stdlib_module_names or installed_here.is_dir() or installed_here.with_suffix(".py").exists()


def _named_in(path: Path) -> set[str]:
    """Every module that a source imports, with the packages around it, and every string in it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    nodes = list(ast.walk(ast.parse(text)))
    modules = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    for node in (n for n in nodes if isinstance(n, ast.ImportFrom)):
        modules |= {node.module or "", *(f"{node.module}.{name.name}" for name in node.names)}
    around = {module.rsplit(".", cut)[0] for module in modules for cut in range(module.count(".") + 1)}
    return around | {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def user() -> str:
    """The name of who runs this process, or the number of one who has none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def runner() -> str:
    """The process that works, as `host:pid`."""
    return f"{platform.node()}:{os.getpid()}"


def environment() -> dict[str, str]:
    """Everything around the code that results depend on: Python, libraries, and which machine code numpy chose here."""
    import numpy
    import threadpoolctl

    simd = numpy.show_config(mode="dicts")["SIMD Extensions"]
    blas = [f"{b['internal_api']} {b['version']} {b['architecture']}" for b in threadpoolctl.threadpool_info()
            if b["user_api"] == "blas" and "numpy" in b["filepath"]]  # fmt: skip
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "libc": " ".join(platform.libc_ver()),
        "cpu": " ".join([*simd["baseline"], *simd["found"]]),
        "blas": ", ".join(blas),
    } | {name: installed(name) for name in LIBRARIES}


def unrestorable(recorded: dict[str, str]) -> list[str]:
    """Why the code of a run, given the run's tags, cannot be had again."""
    if recorded.get("mlflow.source.git.commit", "none") == "none":
        return ["the run recorded no commit"]
    if recorded.get("code.clean") != "true":
        return ["the run was made with local changes that no commit holds"]
    return []


def other_code(recorded: dict[str, str]) -> list[str]:
    """How the code here differs from that of a run, given the run's tags; empty where it is the same, and clean."""
    now, differences = tags(), []
    if (commit := recorded.get("mlflow.source.git.commit", "none")) != now["mlflow.source.git.commit"]:
        differences.append(f"commit {commit[:12]} was recorded, {now['mlflow.source.git.commit'][:12]} is checked out")
    if now["code.clean"] != "true":
        differences.append("the tree here has local changes")
    if (lock := recorded.get("lock.sha256", "none")) != now["lock.sha256"]:
        differences.append(f"lock {lock} was recorded, {now['lock.sha256']} is here")
    return differences


def other_environment(recorded: dict[str, str]) -> list[str]:
    """How what is around the code here differs from what a run recorded."""
    now = environment()
    return [
        f"{name} {value or 'none'} was recorded, {now[name] or 'none'} is here"
        for name, value in recorded.items()
        if name in now and now[name] != value
    ]


def git(*words: str) -> str | None:
    """What git says of the project; None where it fails, or there is no repository, or no git."""
    try:
        done = subprocess.run(["git", "-C", str(state.PROJECT), *words], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
