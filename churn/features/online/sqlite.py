"""`online_store` of feature_store.yaml on one machine: snapshots in an SQLite file."""

from __future__ import annotations

from churn.features._feast import FeastConfigBaseModel
from churn.features.online.feast_store import PackedOnlineStore
from churn.features.online.sqlite_file import SqliteFile


class SnapshotOnlineStoreConfig(FeastConfigBaseModel):
    """`path`: the file, absolute."""

    type: str = "churn.features.online.sqlite.SnapshotOnlineStore"
    path: str


class SnapshotOnlineStore(PackedOnlineStore):
    """Feast's interface to the file."""

    def place(self, config) -> SqliteFile:
        """The file."""
        return SqliteFile(config.online_store.path)
