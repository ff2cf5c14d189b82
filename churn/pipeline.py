"""One pipeline run: one MLflow run, one notebook a stage, executed or reused.

Between stages nothing passes but explicit parameters and the plain values that a notebook glues at its end.
"""

from __future__ import annotations

import functools
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import yaml

from churn import cache, errors, keys, planning, state, wiring
from churn.features import online_marker
from churn.kernels import Kernels, tell
from churn.params.schema import Params
from churn.planning import STAGES, Asked, Step
from churn.registry import provenance
from churn.sources import locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn.execution import Executed
    from churn.registry import tracking

__all__ = ["STAGES", "Asked", "Done", "Listener", "Run", "only_one", "plan", "run"]


class Listener:
    """Who is told what a run does; this one does nothing with it."""

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *error: object) -> None: ...

    def note(self, text: str) -> None:
        """A line that belongs to no stage."""

    def begin(self, stage: str) -> None:
        """A stage begins to execute."""

    def cell(self, cell: int, cells: int, heading: str) -> None:
        """A cell of the stage under way begins to execute, under this heading."""

    def end(self, stage: str, outcome: str, *, detail: str = "") -> None:
        """A stage has ended: ran, reused, failed or interrupted."""


@dataclass(frozen=True)
class Done:
    """A stage that has ended (ran, reused, failed, interrupted): seconds, the kernel's peak MB, and its report."""

    stage: str
    outcome: str
    seconds: float
    peak_mb: float | None
    report: Path | None
    source_run: str | None = None


@dataclass
class Run:
    """A run under way, and what is left of it: the stages that ended, and what they glued."""

    params: Params
    asked: Asked
    log: tracking.Run
    folder: Path
    tell: Listener
    seen: dict  # the files that results depend on, as they were before a kernel started: see keys.watch
    done: list[Done] = field(default_factory=list)
    glued: dict[str, dict] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    status: str = "RUNNING"
    failure: dict | None = None
    started: str = field(default_factory=lambda: f"{datetime.now(UTC):%FT%TZ}")
    index: Path | None = None
    desk: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))  # files what a stage leaves behind
    filed: list[Future] = field(default_factory=list)
    mixed: bool = False  # files changed while a stage ran: neither it nor a later one is kept


def plan(params: Params, asked: Asked) -> list[Step]:
    """What a run would do, and why. Nothing is executed and nothing written. Raises UserError, as the run would."""
    from churn import reuse

    online_marker.refuse_earlier(params.experiment, str(params.snapshots.serve))
    steps = planning.plan(params, asked)
    for number, step in enumerate(steps):
        if step.entry and (why := reuse.obstacle(params.experiment, step.entry)):
            later = [Step(s.stage, f"{step.stage} runs before it", {}) for s in steps[number + 1 :]]
            return [*steps[:number], planning.not_reused(step.stage, step.parts, why, asked), *later]
    return steps


def run(params: Params, *, asked: Asked, tell: Listener) -> Run:
    """Execute or reuse every stage. Raises StageFailed, or the InvalidData that a stage met; MLflow keeps the evidence.

    What is left of a failed run hangs on the error, as `error.run`.
    """
    given = locate.files_of(wiring.input_of(params))  # refused before anything is written, as is what cannot be reused:
    online_marker.refuse_earlier(params.experiment, str(params.snapshots.serve))
    steps = plan(params, asked) if asked.only else []
    seen = keys.watch(given.values())  # before a kernel reads any of it
    with only_one(params.experiment), Kernels() as kernels, tell:
        kernels.expect(planning.to_run(steps or planning.plan(params, asked)))  # without the registry: it opens slowly
        return _run(params, asked, seen, kernels, tell)


def _run(params: Params, asked: Asked, seen: dict, kernels: Kernels, tell: Listener) -> Run:
    from churn import execution  # before the thread: two at once would stumble over what each half imports

    assert execution
    under_way = _begin(params, asked, seen, tell)
    try:
        for stage in asked.stages:
            _stage(under_way, stage, kernels)
        for filed in under_way.filed:
            filed.result()
        under_way.status = "FINISHED"
        return under_way
    except errors.ChurnError as error:
        under_way.status, under_way.failure = "FAILED", getattr(error, "facts", {"error": str(error)})
        error.run = under_way
        raise
    except KeyboardInterrupt:
        under_way.status = "KILLED"
        raise
    except BaseException:
        under_way.status = "FAILED"
        raise
    finally:
        _end(under_way)


def _begin(params: Params, asked: Asked, seen: dict, tell: Listener) -> Run:
    from churn.registry import runs, tracking
    from churn.reports import run_page

    for abandoned in runs.end_abandoned(params.experiment):
        run_page.mark_killed(state.path("runs", abandoned))
    log = tracking.start(params.experiment)
    folder = state.path("runs", log.id)
    folder.mkdir(parents=True)
    plain = params.model_dump(mode="json")
    log.params(plain)
    log.text(yaml.safe_dump(plain, sort_keys=False), "params.yaml")
    log.json(provenance.environment(), "environment.json")
    tell.note(f"run {log.id} of {params.experiment}")
    return Run(params, asked, log, folder, tell, seen)


