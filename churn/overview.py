"""What the index page of a run is told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from churn import execution, state
from churn.registry import runs
from churn.reports import run_page

if TYPE_CHECKING:
    from churn.pipeline import Run


def write(run: Run) -> Path:
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
        for stage in run.asked.stages
    ]
    return run_page.write(
        run.folder, experiment=run.params.experiment, run_id=run.log.id, status=run.status, started=run.started,
        parameters=run.params.model_dump(mode="json"), stages=stages, decision=run.glued.get("promote"),
        evaluation=_evaluation(run), failure=_failure(run), previous=_previous(run), mlflow=_mlflow(run),
        footer=execution.footer(run.log.id),
    )  # fmt: skip


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


def _mlflow(run: Run) -> str:
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    return f"{uri}/#/experiments/{run.log.experiment_id}/runs/{run.log.id}" if uri.startswith("http") else "make ui"
