"""A run begins: what would stop it is refused, a kernel starts, and only then is loaded what takes seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import filelock

from churn import profile, state
from churn.errors import ChurnError
from churn.features import online_marker
from churn.log import kept
from churn.params import schema
from churn.params.schema import Params
from churn.params.snapshots import Snapshots, resolve
from churn.pipeline import cache_key, plan, stage_parameters
from churn.pipeline.execution.kernels import Kernels
from churn.pipeline.plan import Selection, Step
from churn.sources import locate

if TYPE_CHECKING:
    from churn.pipeline.listener import Listener
    from churn.pipeline.run import Run


def launch(params: Params, *, selection: Selection, listener: Listener, as_of: date | None = None) -> Run:
    """Execute or reuse every stage, as of a day where one is given. Raises StageFailed, or the InvalidData that a stage
    met; MLflow keeps the evidence.

    What is left of a failed run hangs on the error, as `error.run`.
    """
    profile.enter(params.engine)
    inputs = locate.files_of(stage_parameters.input_of(params))
    if not selection.only or "features" in selection.only:
        refuse_database(stage_parameters.input_of(params))
    refuse_contacted(params)
    params = with_dates(with_formats(params, remember=True), as_of, remember=True)
    if params.snapshots.as_of:
        listener.note(params.snapshots.told())
    online_marker.refuse_earlier(params.experiment, str(params.snapshots.serve))
    steps = _steps(params, selection) if selection.only else []  # refused before anything is written
    seen = cache_key.watch(inputs.values())  # before a kernel reads any of it
    with only_one(params.experiment), Kernels(listener.note) as kernels, listener:
        if selection.fresh:  # nor are feature tables of earlier runs taken
            shutil.rmtree(state.path(params.experiment, "snapshots"), ignore_errors=True)
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
    found = kept.found_out(params.experiment, "formats", data, lambda: _resolved(data), remember=remember)
    return params.model_copy(update={"data": type(params.data).model_validate(found)})


def with_dates(params: Params, as_of: date | None = None, *, remember: bool = False) -> Params:
    """The parameters with dates in the place of a rule, as of a day: a given one, or the first midnight after the log's
    last event. Dates that are given stay, and nothing from `as_of` on is seen. Raises UserError.

    A run's own parameters pin them; the log's first and last day are kept as formats are.
    """
    dates = params.snapshots
    if isinstance(dates, Snapshots):
        return schema.with_snapshots(params, dates.model_copy(update={"as_of": as_of})) if as_of else params
    begins, ends = kept.span(params.experiment, stage_parameters.input_of(params), remember=remember)
    days = {"horizon_days": params.horizon_days, "memory_days": params.memory_days}
    return schema.with_snapshots(params, resolve(dates, as_of=as_of or ends + timedelta(days=1), begins=begins, **days))


def _resolved(data: dict) -> dict:
    from churn import engine
    from churn.sources import inputs  # Ibis and DuckDB: only where something is found out

    return inputs.resolve(engine.embedded(), data)


def planned(
    params: Params, selection: Selection, *, as_of: date | None = None, tell: Callable[[str], None] = lambda text: None
) -> list[Step]:
    """What a run would do, and why. Nothing is executed and nothing written. Raises UserError, as the run would.

    `tell` is told the dates that a rule becomes.
    """
    profile.enter(params.engine)
    params = with_dates(with_formats(params), as_of)
    if params.snapshots.as_of:
        tell(params.snapshots.told())
    online_marker.refuse_earlier(params.experiment, str(params.snapshots.serve))
    return _steps(params, selection)


def _steps(params: Params, selection: Selection) -> list[Step]:
    from churn.pipeline import reuse  # MLflow: only the registry says what can be reused

    return reuse.without_obstacles(params.experiment, plan.plan(params, selection), selection)


def refuse_database(data: dict) -> None:
    """Raises InvalidData where a database does not let in or lacks what is to be read, before a kernel starts."""
    if data["source"] == "database":
        from churn.sources.databases import fetch, statement  # Arrow: a quarter of a second

        with locate.concealed(data):
            fetch.check(locate.value_of(data["url"]), statement.reads(data), shown=data["url"])


def refuse_contacted(params: Params) -> None:
    """Raises InvalidData for a file of who was contacted that cannot be used, before a kernel starts."""
    if file := stage_parameters.contacted(params):
        from churn.monitoring import contacted  # pandas: only where there is such a file
        from churn.scoring import lists

        contacted.check(file, lists.all_of(params.experiment))


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
