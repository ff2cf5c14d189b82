"""The level of the version in production at a snapshot that is going online: found out, and a decision on the record.

What is done here is no result of the features stage, and its cache key passes over what is imported here.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from churn.features import online_marker, store
from churn.registry import decisions, provenance, version_levels, versions
from churn.registry.versions import Version
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
) -> tuple[Version, dict[str, str]] | None:
    """The version in production, and its level at `serve`, a snapshot that is to go online, as a tag.

    Labels of `snapshots` tell it, by the rule of training.levels. None where nothing is in production, or what is
    takes other features: it goes on answering from its own, which stay as they are.
    """
    current = versions.production(experiment)
    if current is None or current.tags.get("feature_service") != manifest["service"]:
        return None
    from churn.training import dataset, estimators, labels, levels, sampling  # scikit-learn: only where it is needed

    champion, rule = versions.load_production(experiment), levels.rule(source.events, label, newest=newest, every=every)
    feast = store.open_store(experiment)
    built = labels.build(source.events, source.customers, source.labels, snapshots=snapshots, label=label)
    sample = sampling.sample(built)
    known = dataset.typed(store.join(feast, manifest, sample.rows), manifest)
    level = levels.of_model(champion.pipeline, known, champion.columns, rule).at(serve)
    counted = sample.of(labels.population(source, snapshot=serve, label=label))
    served = dataset.typed(store.join(feast, manifest, counted), manifest)
    return champion.version, version_levels.tag(level, estimators.log_odds(champion.pipeline, served[champion.columns]))


def follow(experiment: str, found: tuple[Version, dict[str, str]] | None, *, run_id: str) -> str:
    """Give the version in production the level that was `found` for it, and say so."""
    if found is None:
        return "Nothing is in production that answers from these features: there is no level to find out."
    version, tag = found
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
