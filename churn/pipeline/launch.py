"""A run begins: what would stop it is refused, a kernel starts, and only then is loaded what takes seconds."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import filelock

from churn import state
from churn.errors import ChurnError
from churn.features import online_marker
from churn.params.schema import Params
from churn.pipeline import cache_key, plan, stage_parameters
from churn.pipeline.execution.kernels import Kernels
from churn.pipeline.plan import Selection, Step
from churn.sources import locate

if TYPE_CHECKING:
    from churn.pipeline.listener import Listener
    from churn.pipeline.run import Run


def launch(params: Params, *, selection: Selection, listener: Listener) -> Run:
    """Execute or reuse every stage. Raises StageFailed, or the InvalidData that a stage met; MLflow keeps the evidence.

    What is left of a failed run hangs on the error, as `error.run`.
    """
    inputs = locate.files_of(stage_parameters.input_of(params))
    if not selection.only or "features" in selection.only:
        _refuse_database(stage_parameters.input_of(params))
    params = with_formats(params, remember=True)
    online_marker.refuse_earlier(params.experiment, str(params.snapshots.serve))
    steps = _steps(params, selection) if selection.only else []  # refused before anything is written
    seen = cache_key.watch(inputs.values())  # before a kernel reads any of it
    with only_one(params.experiment), Kernels(listener.note) as kernels, listener:
        kernels.expect(plan.to_run(steps or plan.plan(params, selection)))  # while the first one starts
        from churn.pipeline import run  # MLflow and papermill: two seconds, in which the kernel starts

        return run.execute(run.begin(params, selection, seen, listener), kernels)


def with_formats(params: Params, *, remember: bool = False) -> Params:
    """The parameters with how the input's files are written, found out where nothing is said: a run's own parameters
    pin it, so that nobody finds out again. Raises InvalidData where the files leave it open.

    What was found out is kept for as long as neither the files nor the data section change.
    """
    if params.data.source not in ("events", "tables"):
        return params
    data = params.data.model_dump(mode="json", exclude_none=True)
    files = locate.files_of(data).values()
    stats = sorted((str(file), state.file_stat(file)) for file in files)
    seen = hashlib.sha256(json.dumps([data, stats]).encode()).hexdigest()  # where files lie may be a secret
    known = state.path(params.experiment, "formats.json")
    kept = json.loads(known.read_text()) if known.exists() else {}
    if kept.get("seen") != seen:
        from churn import engine
        from churn.sources import inputs  # Ibis and DuckDB: only where something is found out

        kept = {"seen": seen, "data": inputs.resolve(engine.connect(), data)}
        if remember:
            state.write_json(known, kept)
    return params.model_copy(update={"data": type(params.data).model_validate(kept["data"])})


def planned(params: Params, selection: Selection) -> list[Step]:
    """What a run would do, and why. Nothing is executed and nothing written. Raises UserError, as the run would."""
    params = with_formats(params)
    online_marker.refuse_earlier(params.experiment, str(params.snapshots.serve))
    return _steps(params, selection)


def _steps(params: Params, selection: Selection) -> list[Step]:
    from churn.pipeline import reuse  # MLflow: only the registry says what can be reused

    return reuse.without_obstacles(params.experiment, plan.plan(params, selection), selection)


def _refuse_database(data: dict) -> None:
    """Raises InvalidData where a database does not let in or lacks what is to be read, before a kernel starts."""
    if data["source"] == "database":
        from churn.sources.databases import fetch, statement  # Arrow: a quarter of a second

        with locate.concealed(data):
            fetch.check(locate.value_of(data["url"]), statement.reads(data), shown=data["url"])


def only_one(experiment: str) -> filelock.BaseFileLock:
    """Hold an experiment against any other run: two would write the same feature tables. Raises ChurnError."""
    path = state.path(experiment, "run.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    try:
        return lock.acquire()
    except filelock.Timeout:
        told = f"another run of {experiment} is under way (it holds {path}); wait for it, or end it"
        raise ChurnError(told) from None
