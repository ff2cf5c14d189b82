"""Which stages run, which are reused, and why: decided from keys and kept entries, before anything is executed."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from churn import state
from churn.errors import InvalidParams
from churn.params.schema import Params
from churn.pipeline import cache, cache_key, stage_parameters
from churn.pipeline.stage_parameters import NEEDS
from churn.sources import locate

ROWS_READ = "rows read"  # of a database: an ingredient that is known only when the stage has read them
STAGES = ("features", "monitor", "train", "evaluate", "promote", "score")
TRAINING = ("train", "evaluate", "promote")  # which monitor may find not to be needed
SEEN = "what it looks back at"  # an ingredient: the lists and predictions of before, and who was contacted
IF_IT_IS_TIME = "if monitor finds that it is time"


@dataclass(frozen=True)
class Selection:
    """What a person asked for: every stage anew, or some of them (those that they need are reused, the others left)."""

    fresh: bool = False
    only: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the run, in order."""
        wanted = {need for stage in self.only or STAGES for need in (stage, *NEEDS[stage])}
        return tuple(stage for stage in STAGES if stage in wanted)

    def skips(self, stage: str, glued: dict[str, dict]) -> str:
        """Why monitor has found a stage not to be needed; empty where it runs, as one does that was asked for."""
        found = glued.get("monitor", {})
        passed_over = stage in TRAINING and not self.fresh and not self.only and found.get("retrain") is False
        return found["why"] if passed_over else ""


@dataclass(frozen=True)
class Step:
    """One stage of a run: skipped, reused where `entry` is there, executed otherwise; `why` in a few words."""

    stage: str
    why: str
    ingredients: dict[str, str]
    entry: cache.Entry | None = None
    skipped: bool = False

    @property
    def key(self) -> str:
        return cache_key.key(self.ingredients)


def step(params: Params, stage: str, before: dict[str, Step], glued: dict[str, dict], selection: Selection) -> Step:
    """What becomes of a stage, given the steps before it and what they glued.

    Raises InvalidParams for a stage that is to be reused and cannot be.
    """
    if why := selection.skips(stage, glued):
        return Step(stage, why, {}, skipped=True)
    ingredients = cache_key.ingredients(
        stage,
        stage_parameters.stage_parameters(params, stage, glued, ""),
        upstream={name: before[name].key for name in NEEDS[stage]},
        inputs=locate.files_of(stage_parameters.input_of(params)) if stage == "features" else {},
    )
    if stage == "monitor":
        ingredients[SEEN] = _seen(params)
    if stage == "promote":
        return Step(stage, "a decision is always taken anew", ingredients)
    if selection.fresh or stage in selection.only:
        return Step(stage, "asked for (--fresh)" if selection.fresh else "asked for (--stages)", ingredients)
    if stage == "features" and params.data.source == "database":
        return _of_database(params.experiment, ingredients, selection)
    entry = cache.find(params.experiment, stage, cache_key.key(ingredients))
    if entry:
        return Step(stage, f"unchanged since run {entry.run_id}", ingredients, entry)
    return not_reused(stage, ingredients, _changed(params.experiment, stage, ingredients), selection)


def with_rows_read(step: Step, tables: dict[str, dict]) -> Step:
    """A step that has read a database, its key by what it read: what follows is reused where the rows are the same.

    `tables`: name -> what the run recorded of it, with its fingerprint.
    """
    prints = {name: table["fingerprint"] for name, table in tables.items()}
    return replace(step, ingredients=step.ingredients | {ROWS_READ: json.dumps(prints, sort_keys=True)})


def not_reused(stage: str, ingredients: dict[str, str], why: str, selection: Selection) -> Step:
    """A stage that has to run. Raises InvalidParams where only others were asked for."""
    if selection.only:
        raise InvalidParams(
            f"--stages {','.join(selection.only)}: {stage} comes before and cannot be reused ({why}); "
            f"run it too: --stages {','.join(selection.stages[selection.stages.index(stage) :])}"
        )
    return Step(stage, why, ingredients)


def plan(params: Params, selection: Selection) -> list[Step]:
    """The steps of a run as far as they can be known before it. Raises InvalidParams."""
    steps: dict[str, Step] = {}
    glued: dict[str, dict] = {}
    for stage in selection.stages:
        if why := _undecided(params, stage, steps, glued, selection):
            forced = stage in selection.only or stage == "promote"
            steps[stage] = Step(stage, why, {}) if forced else not_reused(stage, {}, why, selection)
            continue
        steps[stage] = current = step(params, stage, steps, glued, selection)
        known = current.entry or (
            cache.find(params.experiment, stage, current.key) if stage in selection.only else None
        )
        if known:
            glued[stage] = known.glued
    return list(steps.values())


def _undecided(params: Params, stage: str, steps: dict[str, Step], glued: dict[str, dict], selection: Selection) -> str:
    """What has to run before it is known what becomes of a stage; empty where it is known."""
    asks = stage in TRAINING and "monitor" in steps and params.retrain.when != "always" and not selection.fresh
    if asks and "monitor" not in glued:
        return IF_IT_IS_TIME
    skipped = [name for name, step in steps.items() if step.skipped]
    unknown = next((name for name in NEEDS[stage] if name in steps and name not in {*glued, *skipped}), None)
    if stage == "score" and "promote" in steps and "promote" not in skipped:
        unknown = "promote"  # who scores is known after it
    return f"{unknown} runs before it" if unknown else ""


def _of_database(experiment: str, ingredients: dict[str, str], selection: Selection) -> Step:
    """The rows of a database have no key before they are read; whoever asks for later stages alone takes the last."""
    alike = [
        entry
        for place, entry in cache.entries(experiment)
        if entry.stage == "features" and {n: v for n, v in entry.ingredients.items() if n != ROWS_READ} == ingredients
        and cache.find(experiment, "features", place.name)
    ]  # fmt: skip
    if selection.only and alike:
        last = max(alike, key=lambda entry: entry.finished)
        return Step("features", f"as run {last.run_id} read the database, which is not asked", last.ingredients, last)
    return not_reused("features", ingredients, "the rows of a database are read anew by every run", selection)


def _seen(params: Params) -> str:
    """Digest of what monitor looks back at, beside the registry: lists, logged predictions, who was contacted."""
    of_lists = state.path(params.experiment, "scores").rglob("list.json")
    answers = (state.path(params.experiment, kind) for kind in ("predictions", "refusals"))
    logged = [file for folder in answers for file in folder.rglob("*.parquet")]
    contacted = [Path(path) for path in [stage_parameters.contacted(params)] if path]
    return cache_key.key({str(path): str(state.file_stat(path)) for path in (*of_lists, *logged, *contacted)})


def stages_of(text: str) -> tuple[str, ...]:
    """`features,train` as names. Raises InvalidParams."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        raise InvalidParams(
            f"--stages {text}: a stage is one of {', '.join(STAGES)}; found {', '.join(unknown) or 'none'}"
        )
    return names


def _changed(experiment: str, stage: str, ingredients: dict[str, str], most: int = 3) -> str:
    last = cache.newest(experiment, stage)
    if last is None:
        return "never ran before"
    changed = cache_key.differences(last.ingredients, ingredients)
    if not changed:
        return "what it kept is damaged or gone"
    most = max(most, sum(change.startswith("parameter ") for change in changed))  # of these none is hidden
    return "; ".join(changed[:most]) + (f"; and {len(changed) - most} more" if len(changed) > most else "")


def to_run(steps: Collection[Step]) -> list[str]:
    """Names of the stages that will be executed."""
    return [s.stage for s in steps if not s.entry and not s.skipped]
