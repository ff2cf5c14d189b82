"""Who a candidate is measured against: the version in production, those before it, and how the recipes differ."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection

from churn.errors import ModelUnavailable, RegistryError
from churn.registry import history, versions
from churn.registry.versions import Loaded, Version

REMEMBERED = 12  # versions that were in production
PLAIN, FITTED = ("bg_nbd", "pareto_nbd"), ("logistic",)  # estimators from the simplest on; all others come after


def tags(*, model: str, settings: dict, snapshots: list[str]) -> dict[str, str]:
    """What a version says of its recipe: the estimator, its settings, and the snapshots that it learnt from."""
    learnt = {"settings": json.dumps(settings, sort_keys=True), "train_snapshots": json.dumps(snapshots)}
    return {"model": model} | learnt


def rival(candidate: Loaded) -> tuple[Loaded | None, bool]:
    """The version in production, None where there is none, and whether that is the candidate itself: nobody is compared
    with oneself. Raises ChampionUnavailable."""
    champion = versions.load_production(candidate.version.name)
    itself = champion is not None and champion.version.version == candidate.version.version
    return (None if itself else champion), itself


def earlier(candidate: Loaded, champion: Loaded | None) -> list[Loaded]:
    """The last twelve versions that led to the one in production, newest first, without these two and without any that
    cannot be loaded any more."""
    name, compared = candidate.version.name, {v.version.version for v in (candidate, champion) if v}
    numbers = dict.fromkeys(reversed(history.production_lineage(history.decisions(name))))
    return _loadable(name, [number for number in numbers if number not in compared][:REMEMBERED])


def relation(candidate: Loaded, champion: Loaded | None) -> dict[str, bool] | None:
    """How the candidate's recipe differs from the champion's; what a version does not say is not held against it.

    `same_recipe`: estimator, settings and features are the champion's; `as_new`: it learnt from snapshots as new or
    newer; `simpler`: fewer features or a simpler estimator, and neither is more.
    """
    if champion is None:
        return None
    (settings, snapshots), (of_champion, before) = (_learnt(v.version) for v in (candidate, champion))
    alike = _rank(candidate) == _rank(champion) and set(candidate.columns) == set(champion.columns)
    less = [own - other for own, other in zip(_size(candidate), _size(champion), strict=True)]
    return {
        "same_recipe": alike and (None in (settings, of_champion) or settings == of_champion),
        "as_new": not snapshots or not before or max(snapshots) >= max(before),
        "simpler": max(less) <= 0 and min(less) < 0,
    }


def _learnt(version: Version) -> tuple[dict | None, list[str] | None]:
    return tuple(json.loads(version.tags.get(name, "null")) for name in ("settings", "train_snapshots"))


def _rank(version: Loaded) -> str:
    return version.version.tags.get("model", "")


def _size(version: Loaded) -> tuple[int, int]:
    model = _rank(version)
    return (0 if model in PLAIN else 1 if model in FITTED else 2), len(version.columns)


def _loadable(name: str, numbers: Collection[int]) -> list[Loaded]:
    found = []
    for number in numbers:
        with contextlib.suppress(ModelUnavailable, RegistryError):
            found.append(versions.load(versions.get(name, number)))
    return found
