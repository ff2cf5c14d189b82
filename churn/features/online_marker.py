"""Which snapshot's features are online, and which content of them. Free of Feast, for a run that reuses looks here."""

from __future__ import annotations

from pathlib import Path

from churn import state
from churn.errors import InvalidData


def content(manifest: dict, snapshot: str) -> list[str]:
    """What a snapshot's features would be known by once they are online."""
    return [snapshot, f"{manifest['service']}-{manifest['snapshots'][snapshot]['fingerprint']}"]


def current(experiment: str) -> list[str]:
    """The snapshot that is online and its content; empty where there is none."""
    path = marker(experiment)
    return path.read_text().split() if path.exists() else ["", ""]


def refuse_earlier(experiment: str, snapshot: str) -> None:
    """Raises InvalidData for a snapshot older than the one online: stores differ in what they do with older rows."""
    held, _ = current(experiment)
    if snapshot < held:
        raise InvalidData(
            f"snapshots.serve {snapshot} is older than the snapshot online ({held}); "
            f"give a later one, or remove {marker(experiment).parent} to begin anew"
        )


def marker(experiment: str) -> Path:
    """The file that says what is online; absent while that changes."""
    return state.path(experiment, "feast", "online.txt")
