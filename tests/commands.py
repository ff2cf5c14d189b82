"""The commands as a user types them, in processes of their own (see `copies`)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from churn.pipeline.execution import forks
from churn.state import PROJECT
from tests import copies

SMOKE = "params/smoke.yaml"  # from the project's folder


@dataclass(frozen=True)
class Finished:
    """A run that has ended well: its state folder, and what it told."""

    state: Path
    stdout: str
    stderr: str


def run_pipeline(*arguments: str, state: Path, params: str | Path = SMOKE, **options) -> subprocess.CompletedProcess:
    """`run_pipeline.py --params ...` with a state folder; `options`: `cwd`, and variables of the environment."""
    command = [str(PROJECT / "run_pipeline.py"), "--params", str(params), *arguments]
    return _typed(command, state, **options)


def churn(*arguments: str, state: Path, params: str | Path = SMOKE, **options) -> subprocess.CompletedProcess:
    """`churn ... --params ...` with a state folder."""
    command = [str(Path(sys.executable).with_name("churn")), *arguments, "--params", str(params)]
    return _typed(command, state, **options)


def init(*arguments: str, state: Path, **options) -> subprocess.CompletedProcess:
    """`churn init`, which writes a params file and reads none."""
    return _typed([str(Path(sys.executable).with_name("churn")), "init", *arguments], state, **options)


def environment(state: Path) -> dict[str, str]:
    """That of a command with a state folder."""
    return os.environ | {"CHURN_STATE": str(state)}


def _typed(command: list[str], state: Path, *, cwd: Path = PROJECT, **variables: str) -> subprocess.CompletedProcess:
    """By a copy of a process that has loaded the libraries, but where these look at the environment as they load."""
    given = environment(state) | variables
    own = set(variables) - {"SHOP_DB"} or given.get("MLFLOW_TRACKING_URI", "").startswith("http")
    if forks.POSSIBLE and not own and (done := copies.process().run(command, cwd=cwd, env=given)):
        return done
    return subprocess.run([sys.executable, *command], cwd=cwd, env=given, capture_output=True, text=True, check=False)
