"""What each notebook is given: its share of the params file, and what the stages before it glued. Plain values only."""

from __future__ import annotations

from pathlib import Path

from churn.params.schema import Params
from churn.sources import locate

# The stages whose values and results a stage takes.
NEEDS = {
    "features": (),
    "monitor": ("features",),
    "train": ("features",),
    "evaluate": ("features", "train"),
    "promote": ("features", "train", "evaluate"),
    "score": ("features",),
}
TOLERANCE = 0.05  # by which the level may miss, where the gate has no rule for it


def stage_parameters(params: Params, stage: str, glued: dict[str, dict], run_id: str) -> dict:
    """The parameters of a stage's notebook. `glued`: stage -> what its notebook glued."""
    upstream = {name: value for needed in NEEDS[stage] for name, value in glued.get(needed, {}).items()}
    own = OF_STAGE[stage](params, upstream)
    return {"experiment": params.experiment} | own | {"run_id": run_id}


def decision_parameters(
    params: Params, action: str, version: int, *, reason: str, by: str, override: bool = False
) -> dict:
    """The parameters of notebooks/promote.ipynb for a decision that a person takes."""
    request = {"action": action, "reason": reason, "by": by, "override": override}
    return {"experiment": params.experiment} | _promote(params, {"version": version, "evaluation": ""}) | request


def input_of(params: Params) -> dict:
    """The data section as the readers take it."""
    return locate.absolute_paths(params.data.model_dump(mode="json", exclude_none=True))


def _features(params: Params, upstream: dict) -> dict:
    return _snapshots(params) | {
        "as_of": str(params.snapshots.as_of or ""),
        "data": input_of(params),
        "windows_days": params.features.windows_days,
        "recipe": params.features.recipe,
        "label": label_of(params),
    }


def _monitor(params: Params, upstream: dict) -> dict:
    limit = params.promote.rules.max_level_error
    return {
        "manifest": upstream["manifest"],
        "label": label_of(params),
        "as_of": str(params.snapshots.as_of or ""),
        "serve_snapshot": str(params.snapshots.serve),
        "retrain": params.retrain.model_dump(),
        "economics": params.evaluate.economics.model_dump(),
        "tolerance": TOLERANCE if limit is None else limit,
        "contacted": contacted(params),
        "bootstrap": params.evaluate.bootstrap,
        "seed": params.seed,
    }


def _train(params: Params, upstream: dict) -> dict:
    return _snapshots(params) | {
        "manifest": upstream["manifest"],
        "label": label_of(params),
        "split": params.train.split,
        "test_fraction": params.train.test_fraction,
        "max_rows": params.train.max_rows,
        "trusted_features": params.train.trusted_features,
        "model": params.train.model,
        "settings": _settings(params),
        "seed": params.seed,
    }


def _settings(params: Params) -> dict:
    """Those of the estimator; one that has no section foretells silence for the horizon of the label."""
    section = getattr(params.train, params.train.model, None)
    return section.model_dump() if section else {"horizon_days": params.horizon_days}


def _evaluate(params: Params, upstream: dict) -> dict:
    taken = {name: upstream[name] for name in ("version", "training_set", "known_set", "levels_file", "manifest")}
    return params.evaluate.model_dump() | taken | {"test_snapshot": str(params.snapshots.test), "seed": params.seed}


def _promote(params: Params, upstream: dict) -> dict:
    promote = params.promote.model_dump()  # a rule that is None is off, and the notebook says so
    taken = {name: upstream[name] for name in ("version", "evaluation")}
    return {"action": "decide"} | taken | promote | {"by": "", "reason": "", "override": False}


def _score(params: Params, upstream: dict) -> dict:
    return {
        "manifest": upstream["manifest"],
        "serve_snapshot": str(params.snapshots.serve),
        "control": params.score.control,
        "budget": params.evaluate.budget,
        "seed": params.seed,
    }


def contacted(params: Params) -> str:
    """The file of who was contacted; "" where none is named."""
    return str(Path(params.score.contacted).absolute()) if params.score.contacted else ""


def label_of(params: Params) -> dict:
    return params.label.model_dump(mode="json", exclude_none=True) | {"horizon_days": params.horizon_days}


def _snapshots(params: Params) -> dict:
    return {
        "train_snapshots": [str(t) for t in params.snapshots.train],
        "test_snapshot": str(params.snapshots.test),
        "serve_snapshot": str(params.snapshots.serve),
        "history_snapshots": [str(t) for t in params.snapshots.history],
        "every": params.snapshots.every or "",
    }


OF_STAGE = {
    "features": _features, "monitor": _monitor, "train": _train, "evaluate": _evaluate, "promote": _promote,
    "score": _score,
}  # fmt: skip
