"""The stages, their wiring, and their execution: one pipeline run is one MLflow run, one stage is one notebook.

Between stages nothing passes but explicit parameters and the plain values that a notebook glues at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import filelock
import yaml

from churn import errors, execution, history, notebook, provenance, sources, state, tracking, wiring
from churn.kernels import Kernels
from churn.params import Params

STAGES = ("features", "train", "evaluate", "promote")


@dataclass(frozen=True)
class Result:
    """A finished run: where its reports lie, how long each stage took, and what the stages glued."""

    run_id: str
    reports: dict[str, Path]
    seconds: dict[str, float]
    glued: dict[str, dict]


def run(params: Params, *, tell: Callable[[str], None], progress: bool = False) -> Result:
    """Execute every stage. Raises StageFailed, or the InvalidData that a stage met; MLflow keeps the evidence."""
    sources.look_for(wiring.input_of(params))
    with _only_one(params.experiment), Kernels(STAGES) as ready:
        began = tracking.start(params.experiment)
        folder = state.path("runs", began.id)
        folder.mkdir(parents=True)
        plain = params.model_dump(mode="json")
        began.params(plain)
        began.text(yaml.safe_dump(plain, sort_keys=False), "params.yaml")
        began.json(provenance.environment(), "environment.json")
        tell(f"run {began.id} of {params.experiment}")
        return _stages(params, began, folder, ready, tell, progress)


def _stages(
    params: Params, began: tracking.Run, folder: Path, ready: Kernels, tell: Callable[[str], None], progress: bool
) -> Result:
    glued, seconds, reports = {}, {}, {}
    status, stage = "KILLED", STAGES[0]
    try:
        for number, stage in enumerate(STAGES, 1):
            started = time.perf_counter()
            tell(f"[{number}/{len(STAGES)}] {stage} ...")
            given = wiring.stage_parameters(params, stage, glued, began.id)
            executed, reports[stage] = execution.run_stage(
                stage, given, folder=folder, log_to=began, kernel=ready.take(stage), progress=progress
            )
            glued[stage] = notebook.glued(executed)
            seconds[stage] = time.perf_counter() - started
            tell(f"[{number}/{len(STAGES)}] {stage} done in {seconds[stage]:.1f} s")
        history.keep(glued["promote"]["decision_run"], str(executed), str(reports["promote"]))
        status = "FINISHED"
        return Result(began.id, reports, seconds, glued)
    except errors.ChurnError:
        status = "FAILED"
        began.tags({"failed_stage": stage})
        raise
    finally:
        began.end(status)


def _only_one(experiment: str) -> filelock.BaseFileLock:
    """Two runs of one experiment would write the same feature tables."""
    path = state.path(experiment, "run.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    try:
        return lock.acquire()
    except filelock.Timeout:
        raise errors.ChurnError(
            f"another run of {experiment} is under way (it holds {path}); wait for it, or end it"
        ) from None
