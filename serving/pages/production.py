"""What is in production and why: the same as JSON for machines and as a page for people."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from churn.errors import ChurnError, RegistryError
from churn.features import online_marker
from serving import prometheus
from serving.api import Api
from serving.champion import SILENT_SECONDS, Champion
from serving.pages import page
from serving.pages.figures import month_places, of_metric
from serving.problems import Problem
from serving.record import Known
from serving.scoring import utc

PATIENCE_SECONDS = 2.0  # for the feature store


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
        "decision": _decision(app, champion),
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


def view(app: Api) -> str:
    """What is in production and why, how it has done since, and what led to it. Without a registry: who serves."""
    champion = app.holder.champion
    try:
        known = app.record.standing()
    except RegistryError as error:
        known = Known({"version": None, "versions": [], "history": [], "silent": str(error)}, None)
    told = known.document
    bars = of_metric(told, "auc")
    months = month_places((told.get("monitoring") or {}).get("months", []))
    live = {
        "ready": _ready(app),
        "workers": prometheus.serving(),
        "as_of": _online(app),
        "traffic": app.traffic.recent(),
    }
    return page.shown(
        app, "production.html", known=known, live=live, bars=bars, months=months, warnings=warnings(app),
        in_memory=champion and champion.version.version, here="production",
    )  # fmt: skip


def _ready(app: Api) -> str:
    """Empty where this worker can predict, else why not."""
    if app.holder.champion is None:
        return str(app.holder.problem)
    try:
        app.features.check(app.holder.champion)
    except Problem as problem:
        return problem.detail
    return ""


def _online(app: Api) -> str:
    """The snapshot whose features are online; empty where nobody knows."""
    waiting = ThreadPoolExecutor(1)
    try:
        return waiting.submit(online_marker.current, app.holder.name).result(PATIENCE_SECONDS)[0]
    except (ChurnError, OSError, TimeoutError, LookupError):
        return ""
    finally:
        waiting.shutdown(wait=False)


def _level(champion: Champion) -> dict | None:
    """The level at the newest snapshot that the version has one for."""
    newest = max(champion.levels, default=None)
    return newest and {"as_of": newest} | champion.levels[newest]


def _decision(app: Api, champion: Champion) -> dict | None:
    """The last decision that left this version in production; None where the registry does not tell in time."""
    try:
        decisions = app.record.standing().document["history"]
    except RegistryError:  # this is about the model in memory; /ready reports the registry
        return None
    moves = (d for d in reversed(decisions) if d["action"] != "level")
    return next((d for d in moves if d["production_after"] == champion.version.version), None)
