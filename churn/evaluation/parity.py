"""Whether serving sees what training saw: the same customers' features, joined offline and looked up online."""

from __future__ import annotations

import pandas as pd

from churn import engine
from churn.features import manifest as manifests
from churn.features import reader, store
from churn.sources.snapshots import instant
from churn.training import sampling


def compare(experiment: str, manifest: dict, *, seed: int, customers: int = 200) -> dict:
    """Compare a sample of customers at the snapshot that is online, value by value.

    Returns `customers` compared, how many are `different`, and one `example` of a difference.
    """
    feast = store.open_store(experiment)
    snapshot = store.online_snapshot(experiment)
    everybody = engine.read_parquet(engine.embedded(), manifests.table_path(manifest, snapshot, _last_view(manifest)))
    sampled = sampling.first(everybody.select("customer_id"), customers, seed=seed).execute().customer_id
    offline = store.join(feast, manifest, pd.DataFrame({"customer_id": sampled, "snapshot": instant(snapshot)}))
    online = reader.look_up(feast, store.service(feast, manifest["service"]), list(offline.customer_id))
    differences = [
        (row["customer_id"], name, row[name], held.features[name])
        for row, held in zip(offline.to_dict("records"), online, strict=True)
        for name in (f["name"] for f in manifest["features"])
        if not same(row[name], held.features[name])
    ]
    example = "customer {}: {} is {} offline, {} online".format(*differences[0]) if differences else ""
    return {"customers": len(offline), "different": len({customer for customer, *_ in differences}), "example": example}


def same(offline: object, online: object) -> bool:
    """Exact equality; a null is a null, whichever way a store spells it."""
    if pd.isna(offline) or online is None:
        return bool(pd.isna(offline)) and online is None
    return offline == online


def contract(manifest: dict, columns: list[str]) -> dict:
    """The feature service, and which of a model's columns it lacks."""
    held = {f["name"] for f in manifest["features"]}
    return {"service": manifest["service"], "missing": sorted(set(columns) - held)}


def _last_view(manifest: dict) -> str:
    return list(manifests.views(manifest))[-1]
