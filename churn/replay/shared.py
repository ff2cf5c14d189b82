"""What no policy changes is made once for all lives: the features of a date, and the training on them.

state/<experiment>/replay/shared/<stage>/<key>/ holds what a stage left: files/, artifacts/ and made.json; of a training
the model/ too. A maker is a state folder in which the stages' notebooks are lived, one date after the other, so that a
later date takes the feature tables of the earlier ones over.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from churn import fingerprint, state
from churn.features import kept, store
from churn.params.schema import Params
from churn.pipeline import cache, stage_parameters
from churn.pipeline.execution import in_process
from churn.registry import runs, tracking, versions

MADE = "made.json"
SHIFTING = ("retrain", "promote", "evaluate", "score", "serving", "timeouts", "snapshots")  # no part of a maker's key


@dataclass(frozen=True)
class Made:
    """A stage that was made: where, what its notebook glued, and what it logged to its run, as runs.added has it."""

    folder: Path
    glued: dict
    logged: dict
    version_tags: dict
    root: str  # the state folder in which it was made, which its paths name

    def put(self, experiment: str, stage: str) -> dict:
        """Put what the stage wrote into the state folder of this process; returns what it glued, with paths there."""
        for name in cache.WRITES[stage]:
            target = state.path(experiment, name)
            with state.replacing(target) as temporary:
                shutil.copytree(self.folder / "files" / name, temporary, copy_function=state.link)
        return json.loads(json.dumps(self.glued).replace(self.root, str(state.root())))


@dataclass(frozen=True)
class Shared:
    """The store of what is shared, under a folder; `kept`: the feature tables that the runs of production have kept."""

    home: Path
    kept: Path | None = None

    def features(self, params: Params) -> Made:
        """The features as of a date, from here or made now. Raises what the stage raises."""
        given = stage_parameters.stage_parameters(params, "features", {}, "")
        return self._of("features", given, [], params, lambda: _features(params))

    def training(self, params: Params) -> Made:
        """The training on the features of a date, from here or made now. Raises what the stage raises."""
        features = self.features(params)
        given = stage_parameters.stage_parameters(params, "train", {"features": {"manifest": ""}}, "")
        return self._of("train", given, [features.folder.name], params, lambda: _training(params, features))

    def _of(self, stage: str, given: dict, upstream: list[str], params: Params, make: Callable[[], dict]) -> Made:
        place = self.home / stage / fingerprint.of_values([given, upstream])
        if not (place / MADE).exists():
            with self._maker(stage, params):
                if not (place / MADE).exists():
                    _keep(place, stage, params.experiment, make())
        return Made(place, **json.loads((place / MADE).read_text()))

    @contextmanager
    def _maker(self, stage: str, params: Params) -> Iterator[None]:
        """Within it the state folder is that of the only process that makes a stage with these settings."""
        fixed = {name: value for name, value in params.model_dump(mode="json").items() if name not in SHIFTING}
        if stage == "features":
            del fixed["train"], fixed["seed"]
        maker = self.home / "makers" / f"{stage}-{fingerprint.of_values(fixed)[:12]}"
        maker.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(maker / "lock"), own_state(maker / "state"):
            if stage == "features":
                self._begin_with_kept(params.experiment)
            yield

    def _begin_with_kept(self, experiment: str) -> None:
        """The first time, take over what production has kept; whether a table still holds is found out as ever."""
        target = state.path(experiment, kept.FOLDER)
        if self.kept and self.kept.is_dir() and not target.exists():
            with suppress(shutil.Error), state.replacing(target) as temporary:  # a run may forget some meanwhile
                shutil.copytree(self.kept, temporary, copy_function=state.link)


@contextmanager
def own_state(root: Path) -> Iterator[None]:
    """Within it all that is written lies in a folder of its own: runs, registry, features, what is online."""
    store_of = {"MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db", "CHURN_ARTIFACTS": str(root / "artifacts")}
    with state.environment(CHURN_STATE=str(root), CHURN_LOCK="", CHURN_ENGINE="duckdb", **store_of):
        yield


def _features(params: Params) -> dict:
    return _run("features", params, {})


def _training(params: Params, features: Made) -> dict:
    glued = {"features": features.put(params.experiment, "features")}
    store.apply(store.open_store(params.experiment))
    made = _run("train", params, glued)
    version = versions.get(params.experiment, made["glued"]["version"])
    return made | {"version": version}


def _run(stage: str, params: Params, glued: dict) -> dict:
    log = tracking.start(params.experiment, name=f"{stage} as of {params.snapshots.as_of}")
    before = runs.contents(log.id)
    found = in_process.run(stage, stage_parameters.stage_parameters(params, stage, glued, log.id))
    log.end("FINISHED")
    return {"run": log.id, "glued": found, "logged": runs.added(before, runs.contents(log.id))}


def _keep(place: Path, stage: str, experiment: str, made: dict) -> None:
    """Keep what a stage has just left in this state folder."""
    version, root = made.get("version"), str(state.root())
    with state.replacing(place) as temporary:
        for name in cache.WRITES[stage]:
            shutil.copytree(state.path(experiment, name), temporary / "files" / name, copy_function=state.link)
        for path in made["logged"].pop("artifacts"):
            target = temporary / "artifacts" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            state.link(runs.artifact(made["run"], path), target)
        if version:
            shutil.copytree(versions.verified_files(version), temporary / "model", copy_function=state.link)
        if stage == "features":
            _stage_where_it_stays(temporary, place, experiment)
        told = {name: made[name] for name in ("glued", "logged")}
        tags = {} if version is None else version.tags
        state.write_json(temporary / MADE, told | {"version_tags": tags, "root": root})


def _stage_where_it_stays(temporary: Path, place: Path, experiment: str) -> None:
    """The manifest names the log as it was read: here it stays, where a life's own is written over every month."""
    manifest = temporary / "files" / "features" / "features.json"
    told = json.loads(manifest.read_text())
    state.write_json(manifest, told | {"staged": str(place / "files" / "source")})
