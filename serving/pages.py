"""What is in production and why: the same as JSON for machines and as a page for people."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from flask import render_template

from churn.errors import RegistryError
from churn.registry import history
from serving.api import Api
from serving.champion import SILENT_SECONDS, Champion
from serving.scoring import utc

PATIENCE_SECONDS = 2.0  # for the registry; the rest of the page is in memory


def page_data(app: Api) -> dict:
    """The model that answers, the decision that put it there, what it saw in training, and what needs a look."""
    champion = app.holder.champion
    if champion is None:
        return {"model": None, "warnings": warnings(app)}
    tags = champion.version.tags
    return {
        "model": champion.name | {"kind": tags.get("model"), "stage": champion.version.stage},
        "threshold": champion.threshold,
        "economics": champion.economics,
        "test_auc": float(tags["test_auc"]) if "test_auc" in tags else None,
        "feature_service": champion.metadata["feature_service"],
        "loaded_at": utc(datetime.fromtimestamp(champion.loaded_at, UTC)),
        "scored_by": champion.scored_by,
        "level": _level(champion),
        "decision": _decision(champion),
        "training_ranges": champion.metadata["training_ranges"],
        "warnings": warnings(app),
    }


def warnings(app: Api) -> list[str]:
    """What needs a look although predictions are answered."""
    champion = app.holder.champion
    said = [str(app.holder.problem)] if app.holder.problem else []
    if app.holder.registry_silent and not isinstance(app.holder.problem, RegistryError):  # whoever asks it still waits
        said.append(f"the registry has not answered for {SILENT_SECONDS:g} s")
    if champion and champion.reader.population is None:
        said.append(
            f"the features of version {champion.version.version} are older than the rule of who counts: everybody is "
            "scored, inside the population or not; run the pipeline for a version that knows it"
        )
    return said


def page(app: Api) -> str:
    """The same for people."""
    return render_template("model.html", experiment=app.holder.name, **page_data(app))


def _level(champion: Champion) -> dict | None:
    """The level at the newest snapshot that the version has one for."""
    newest = max(champion.levels, default=None)
    return newest and {"as_of": newest} | champion.levels[newest]


def _decision(champion: Champion) -> dict | None:
    """The last decision that left this version in production; None where the registry does not tell in time."""
    waiting = ThreadPoolExecutor(1)
    try:
        decisions = waiting.submit(history.decisions, champion.version.name).result(PATIENCE_SECONDS)
    except Exception:  # the page is about the model in memory; /ready reports the registry
        return None
    finally:
        waiting.shutdown(wait=False)
    moves = (d for d in reversed(decisions) if d["action"] != "level")
    return next((d for d in moves if d["production_after"] == champion.version.version), None)
