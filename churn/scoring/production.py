"""The list of the version in production: whether it can score these features, and what `list.json` says of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from churn import state
from churn.evaluation import document
from churn.features import online_marker
from churn.registry import decisions, version_levels, versions
from churn.registry.versions import Loaded, Version
from churn.scoring import batch, control, lists
from churn.scoring.lists import ScoreList

if TYPE_CHECKING:
    from churn.registry.tracking import Run
    from churn.reports.plots.style import Plot

PROMISED = ("auc", "log_loss")


@dataclass(frozen=True)
class Listed:
    """The list of a month or, where there is none, why: `version` in production, 0 for nothing."""

    version: int
    list: ScoreList | None
    why: str = ""

    @property
    def document(self) -> dict:
        """What `list.json` says; {} where there is no list."""
        return self.list.document if self.list else {}

    @property
    def path(self) -> str:
        """Where the rows lie; empty where there is no list."""
        return str(self.list.path) if self.list else ""

    def portions(self) -> Iterator[pd.DataFrame]:
        """What is counted of the list, most to gain first, in portions that fit into memory; none without a list."""
        columns = ["probability", "decile", "flagged", "expected_profit", "group"]
        return self.list.portions(columns) if self.list else iter(())

    def top(self, most: int) -> pd.DataFrame:
        """The first of those to contact, most to gain first."""
        rows = self.list.to_contact(most) if self.list else lists.NOBODY
        return rows.drop(columns=["version", "snapshot"])


def listed(
    experiment: str, manifest: dict, snapshot: str, *, share: float, budget: int | None, seed: int, run_id: str
) -> Listed:
    """Score everybody of a snapshot by the version in production; a list that follows from the same stays as it is.

    `share` of those to be contacted are kept back. Raises ChampionUnavailable.
    """
    version = versions.production(experiment)
    if version is None:
        return Listed(0, None, "nothing is in production yet, so nobody is scored and there is no list")
    if why := _cannot(version, manifest, snapshot):
        return Listed(version.version, None, why)
    made_of = _made_of(version, manifest, snapshot) | _settings(share, budget, seed)
    standing = lists.current(experiment, snapshot)
    if standing and standing.follows_from(made_of):
        return Listed(version.version, standing)
    home = state.path(experiment, "scores")
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".") as folder:
        of = made_of | {"made_in": run_id}
        told = _written(versions.load_production(experiment), manifest, of, state.path(folder))
        return Listed(version.version, lists.put(state.path(folder), told))


def write_beside(
    version: Version, manifest: dict, snapshot: str, folder: Path, *, share: float, budget: int | None, seed: int
) -> bool:
    """Write into a folder the list that a version would have made, had it been in production; False where it cannot
    score the snapshot."""
    if _cannot(version, manifest, snapshot):
        return False
    made_of = _made_of(version, manifest, snapshot) | _settings(share, budget, seed)
    with state.replacing(folder) as temporary:
        temporary.mkdir()
        state.write_json(temporary / lists.DOCUMENT, _written(versions.load(version), manifest, made_of, temporary))
    return True


def record(run: Run, made: Listed, figures: dict[str, Plot]) -> None:
    """Put a list, its figures and its counts into the run; nothing where there is no list."""
    if not made.list:
        return
    for name in lists.FILES:
        run.file(made.list.folder / name)
    run.figures(figures)
    run.metrics({f"list_{name}": made.document[name] for name in ("customers", "flagged", "contact", "control")})


def _cannot(version: Version, manifest: dict, snapshot: str) -> str:
    """Why a version cannot score these features; empty where it can."""
    takes = version.tags.get("feature_service")
    if takes != manifest["service"]:
        return (
            f"version {version.version} is in production and takes the features of {takes}; those of this run are "
            f"{manifest['service']}, which it cannot score: there is no list until a version of these is promoted"
        )
    if not version_levels.of(version, snapshot):
        return (
            f"version {version.version} is in production and has no level at {snapshot}, so that its probabilities "
            "would be those of another season: run the features stage, which finds the level out"
        )
    return ""


def _made_of(version: Version, manifest: dict, snapshot: str) -> dict:
    """What a list says of the version: all that follows from its record."""
    experiment = version.name
    evaluation = decisions.evaluation_of(experiment, version.version, f"{experiment}/evaluation/evaluation.json")
    own = version.tags.get("economics")
    return {
        "experiment": experiment,
        "snapshot": snapshot,
        "version": version.version,
        "run_id": version.run_id,
        "features": online_marker.content(manifest, snapshot)[1],
        "level": version_levels.of(version, snapshot),
        "economics": json.loads(own) if own else evaluation.get("policy", {}).get("economics"),
        "threshold": version.threshold,
        "empc": evaluation.get("empc"),
        "promised": {metric: _promised(evaluation, metric) for metric in PROMISED},
        "slope": evaluation.get("calibration", {}).get("slope"),
    }


def _promised(evaluation: dict, metric: str) -> dict | None:
    """The candidate's score in the test, with its interval; None where it was not evaluated."""
    found = document.intervals(evaluation).query("model == 'candidate' and metric == @metric")
    return document.plain(found[["estimate", "low", "high"]].iloc[0].to_dict()) if len(found) else None


def _settings(share: float, budget: int | None, seed: int) -> dict:
    return {"control_share": share, "budget": budget, "seed": seed, "reasons": len(lists.REASONS)}


def _written(loaded: Loaded, manifest: dict, of: dict, folder: Path) -> dict:
    """The rows into a folder; returns what `list.json` says of them."""
    names = ("snapshot", "threshold", "economics", "budget")
    terms = batch.Terms(
        **{name: of[name] for name in names},
        level=of["level"]["log_odds"],
        key=control.key(of["experiment"], of["seed"]),
        share=of["control_share"],
    )
    counts = batch.write_list(loaded, manifest, terms, folder)
    return of | asdict(counts) | {"created": f"{datetime.now(UTC):%FT%TZ}"}
