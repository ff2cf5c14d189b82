"""`online_store` of feature_store.yaml on a cluster: snapshots in Redis, or a Redis Cluster."""

from __future__ import annotations

from churn.features._feast import FeastConfigBaseModel
from churn.features.online.feast_store import PackedOnlineStore
from churn.features.online.redis_keys import RedisKeys


class SnapshotOnlineStoreConfig(FeastConfigBaseModel):
    """`address`: host:port, or redis://user:password@host:port/0, rediss:// with TLS. `cluster`: a Redis Cluster."""

    type: str = "churn.features.online.redis.SnapshotOnlineStore"
    address: str
    cluster: bool = False


class SnapshotOnlineStore(PackedOnlineStore):
    """Feast's interface to the keys."""

    def place(self, config) -> RedisKeys:
        """The keys of the project."""
        return RedisKeys(config.project, address=config.online_store.address, cluster=config.online_store.cluster)
