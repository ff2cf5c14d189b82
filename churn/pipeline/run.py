"""One pipeline run: one MLflow run, one notebook a stage, executed or reused.

Between stages nothing passes but explicit parameters and the plain values that a notebook glues at its end.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from churn import errors, state
from churn.params.schema import Params
from churn.pipeline import cache, cache_key, log_report, plan, reuse, stage_parameters
from churn.pipeline.execution import notebook
from churn.pipeline.execution.kernels import PUBLISH, Kernels, call
from churn.pipeline.listener import Listener
from churn.pipeline.plan import Selection, Step
from churn.registry import decisions, history, provenance, runs, tracking
from churn.reports import run_page


@dataclass(frozen=True)
class Done:
    """A stage that has ended (ran, reused, skipped, failed, interrupted): seconds, the kernel's peak MB, its report."""

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
    selection: Selection
    log: tracking.Run
    folder: Path
    listener: Listener
    input_stats: dict  # the files that results depend on, as they were before a kernel started: cache_key.watch
    done: list[Done] = field(default_factory=list)
    glued: dict[str, dict] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    status: str = "RUNNING"
    failure: dict | None = None
    started: str = field(default_factory=lambda: f"{datetime.now(UTC):%FT%TZ}")
    index: Path | None = None
    report_pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    pending_reports: list[Future] = field(default_factory=list)
    code_changed_meanwhile: bool = False  # while a stage ran: neither it nor a later one is kept

    def __post_init__(self) -> None:
        self.log_report = log_report.Beside(self.params)

    @property
    def alarm(self) -> bool:
        """Whether monitor has found that the model in production no longer keeps its promise."""
        return self.glued.get("monitor", {}).get("alarm", False)


def begin(params: Params, selection: Selection, input_stats: dict, listener: Listener) -> Run:
    """Open the run in MLflow; those that a dead process left open are ended."""
    tracking.refuse_deleted(params.experiment, history.experiment_of(params.experiment))
    for abandoned in runs.end_abandoned(params.experiment):
        run_page.mark_killed(state.path("runs", abandoned))
    log = tracking.start(params.experiment, name=f"{params.snapshots.serve} under way")
    folder = state.path("runs", log.id)
    folder.mkdir(parents=True)
    plain = params.model_dump(mode="json")
    log.params(plain)
    log.text(yaml.safe_dump(plain, sort_keys=False), "params.yaml")
    log.json(provenance.environment(), "environment.json")
    listener.note(f"run {log.id} of {params.experiment}")
    return Run(params, selection, log, folder, listener, input_stats)


def execute(run: Run, kernels: Kernels) -> Run:
    """Execute or reuse every stage of a run; see `launch`."""
    try:
        for stage in run.selection.stages:
            _stage(run, stage, kernels)
        for report in run.pending_reports:
            report.result()
        run.status = "FINISHED"
        return run
    except errors.ChurnError as error:
        run.status, run.failure = "FAILED", getattr(error, "details", {"error": str(error)})
        error.run = run
        raise
    except KeyboardInterrupt:
        run.status = "KILLED"
        raise
    except BaseException:
        run.status = "FAILED"
        raise
    finally:
        _end(run)


def _stage(run: Run, stage: str, kernels: Kernels) -> None:
    began = time.perf_counter()
    step = plan.step(run.params, stage, run.steps, run.glued, run.selection)
    if step.skipped:
        run.listener.end(stage, "skipped", detail=step.why)
        run.steps[stage] = step
        run.done.append(Done(stage, "skipped", 0.0, None, None))
        return
    if step.entry and (why := reuse.obstacle(run.params.experiment, step.entry)):
        step = plan.not_reused(stage, step.ingredients, why, run.selection)
    if step.entry:
        try:
            reuse.reuse(
                run.params.experiment, step.entry, folder=run.folder, log_to=run.log, publish=_publisher(run, kernels)
            )
        except BaseException:
            _failed(run, stage, time.perf_counter() - began)
            raise
        run.glued[stage], peak = step.entry.glued, None
        run.listener.end(stage, "reused", detail=f"from run {step.entry.run_id}")
    else:
        step, run.glued[stage], peak = _execute(run, step, kernels, began)
    _tell_notes(run, stage)
    if stage == "features":
        run.log_report.begin(kernels, ran=not step.entry)
    run.steps[stage] = step
    outcome = "reused" if step.entry else "ran"
    source = step.entry.run_id if step.entry else None
    run.done.append(Done(stage, outcome, time.perf_counter() - began, peak, run.folder / f"{stage}.html", source))


