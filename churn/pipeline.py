"""The stages, their wiring, and their execution: one pipeline run is one MLflow run, one stage is one notebook.

Between stages nothing passes but explicit parameters and the plain values that a notebook glues at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import filelock
import yaml
from jupyter_client import KernelManager
from nbclient.exceptions import DeadKernelError

from churn import errors, notebook, report, sources, state, tracking, wiring
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
    with _only_one(params.experiment), Kernels() as kernels:
        began = tracking.start(params.experiment)
        folder = state.path("runs", began.id)
        folder.mkdir(parents=True)
        plain = params.model_dump(mode="json")
        began.params(plain)
        began.text(yaml.safe_dump(plain, sort_keys=False), "params.yaml")
        began.json(tracking.environment(), "environment.json")
        tell(f"run {began.id} of {params.experiment}")
        return _stages(params, began, folder, kernels, tell, progress)


def _stages(
    params: Params, began: tracking.Run, folder: Path, kernels: Kernels, tell: Callable[[str], None], progress: bool
) -> Result:
    glued, seconds, reports = {}, {}, {}
    status, stage = "KILLED", STAGES[0]
    try:
        for number, stage in enumerate(STAGES, 1):
            started = time.perf_counter()
            tell(f"[{number}/{len(STAGES)}] {stage} ...")
            given = wiring.stage_parameters(params, stage, glued, began.id)
            executed, reports[stage] = execute(
                stage, given, folder=folder, log_to=began, kernel=kernels.take(stage), progress=progress
            )
            glued[stage] = notebook.glued(executed)
            seconds[stage] = time.perf_counter() - started
            tell(f"[{number}/{len(STAGES)}] {stage} done in {seconds[stage]:.1f} s")
        _log_decision(glued["promote"], executed, reports["promote"])
        status = "FINISHED"
        return Result(began.id, reports, seconds, glued)
    except errors.ChurnError:
        status = "FAILED"
        began.tags({"failed_stage": stage})
        raise
    finally:
        began.end(status)


class Kernels:
    """One kernel a stage: while a stage runs in its own, the next one's starts and imports its libraries."""

    def __init__(self) -> None:
        self._open, self._ready = ExitStack(), {}

    def __enter__(self) -> Kernels:
        self._start(STAGES[0])
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def take(self, stage: str) -> KernelManager:
        """The stage's kernel; the following stage's begins to warm up."""
        following = STAGES.index(stage) + 1
        if following < len(STAGES):
            self._start(STAGES[following])
        return self._ready[stage]

    def _start(self, stage: str) -> None:
        self._ready[stage] = self._open.enter_context(notebook.warm_kernel(stage))


def execute(
    stage: str, parameters: dict, *, folder: Path, log_to: tracking.Run, kernel: KernelManager, progress: bool = False
) -> tuple[Path, Path]:
    """Execute one notebook; log it and its HTML, a failed one too. Returns both paths."""
    output, html = folder / f"{stage}.ipynb", folder / f"{stage}.html"
    try:
        notebook.execute(stage, output, parameters, kernel=kernel, progress=progress)
    except notebook.PapermillExecutionError as error:
        raise _translated(error, stage, output) from error
    except DeadKernelError as error:
        raise errors.StageFailed(
            f"{stage}: the kernel died, most likely for want of memory; notebook {output}"
        ) from error
    finally:
        if output.exists():
            report.render(output, html, title=f"{parameters['experiment']}: {stage}", footer=footer(log_to.id))
            log_to.file(output, "notebooks")
            log_to.file(html, "notebooks")
    return output, html


def _log_decision(glued: dict, *notebooks: Path) -> None:
    """A decision's notebook belongs to the run of the decision as well."""
    for path in notebooks:
        tracking.Run(glued["decision_run"], owned=False).file(path, "notebooks")


def footer(run_id: str) -> dict[str, str]:
    """What every report's foot says: the run, the code and the environment."""
    made = tracking.provenance()
    clean = "" if made["code.clean"] == "true" else " (with local changes)"
    return {"run": run_id, "commit": made["mlflow.source.git.commit"] + clean, "lock": made["lock.sha256"]}


def _translated(error: notebook.PapermillExecutionError, stage: str, output: Path) -> errors.ChurnError:
    """The user's mistake as such (exit code 2); anything else as a failed stage that says where to look."""
    kind = getattr(errors, error.ename, None)
    if kind and issubclass(kind, errors.UserError):
        return kind(f"{stage}: {error.evalue}")
    section = ["-", *notebook.headings(output, error.cell_index)][-1]
    return errors.StageFailed(
        f"{stage}: {error.ename}: {error.evalue}; section '{section}', cell {error.exec_count}, notebook {output}"
    )


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
