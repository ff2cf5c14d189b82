"""Where an experiment's features are online, as `online_store` in feature_store.yaml says. Free of Feast."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import yaml

from churn import profile, state
from churn.errors import FeatureStoreUnavailable
from churn.features.online.sqlite_file import SqliteFile

if TYPE_CHECKING:
    from churn.features.online.redis_keys import RedisKeys

KINDS = {"churn.features.online.sqlite.SnapshotOnlineStore": "sqlite",
         "churn.features.online.redis.SnapshotOnlineStore": "redis"}  # fmt: skip


def of_experiment(experiment: str) -> SqliteFile | RedisKeys:
    """Where the features of an experiment are online. Raises FeatureStoreUnavailable."""
    file = profile.folder() / "feature_store.yaml"
    told = yaml.safe_load(file.read_text())["online_store"]
    known = os.environ | {"CHURN_STATE": str(state.root()), "CHURN_EXPERIMENT": experiment}
    settings = {name: _filled(value, known) for name, value in told.items()}
    kind = KINDS.get(settings.pop("type"))
    if kind is None:
        raise FeatureStoreUnavailable(
            f"{file}: online_store.type is {told['type']!r}; a snapshot is kept whole by {' or '.join(KINDS)}"
        )
    return of_settings(kind, experiment, settings)


def of_settings(kind: str, experiment: str, settings: dict) -> SqliteFile | RedisKeys:
    """The same of the settings beside `type`."""
    if kind == "sqlite":
        return SqliteFile(settings["path"])
    from churn.features.online.redis_keys import RedisKeys  # an extra: only where it is asked for

    return RedisKeys(experiment, **settings)


def _filled(value: object, known: dict[str, str]) -> object:
    """A setting with the environment's variables in it, as Feast fills them in."""
    if not isinstance(value, str):
        return value
    if absent := [name for name in re.findall(r"\$\{(\w+)\}", value) if name not in known]:
        raise FeatureStoreUnavailable(f"{absent[0]} is not set; the online store of feature_store.yaml needs it")
    return re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], value)
