"""The levels of versions on the record: a tag on the version for each snapshot, as serving reads it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from churn import engine, state
from churn.errors import ModelUnavailable
from churn.features import online_marker
from churn.registry import versions
from churn.registry.versions import Version

if TYPE_CHECKING:  # a rollback takes seconds; scikit-learn alone takes one to import
    import numpy as np

    from churn.training.levels import Level, Rule

TAG = "level."
TOLD = ("log_odds", "why", "season", "of", "margin")


def tag(level: Level, log_odds: np.ndarray | None = None) -> dict[str, str]:
    """A level as a tag of its version. `log_odds` of the snapshot's customers tell the share of leavers expected."""
    told = {name: getattr(level, name) for name in TOLD}
    expected = {} if log_odds is None else {"expected": level.expected(log_odds)}
    return {f"{TAG}{level.snapshot}": json.dumps(told | expected)}


def of(version: Version, snapshot: str) -> dict | None:
    """The level of a version at a snapshot: log_odds, why, season, of, margin, expected; None where it has none."""
    return all_of(version).get(snapshot)


def all_of(version: Version) -> dict[str, dict]:
    """The levels of a version by snapshot, as in `of`."""
    return {name.removeprefix(TAG): json.loads(told) for name, told in version.tags.items() if name.startswith(TAG)}


def write(experiment: str, made: list[Level], rule: Rule) -> str:
    """Keep a candidate's levels and the rule that they follow, for the evaluation and for later decisions."""
    document = {"rule": asdict(rule), "levels": {level.snapshot: level.document() for level in made}}
    return str(state.write_json(state.path(experiment, "training", "levels.json"), document))


def read_rule(path: str) -> Rule:
    """The rule that the last training kept."""
    from churn.training.levels import Rule

    return Rule(**json.loads(state.path(path).read_text())["rule"])


def ensure(experiment: str, version: Version) -> dict | None:
    """The level of a version at the snapshot that is online, computed where the version has none from the customers
    whose labels the last training knew; None where nothing is online, or they lack a feature that the version takes."""
    snapshot, _ = online_marker.current(experiment)
    known, rule = (state.path(experiment, "training", name) for name in ("known.parquet", "levels.json"))
    if not snapshot or of(version, snapshot) or not (known.exists() and rule.exists()):
        return of(version, snapshot)
    from churn.training import levels

    try:
        rows, loaded = engine.frame(known), versions.load(version)
    except ModelUnavailable:
        return None  # whoever looks at its files says so
    if not loaded.can_score(rows):
        return None
    rule = read_rule(str(rule))
    made = tag(levels.of_model(loaded.pipeline, rows, loaded.columns, rule).at(snapshot))
    versions.tag(experiment, version.version, made)
    return json.loads(next(iter(made.values())))
