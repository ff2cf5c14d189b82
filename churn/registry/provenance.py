"""Who ran which code in which environment."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version as installed

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
    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    lock = state.PROJECT / "requirements.txt"
    return {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": "run_pipeline.py",
        "mlflow.source.git.commit": commit or "none",
        "code.clean": "unknown" if changes is None else str(not changes).lower(),
        "lock.sha256": hashlib.sha256(lock.read_bytes()).hexdigest()[:16] if lock.exists() else "none",
        "python": platform.python_version(),
        "runner.process": runner(),
    }


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
    """What git says of the project; None where it fails, or there is no repository."""
    done = subprocess.run(["git", "-C", str(state.PROJECT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