def _stage(run: Run, stage: str, kernels: Kernels) -> None:
    from churn import reuse

    began = time.perf_counter()
    step = planning.step(run.params, stage, run.steps, run.glued, run.asked)
    if step.entry and (why := reuse.obstacle(run.params.experiment, step.entry)):
        step = planning.not_reused(stage, step.parts, why, run.asked)
    if step.entry:
        try:
            reuse.reuse(
                run.params.experiment, step.entry, folder=run.folder, log_to=run.log, publish=_publisher(run, kernels)
            )
        except BaseException:
            _failed(run, stage, time.perf_counter() - began)
            raise
        run.glued[stage], peak = step.entry.glued, None
        run.tell.end(stage, "reused", detail=f"from run {step.entry.run_id}")
    else:
        run.glued[stage], peak = _execute(run, step, kernels, began)
    run.steps[stage] = step
    outcome = "reused" if step.entry else "ran"
    source = step.entry.run_id if step.entry else None
    run.done.append(Done(stage, outcome, time.perf_counter() - began, peak, run.folder / f"{stage}.html", source))


def _execute(run: Run, step: Step, kernels: Kernels, began: float) -> tuple[dict, float]:
    from churn import execution, overview
    from churn.registry import runs

    stage, kept = step.stage, step.stage in cache.WRITES
    run.tell.begin(stage)
    run.index = overview.write(run)
    before = runs.contents(run.log.id) if kept else {}
    run.desk.submit(_warm_up)
    try:
        made = execution.run_stage(
            stage, wiring.stage_parameters(run.params, stage, run.glued, run.log.id), folder=run.folder,
            kernel=kernels.take(stage), on_cell=run.tell.cell, seconds=getattr(run.params.timeouts, stage),
        )  # fmt: skip
    except BaseException:
        _failed(run, stage, time.perf_counter() - began)
        raise
    kernels.done(stage)
    added, seconds = runs.added(before, runs.contents(run.log.id)) if kept else {}, time.perf_counter() - began
    run.filed.append(run.desk.submit(_file, run, step, made, added, seconds))  # the next stage begins meanwhile
    run.tell.end(stage, "ran")
    return made.glued, made.peak_mb


def _failed(run: Run, stage: str, seconds: float) -> None:
    outcome = "interrupted" if isinstance(sys.exception(), KeyboardInterrupt) else "failed"
    run.tell.end(stage, outcome)
    executed = run.folder / f"{stage}.ipynb"
    there = run.asked.stages[: run.asked.stages.index(stage) + 1]  # the reports after it will not come
    report = _report(run, executed, site=there) if executed.exists() else None
    run.done.append(Done(stage, outcome, seconds, None, report))
    run.log.tags({"failed_stage": stage})


def _file(run: Run, step: Step, made: Executed, added: dict, seconds: float) -> None:
    """Render and log a finished stage's report; keep the stage, with what it `added` to the MLflow run."""
    from churn.registry import history, runs

    html = _report(run, made.notebook, site=run.asked.stages)
    if step.stage not in cache.WRITES:
        history.keep(made.glued["decision_run"], str(made.notebook), str(html))
        run.log.tags({"decision": made.glued["decision"], "decision_run": made.glued["decision_run"]})
        return
    if _has_changed(run, step):
        return
    own = [path for path in added.pop("artifacts") if not path.startswith("notebooks/")]
    entry = cache.Entry(step.stage, run.log.id, time.time(), seconds, step.parts, made.glued, added)
    artifacts = {f"artifacts/{path}": runs.artifact(run.log.id, path) for path in own}
    cache.keep(run.params.experiment, entry, also={made.notebook.name: made.notebook, html.name: html} | artifacts)


def _has_changed(run: Run, step: Step) -> bool:
    """Whether files that the stage depends on changed while the run was under way; it says so, once a stage."""
    changed = keys.changed_since(run.seen, step.stage, step.parts)
    if changed:
        named = ", ".join(changed)
        run.tell.note(f"{step.stage}: {named} changed while the run was under way, so that nothing of it is kept")
        run.log.tags({f"changed_meanwhile.{step.stage}": named[:1000], "code.clean": "false"})
    run.mixed = run.mixed or bool(changed)
    return run.mixed


def _report(run: Run, executed: Path, *, site: Sequence[str]) -> Path:
    from churn import execution

    return execution.file_report(executed, experiment=run.params.experiment, log_to=run.log, site=site)


def _publisher(run: Run, kernels: Kernels):
    def publish(manifest: str, snapshot: str) -> None:
        run.tell.note("other features are online since; these are put online again")
        arguments = f"{run.params.experiment!r}, {manifest!r}, {snapshot!r}"
        tell(kernels.take("features"), f"from churn.features import store; store.publish({arguments})")

    return publish


def _end(run: Run) -> None:
    """Write the index page and end the MLflow run, whatever has happened."""
    from churn import overview

    first = sys.exception()
    run.desk.shutdown()
    try:
        with errors.noted_below(first):
            run.index = overview.write(run)
            run.log.file(run.index, "notebooks")
    finally:
        with errors.noted_below(first):
            run.log.end(run.status)


@functools.cache
def _warm_up() -> None:
    """Load what a report needs while the first kernel works and this process waits for it."""
    from churn.reports import notebook_page

    notebook_page.rehearse()


def only_one(experiment: str) -> filelock.BaseFileLock:
    """Hold an experiment against any other run: two would write the same feature tables. Raises ChurnError."""
    path = state.path(experiment, "run.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    try:
        return lock.acquire()
    except filelock.Timeout:
        raise errors.ChurnError(
            f"another run of {experiment} is under way (it holds {path}); wait for it, or end it"
        ) from None
