"""The level of the version in production at a snapshot that is going online: found out, and a decision on the record.

What is done here is no result of the features stage, and its cache key passes over what is imported here.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict

from churn.errors import ModelUnavailable
from churn.features import online_marker, store
from churn.registry import decisions, history, provenance, version_levels, versions
from churn.registry.versions import Loaded, Version
from churn.sources.contract import Source

LEVEL_SET = "level set"


def find(
    experiment: str,
    manifest: dict,
    source: Source,
    *,
    label: dict,
    snapshots: list[str],
    newest: int,
    every: str,
    serve: str,
) -> list[tuple[Version, dict[str, str]]]:
    """The version in production and those that may take its place without a training, each with its level at `serve`,
    a snapshot that is to go online, as a tag.

    Labels of `snapshots` tell it, by the rule of training.levels. Empty where nothing is in production, or what is
    takes other features: it goes on answering from its own, which stay as they are.
    """
    current = versions.production(experiment)
    if current is None or current.tags.get("feature_service") != manifest["service"]:
        return []
    from churn.training import dataset, estimators, labels, levels, sampling  # scikit-learn: only where it is needed

    champion, rule = versions.load_production(experiment), levels.rule(source.events, label, newest=newest, every=every)
    loaded = [champion, *_next_in_line(experiment, champion)]
    feast = store.open_store(experiment)
    built = labels.build(source.events, source.customers, source.labels, snapshots=snapshots, label=label)
    sample = sampling.sample(built)
    known = dataset.typed(store.join(feast, manifest, sample.rows), manifest)
    counted = sample.of(labels.population(source, snapshot=serve, label=label))
    served = dataset.typed(store.join(feast, manifest, counted), manifest)
    return [
        (one.version, version_levels.tag(levels.of_model(one.pipeline, known, one.columns, rule).at(serve),
                                         estimators.log_odds(one.pipeline, served[one.columns])))
        for one in loaded
    ]  # fmt: skip


def _next_in_line(experiment: str, champion: Loaded) -> list[Loaded]:
    """What a rollback or an approval would put into production, where it takes the same features: whoever asks for
    that may sit at a machine that has no customers to find a level by."""
    back = history.previous(history.decisions(experiment))
    line = [
        v for v in versions.all_of(experiment)
        if (v.version == back or v.stage == "Staging")
        and v.tags.get("feature_service") == champion.version.tags.get("feature_service")
    ]  # fmt: skip
    found = []
    for version in line[-2:]:  # an older one that waits has been overtaken
        with suppress(ModelUnavailable):  # whoever asks for it is told
            found.append(versions.load(version))
    return found


def follow(experiment: str, found: list[tuple[Version, dict[str, str]]], *, run_id: str) -> str:
    """Give the version in production, and those that may take its place, the level that was `found`, and say so."""
    if not found:
        return "Nothing is in production that answers from these features: there is no level to find out."
    (version, tag), *others = found
    for other, its in others:
        versions.tag(experiment, other.version, its)
    level = set_level(experiment, version, tag, run_id=run_id)
    return f"Version **{version.version}** stands at **{level['log_odds']:+.3f}** there: {level['why']}."


def set_level(experiment: str, version: Version, tag: dict[str, str], *, run_id: str) -> dict:
    """Give the version in production its level at a snapshot that is going online, and write that down: from, to, why.

    Raises RegistryBusy, or RegistryError. What it has already stays, and is no decision.
    """
    (name, told), snapshot = next(iter(tag.items())), next(iter(tag)).removeprefix(version_levels.TAG)
    with versions.locked(experiment):
        decisions.finish_open(experiment)
        held = versions.get(experiment, version.version)
        if held.tags.get(name) == told:
            return version_levels.of(held, snapshot)
        to, current = json.loads(told), versions.production(experiment)
        before = version_levels.of(held, online_marker.current(experiment)[0])
        request = decisions.Request("level", version.version, provenance.user(), to["why"], run_id=run_id)
        plan = asdict(request) | {
            "decision": LEVEL_SET,
            "production_before": current and current.version,
            "production_after": current and current.version,
            "failed": [],
            "level": decisions.level_change(snapshot, before, to),
            "tag": tag,
        }
        run = decisions.begin(experiment, f"level of version {version.version}", plan, document=plan)
        decisions.apply(experiment, plan, run)
        return to
