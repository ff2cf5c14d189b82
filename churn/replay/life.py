"""One policy lived: a month after the other through the notebooks' own cells, in a state folder of its own.

When a month is done the registry is copied as it is then, and its record is written last: a life that was cut short
goes on from the newest record, on that copy.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from datetime import date
from pathlib import Path

from churn import engine, state
from churn.errors import UserError
from churn.features import manifest as manifests
from churn.params.schema import Params
from churn.pipeline import run as pipeline
from churn.pipeline import stage_parameters
from churn.pipeline.execution import in_process
from churn.pipeline.listener import Listener
from churn.pipeline.plan import Selection
from churn.pipeline.run import Run
from churn.registry import history, versions
from churn.replay import dates, record
from churn.replay.record import Life, Month
from churn.replay.shared import Shared, own_state
from churn.scoring import production
from churn.sources import contract

REGISTRY = "mlflow.db"


def live(life: Life, params: Params, span: dates.Span, days: list[date], shared: Shared) -> None:
    """Live the days that are not lived yet; each leaves its record. `params` are those of the policy."""
    with own_state(life.state):
        _as_after(life)
        for day in days[len(life.months) :]:
            record.keep(life, _lived(life, dates.at(params, span, day), shared))


def _as_after(life: Life) -> None:
    """The state as it was when the last month had been lived: nothing of a month that was cut short."""
    last = life.months[-1] if life.months else None
    registry = life.state / REGISTRY
    for left in registry.parent.glob(f"{REGISTRY}*"):
        left.unlink()
    if last is None:
        shutil.rmtree(life.state, ignore_errors=True)
        return
    shutil.copy2(registry_after(life, last.as_of), registry)
    for folder in (life.state / life.params["experiment"] / "scores").glob("[0-9]*"):
        if folder.name > last.serve:
            shutil.rmtree(folder)


def registry_after(life: Life, as_of: str) -> Path:
    """The registry as it was when a month had been lived."""
    return life.folder / "months" / f"{as_of}.db"


def _lived(life: Life, params: Params, shared: Shared) -> Month:
    """A month. What would have stopped its run is told in the place of a decision, and the next month comes."""
    run = pipeline.begin(params, Selection(), {}, Listener())
    before, seconds = versions.production(params.experiment), {}
    try:
        _stages(run, shared, seconds)
        run.status, why = "FINISHED", run.glued["monitor"]["why"]
    except UserError as error:
        run.status, why = "FAILED", f"the run would have stopped: {' '.join(str(error).split())}"
    finally:
        run.log.end(run.status if run.status != "RUNNING" else "KILLED")
    month = _month(life, run, before.version if before else 0, why, seconds)
    _copy(life.state / REGISTRY, registry_after(life, month.as_of))
    return month


def _stages(run: Run, shared: Shared, seconds: dict[str, float]) -> None:
    """The stages of a run in their order, as `pipeline.run` has them; how long each took."""
    for stage in run.selection.stages:
        if not run.selection.skips(stage, run.glued):
            began = time.perf_counter()
            run.glued[stage] = _OF_STAGE.get(stage, _by_its_cells)(run, stage, shared)
            seconds[stage] = round(time.perf_counter() - began, 3)
    if "promote" in run.glued:
        decision = run.glued["promote"]
        run.log.tags({"decision": decision["decision"], "decision_run": decision["decision_run"]})


def _by_its_cells(run: Run, stage: str, shared: Shared) -> dict:
    return in_process.run(stage, _parameters(run, stage))


def _parameters(run: Run, stage: str) -> dict:
    return stage_parameters.stage_parameters(run.params, stage, run.glued, run.log.id)


def _features(run: Run, stage: str, shared: Shared) -> dict:
    """The features that all share; and the cells that act on what is in production, which each life has its own of."""
    made = shared.features(run.params)
    glued = made.put(run.params.experiment, stage)
    run.log.log_reused_stage(made.logged, made.folder / "artifacts")
    manifest, con = manifests.load(Path(glued["manifest"])), engine.connect()
    given = {"feature_manifest": manifest, "con": con, "source": contract.reopen(con, manifest)}
    in_process.run(stage, _parameters(run, stage), tag=in_process.PRODUCTION, given=given)
    return glued


def _train(run: Run, stage: str, shared: Shared) -> dict:
    """The training that all share, registered as this life's next version."""
    made = shared.training(run.params)
    glued = made.put(run.params.experiment, stage)
    run.log.log_reused_stage(made.logged, made.folder / "artifacts")
    version = versions.adopt(run.params.experiment, made.folder / "model", run_id=run.log.id, tags=made.version_tags)
    run.log.tags({"version": version.version})
    return glued | {"version": version.version}


_OF_STAGE = {"features": _features, "train": _train}


def _month(life: Life, run: Run, before: int, why: str, seconds: dict[str, float]) -> Month:
    dates_of, glued, experiment = run.params.snapshots, run.glued, run.params.experiment
    decision, listed = glued.get("promote"), glued.get("score", {})
    now = versions.production(experiment)
    document = history.gate_of(decision["decision_run"]) if decision else []
    return Month(
        as_of=str(dates_of.as_of), train=[str(t) for t in dates_of.train], test=str(dates_of.test),
        serve=str(dates_of.serve), trained="train" in glued, why=why, alarm=run.alarm,
        decision=decision and decision["decision"], failed=decision["failed"] if decision else [],
        said=decision["said"] if decision else "", gate=document, candidate=decision["version"] if decision else 0,
        before=before, production=now.version if now else 0,
        list=str(Path(listed["list"]).parent) if listed.get("list") else "", other=_other(life, run, before),
        evaluation=_kept_evaluation(life, run), stopped=run.status == "FAILED", seconds=seconds,
    )  # fmt: skip


def _other(life: Life, run: Run, before: int) -> dict | None:
    """What did not rule: the candidate that was not promoted, or the version that it replaced, with its list."""
    decision, serve = run.glued.get("promote"), str(run.params.snapshots.serve)
    if not decision or not run.glued.get("score", {}).get("list"):
        return None
    promoted = decision["decision"] == history.PROMOTED
    role, number = ("replaced", before) if promoted else ("refused", decision["version"])
    if not number or number == decision["production"]:
        return None
    folder = life.folder / "others" / serve
    manifest = manifests.load(Path(run.glued["features"]["manifest"]))
    settings = {"share": run.params.score.control, "budget": run.params.evaluate.budget, "seed": run.params.seed}
    version = versions.get(run.params.experiment, number)
    if not production.write_beside(version, manifest, serve, folder, **settings):
        return None
    return {"version": number, "role": role, "list": str(folder)}


def _kept_evaluation(life: Life, run: Run) -> str:
    if "evaluate" not in run.glued:
        return ""
    kept = life.folder / "evaluations" / f"{run.params.snapshots.as_of}.json"
    return str(state.write_text(kept, Path(run.glued["evaluate"]["evaluation"]).read_text()))


def _copy(database: Path, target: Path) -> None:
    """A copy of an SQLite file as it is now, whoever has it open."""
    with (
        state.replacing(target) as temporary,
        closing(sqlite3.connect(database)) as held,
        closing(sqlite3.connect(temporary)) as copy,
    ):
        held.backup(copy)
