"""Which snapshot's features are online, and which content of them. Free of Feast, for a run that reuses looks here.

The store itself says it, beside the rows: on the cluster, whose machines share no disk, too.
"""

from __future__ import annotations

from churn.errors import InvalidData
from churn.features.online import places
from churn.features.online.snapshot import Online


def content(manifest: dict, snapshot: str) -> list[str]:
    """What a snapshot's features would be known by once they are online."""
    return [snapshot, f"{manifest['service']}-{manifest['snapshots'][snapshot]['fingerprint']}"]


def current(experiment: str) -> list[str]:
    """The snapshot that is online and its content; empty where there is none. Raises FeatureStoreUnavailable."""
    online = places.of_experiment(experiment).online()
    return [online.snapshot, online.content]


def refuse_earlier(experiment: str, snapshot: str) -> None:
    """Raises InvalidData for a snapshot older than the one online: what is served never goes back in time by itself."""
    place = places.of_experiment(experiment)
    refuse_before(place, place.online(), snapshot)


def refuse_before(place, held: Online, snapshot: str) -> None:
    """The same of a place, and what is known to be online there."""
    if snapshot < held.snapshot:
        raise InvalidData(
            f"snapshots.serve {snapshot} is older than the snapshot online ({held.snapshot}); "
            f"give a later one, or {place.told} to begin anew"
        )
