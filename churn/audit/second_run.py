"""A second run of a registered version, in a state folder of its own that goes away afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import yaml

from churn import state
from churn.errors import CannotReproduce
from churn.registry import decisions, gate, provenance, tracking, versions

COMPARED = ("features", "train", "evaluate", "promote")  # whether and why it was trained again is no part of a version


@contextmanager
def temporary_folder(*, keep: bool) -> Iterator[Path]:
    """A folder for the second run, removed at the end unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="churn-reproduce-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def state_of(folder: Path) -> Iterator[None]:
    """Within it, the state folder, MLflow's store and the registry are those of the second run."""
    root = folder / "state"
    with state.environment(CHURN_STATE=str(root), MLFLOW_TRACKING_URI=f"sqlite:///{root}/mlflow.db"):
        yield


@contextmanager
def code_at(commit: str | None, folder: Path) -> Iterator[Path]:
    """The code to run: that of this process, or a clean worktree of a commit. Raises CannotReproduce."""
    if commit is None:
        yield state.PROJECT
        return
    tree = folder / "code"
    if provenance.git("worktree", "add", "--detach", str(tree), commit) is None:
        raise CannotReproduce(f"commit {commit} is not in this repository; `git fetch` it, or go on with --anyway")
    try:
        yield tree
    finally:
        provenance.git("worktree", "remove", "--force", str(tree))


def install(lineage: list[versions.Version], folder: Path) -> None:
    """Put the versions of that time into production in the second run's registry, one after the other, the champion
    last: the same files, the same tags."""
    files = [str(versions.verified_files(version)) for version in lineage]
    with state_of(folder):
        tracking.client().create_registered_model(lineage[-1].name)
        for number, (version, place) in enumerate(zip(lineage, files, strict=True), 1):
            tracking.client().create_model_version(version.name, place, tags=version.tags)
            request = decisions.Request("decide", number, "reproduce", f"as version {version.version} was")
            decisions.carry_out(version.name, request, gate.Decision(promote=True, checks=[]), approval="automatic")


def run(params: dict, folder: Path, code: Path, *, tell: Callable[[str], None]) -> None:
    """Run the pipeline of `code` on recorded parameters, passing its progress on. Raises CannotReproduce where it ends
    without a result."""
    file = folder / "params.yaml"
    file.write_text(yaml.safe_dump(_with_dates(params), sort_keys=False), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment |= {"CHURN_STATE": str(folder / "state"), "PYTHONPATH": str(code)}
    command = [sys.executable, str(code / "run_pipeline.py"), "--params", str(file), "--stages", ",".join(COMPARED)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as process:
        closing = _pass_on(process.stdout, tell)
    if process.returncode:
        errors = [line for line in closing if line.startswith("error:")] or closing or ["nothing"]
        raise CannotReproduce(f"the run again ended with exit code {process.returncode}: {errors[0]}")


def _pass_on(lines: Iterable[str], tell: Callable[[str], None]) -> list[str]:
    """Tell the lines up to the first empty one or error; what follows is about files that go away. Returns the rest."""
    lines = map(str.rstrip, lines)
    for line in lines:
        if not line or line.startswith("error:"):
            return [line, *lines]
        tell(f"    {line}")
    return []


def _with_dates(params: dict) -> dict:
    """The parameters as a params file has them: dates as dates, where a run keeps them as text."""
    changed = dict(params)
    days = params["snapshots"]
    changed["snapshots"] = {name: value if name == "every" else _day(value) for name, value in days.items()}
    if as_of := (params.get("serving") or {}).get("as_of"):
        changed["serving"] = params["serving"] | {"as_of": datetime.fromisoformat(str(as_of))}
    return changed


def _day(value: str | list[str] | int | None) -> date | list[date] | int | None:
    if isinstance(value, list):
        return [_day(day) for day in value]
    return value if value is None or isinstance(value, int) else date.fromisoformat(str(value))
