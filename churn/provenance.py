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
    "numpy",
    "pandas",
    "pyarrow",
    "papermill",
)


@cache
def tags() -> dict[str, str]:
    """Tags that say who ran which code in which environment."""
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    lock = state.PROJECT / "requirements.txt"
    return {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": "run_pipeline.py",
        "mlflow.source.git.commit": commit or "none",
        "code.clean": "unknown" if changes is None else str(not changes).lower(),
        "lock.sha256": hashlib.sha256(lock.read_bytes()).hexdigest()[:16] if lock.exists() else "none",
        "python": platform.python_version(),
        "runner": runner(),
    }


def runner() -> str:
    """The process that works, as `host:pid`."""
    return f"{platform.node()}:{os.getpid()}"


def environment() -> dict[str, str]:
    """Versions of Python and of the libraries that results depend on."""
    return {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()} | {
        name: installed(name) for name in LIBRARIES
    }


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", "-C", str(state.PROJECT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
