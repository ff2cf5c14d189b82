"""Reusing a finished stage: what it wrote is put back, what it logged is logged again, and its report is linked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from churn import state
from churn.errors import ModelUnavailable, RegistryError
from churn.features import online_marker
from churn.pipeline import cache, cache_key, plan
from churn.pipeline.plan import Selection, Step
from churn.pipeline.stage_parameters import NEEDS
from churn.registry import tracking, versions
from churn.reports import run_page


def without_obstacles(experiment: str, steps: list[Step], selection: Selection) -> list[Step]:
    """The plan, where a kept stage that does not fit the registry runs, and with it those that need it."""
    anew: dict[str, Step] = {}
    for step in steps:
        needed = next((name for name in NEEDS[step.stage] if name in anew), None)
        why = f"{needed} runs before it" if needed else obstacle(experiment, step.entry) if step.entry else ""
        if step.skipped and "monitor" in anew:
            anew[step.stage] = Step(step.stage, plan.IF_IT_IS_TIME, {})
        elif step.entry and why:
            anew[step.stage] = plan.not_reused(step.stage, {} if needed else step.ingredients, why, selection)
    return [anew.get(step.stage, step) for step in steps]


def obstacle(experiment: str, entry: cache.Entry) -> str:
    """Why a kept stage does not fit the registry as it is now; empty where it does."""
    if entry.stage == "train":
        version = entry.glued["version"]
        try:
            found = versions.get(experiment, version)
        except RegistryError:
            return f"version {version} is not in the registry"
        return _other_than(entry, found)
    if entry.stage == "evaluate":
        now = versions.production(experiment)
        champion, candidate = entry.glued["champion"], entry.glued["candidate"]
        if (now.version if now else 0) not in (champion, candidate):  # nobody is compared with oneself
            then = f"version {champion}" if champion else "nothing"
            return f"{_told(now)} is in production, {then} was"
    if entry.stage in ("monitor", "score"):
        return _other_production(experiment, entry)
    return ""


def _other_production(experiment: str, entry: cache.Entry) -> str:
    """How what is in production differs from what a kept monitor or score met there; empty where it does not."""
    now, then = versions.production(experiment), entry.glued["production" if entry.stage == "monitor" else "version"]
    if (now.version if now else 0) != then:
        return f"{_told(now)} is in production, {f'version {then}' if then else 'nothing'} was"
    if entry.stage == "monitor" or not entry.glued["list"]:
        return ""
    kept = Path(entry.glued["list"]).with_name("list.json")
    listed = json.loads(kept.read_text()) if kept.exists() else {}
    same = (listed.get("version"), listed.get("threshold")) == (now.version, now.threshold)
    return "" if same else "its list is gone, or another has taken its place"


def _told(version: versions.Version | None) -> str:
    return f"version {version.version}" if version else "nothing"


def _other_than(entry: cache.Entry, found: versions.Version) -> str:
    """Why a version is not the one that a kept training made, files and all; empty where it is."""
    if found.run_id != entry.run_id:
        return f"version {found.version} is another run's"
    try:
        versions.verified_files(found)
    except ModelUnavailable as error:
        return str(error)
    return ""


def reuse(
    experiment: str,
    entry: cache.Entry,
    *,
    folder: Path,
    log_to: tracking.Run,
    publish: Callable[[str, str], None],
) -> None:
    """Make a kept stage part of a run: its files, its report in `folder`, and what it logged.

    `publish`(manifest, snapshot) is called where the features that are online are others.
    """
    key = cache_key.key(entry.ingredients)
    kept = cache.folder(experiment, entry.stage, key)
    cache.restore(experiment, entry.stage, key)
    if entry.stage == "features":
        made = json.loads(Path(entry.glued["manifest"]).read_text())
        serve = json.loads(entry.ingredients["parameter serve_snapshot"])
        if online_marker.current(experiment) != online_marker.content(made, serve):
            publish(entry.glued["manifest"], serve)
    log_to.log_reused_stage(entry.logged, kept / "artifacts")
    notebook, html = folder / f"{entry.stage}.ipynb", folder / f"{entry.stage}.html"
    state.link(kept / notebook.name, notebook)
    run_page.mark_reused(kept / html.name, html, run_id=log_to.id, source_run=entry.run_id)
    log_to.tags({f"reused.{entry.stage}": entry.run_id})
    for path in (notebook, html):
        log_to.file(path, "notebooks")
