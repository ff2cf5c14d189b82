"""The commands as a user types them, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from churn.state import PROJECT

SMOKE = "params/smoke.yaml"  # from the project's folder


@dataclass(frozen=True)
class Finished:
    """A run that has ended well: its state folder, and what it told."""

    state: Path
    stdout: str
    stderr: str


def run_pipeline(*arguments: str, state: Path, params: str | Path = SMOKE, **options) -> subprocess.CompletedProcess:
    """`run_pipeline.py --params ...` with a state folder; `options`: `cwd`, and variables of the environment."""
    command = [sys.executable, str(PROJECT / "run_pipeline.py"), "--params", str(params), *arguments]
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
    return subprocess.run(
        command, cwd=cwd, env=environment(state) | variables, capture_output=True, text=True, check=False
    )