def _with_log(run: Run) -> None:
    """Put the report of the log beside the others; the run does without one that failed."""
    try:
        if page := run.log_report.put_into(run.folder, finished=run.status == "FINISHED"):
            run.log.file(page, "notebooks")
    except (errors.ChurnError, OSError) as error:
        run.listener.note(f"the report of the log could not be made: {error}")


def _tell_notes(run: Run, stage: str) -> None:
    """Tell what a stage found that a person should know: its glued `notes`, where there are any, a line each."""
    for note in run.glued[stage].get("notes", []):
        run.listener.note(f"{stage}: {' '.join(note.split())}")


def _execute(run: Run, step: Step, kernels: Kernels, began: float) -> tuple[Step, dict, float]:
    stage, kept = step.stage, step.stage in cache.WRITES
    run.listener.begin(stage)
    run.index = _write_index(run)
    before = runs.contents(run.log.id) if kept else {}
    run.report_pool.submit(notebook.load_templates)
    try:
        made = notebook.run_stage(
            stage, stage_parameters.stage_parameters(run.params, stage, run.glued, run.log.id), folder=run.folder,
            kernel=kernels.take(stage), on_cell=run.listener.cell, seconds=getattr(run.params.timeouts, stage),
        )  # fmt: skip
    except BaseException:
        _failed(run, stage, time.perf_counter() - began)
        raise
    if stage != "features" or run.params.data.source == "tables":  # that of features has the log's report to make
        kernels.done(stage)
    if stage == "features" and run.params.data.source == "database":
        step = plan.with_rows_read(step, runs.document(run.log.id, "evidence/input.json"))
    added, seconds = runs.added(before, runs.contents(run.log.id)) if kept else {}, time.perf_counter() - began
    filing = run.report_pool.submit(_file, run, step, made, added, seconds)  # the next stage begins meanwhile
    run.pending_reports.append(filing)
    run.listener.end(stage, "ran")
    return step, made.glued, made.peak_mb


def _failed(run: Run, stage: str, seconds: float) -> None:
    outcome = "interrupted" if isinstance(sys.exception(), KeyboardInterrupt) else "failed"
    run.listener.end(stage, outcome)
    executed = run.folder / f"{stage}.ipynb"
    there = run.selection.stages[: run.selection.stages.index(stage) + 1]  # the reports after it will not come
    report = _report(run, executed, site=there) if executed.exists() else None
    run.done.append(Done(stage, outcome, seconds, None, report))
    run.log.tags({"failed_stage": stage})


def _file(run: Run, step: Step, made: notebook.Executed, added: dict, seconds: float) -> None:
    """Render and log a finished stage's report; keep the stage, with what it `added` to the MLflow run."""
    html = _report(run, made.notebook, site=run.selection.stages)
    if step.stage not in cache.WRITES:
        decisions.keep_report(made.glued["decision_run"], str(made.notebook), str(html))
        run.log.tags({"decision": made.glued["decision"], "decision_run": made.glued["decision_run"]})
        return
    if _has_changed(run, step):
        return
    own = [path for path in added.pop("artifacts") if not path.startswith("notebooks/")]
    entry = cache.Entry(step.stage, run.log.id, time.time(), seconds, step.ingredients, made.glued, added)
    artifacts = {f"artifacts/{path}": runs.artifact(run.log.id, path) for path in own}
    cache.keep(run.params.experiment, entry, also={made.notebook.name: made.notebook, html.name: html} | artifacts)


def _has_changed(run: Run, step: Step) -> bool:
    """Whether files that the stage depends on changed while the run was under way; it says so, once a stage."""
    changed = cache_key.changed_since(run.input_stats, step.stage, step.ingredients)
    if changed:
        named = ", ".join(changed)
        run.listener.note(f"{step.stage}: {named} changed while the run was under way, so that nothing of it is kept")
        run.log.tags({f"changed_meanwhile.{step.stage}": named[:1000], "code.clean": "false"})
    run.code_changed_meanwhile = run.code_changed_meanwhile or bool(changed)
    return run.code_changed_meanwhile


def _report(run: Run, executed: Path, *, site: Sequence[str]) -> Path:
    return notebook.file_report(executed, experiment=run.params.experiment, log_to=run.log, site=site)


def _publisher(run: Run, kernels: Kernels):
    def publish(manifest: str, snapshot: str) -> None:
        run.listener.note("other features are online since; these are put online again")
        call(kernels.take("features"), PUBLISH, run.params.experiment, manifest, snapshot)

    return publish


def _name(run: Run) -> str:
    """What happened, as MLflow lists it: `2023-12-01 v7 refused, alarm`."""
    decision, listed = run.glued.get("promote"), run.glued.get("score", {})
    skipped = any(done.outcome == "skipped" for done in run.done)
    happened = [f"v{decision['version']} {decision['decision']}"] if decision else []
    happened += [f"v{listed['version']} kept"] if skipped and listed.get("version") else []
    happened += ["alarm"] if run.alarm else []
    happened += [] if run.status == "FINISHED" else [run.status.lower()]
    return f"{run.params.snapshots.serve} {', '.join(happened) or ', '.join(run.selection.only)}"


def _end(run: Run) -> None:
    """Write the index page, name the MLflow run by what happened and end it, whatever has happened."""
    first = sys.exception()
    run.report_pool.shutdown()
    try:
        with errors.noted_below(first):
            _with_log(run)
            run.index = _write_index(run)
            run.log.file(run.index, "notebooks")
            run.log.tags({"mlflow.runName": _name(run), "alarm": str(run.alarm).lower()})
    finally:
        with errors.noted_below(first):
            run.log.end(run.status)


def _write_index(run: Run) -> Path:
    """Write the index page of a run, finished or not, beside its reports."""
    ended = {d.stage: d for d in run.done}
    stages = [
        run_page.Stage(
            name=stage,
            outcome=ended[stage].outcome if stage in ended else "not run",
            seconds=ended[stage].seconds if stage in ended else None,
            peak_mb=ended[stage].peak_mb if stage in ended else None,
            report=ended[stage].report.name if stage in ended and ended[stage].report else None,
            source_run=ended[stage].source_run if stage in ended else None,
        )
        for stage in run.selection.stages
    ]
    dates = run.params.snapshots
    notes = [dates.told()] if dates.as_of else []
    notes += [note for glued in run.glued.values() for note in glued.get("notes", [])]
    return run_page.write(
        run.folder, experiment=run.params.experiment, run_id=run.log.id, status=run.status, started=run.started,
        parameters=run.params.model_dump(mode="json"), stages=stages, decision=run.glued.get("promote"),
        evaluation=_evaluation(run), failure=_failure(run), previous=_previous(run), mlflow=run.log.page or "make ui",
        footer=notebook.footer(run.log.id), notes=notes, month=_month(run),
        log=f"{log_report.NAME}.html" if (run.folder / f"{log_report.NAME}.html").exists() else None,
    )  # fmt: skip


def _month(run: Run) -> dict:
    """What the first screen of the index page tells: what came true, why nothing was trained, whom to contact."""
    skipped = next((step.why for step in run.steps.values() if step.skipped), "")
    return {"looked_back": run.glued.get("monitor"), "listed": run.glued.get("score"), "skipped": skipped}


def _evaluation(run: Run) -> dict | None:
    return json.loads(Path(run.glued["evaluate"]["evaluation"]).read_text()) if "evaluate" in run.glued else None


def _failure(run: Run) -> dict | None:
    if run.failure is None:
        return None
    failed = next((d for d in run.done if d.outcome == "failed"), None)
    where = {"report": failed.report.name, "anchor": "failed-cell"} if failed and failed.report else {}
    return {"stage": failed.stage if failed else ""} | run.failure | where


def _previous(run: Run) -> dict | None:
    """The run before this one, where its page is still there."""
    before = runs.before(run.params.experiment, run.log.id)
    if before is None:
        return None
    page = state.path("runs", before["id"], "index.html")
    return {
        "run_id": before["id"],
        "href": os.path.relpath(page, run.folder) if page.exists() else None,
        "auc": before["metrics"].get("test_auc"),
        "decision": before["tags"].get("decision"),
        "parameters": before["params"],
    }
