"""The feature store: apply, join for training, materialize and look up for serving. The only importer of Feast."""

from __future__ import annotations

import io
import logging
import os
import runpy
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pandas as pd

from churn import manifest as manifests
from churn import state
from churn.errors import FeatureStoreUnavailable, InvalidData
from churn.features import instant

REPO = state.PROJECT / "feature_repo"

# Typeguard instruments every annotated function of Feast while it is imported: 5 of 8 seconds. Feast checks its
# arguments with it and nothing else, so it is left out for the time of this import.
with mock.patch("typeguard.typechecked", lambda target=None, **_: target if target else lambda inner: inner):
    import feast


@dataclass(frozen=True)
class Row:
    """One customer's features as the online store holds them. `as_of` is None for a customer it does not know."""

    features: dict[str, float | int | str | None]
    as_of: datetime | None


@contextmanager
def _environment(experiment: str) -> Iterator[None]:
    """What feature_store.yaml and definitions.py read from the environment."""
    with mock.patch.dict(os.environ, CHURN_STATE=str(state.root()), CHURN_EXPERIMENT=experiment):
        yield


def open_store(experiment: str) -> feast.FeatureStore:
    """The experiment's feature store. Raises FeatureStoreUnavailable."""
    logging.getLogger("feast").setLevel(logging.ERROR)  # it warns of each source path that is a pattern
    state.path(experiment, "feast").mkdir(parents=True, exist_ok=True)
    try:
        with _environment(experiment):
            return feast.FeatureStore(repo_path=str(REPO))
    except Exception as error:
        raise FeatureStoreUnavailable(f"feature store of {experiment}: {error}") from error


def apply(store: feast.FeatureStore) -> None:
    """Register the entity, the views and the service that definitions.py makes of the manifest. Idempotent."""
    with _environment(store.project):
        defined = runpy.run_path(str(REPO / "definitions.py"))
    store.apply([defined["project"], defined["customer"], *defined["views"], defined["service"]])


def join(store: feast.FeatureStore, manifest: dict, labels: pd.DataFrame) -> pd.DataFrame:
    """Labels (customer_id, snapshot, ...) with the features as of each row's snapshot, sorted by snapshot and customer.

    Raises InvalidData when the join loses or repeats rows.
    """
    entities = labels.rename(columns={"snapshot": "event_timestamp"})  # the name that Feast looks for
    job = store.get_historical_features(entity_df=entities, features=store.get_feature_service(manifest["service"]))
    joined = job.to_df().rename(columns={"event_timestamp": "snapshot"})
    if len(joined) != len(labels):
        raise InvalidData(f"the point-in-time join gave {len(joined):,} rows for {len(labels):,} labels; "
                          "customer and snapshot must be unique in every feature table")
    names = [f["name"] for f in manifest["features"]]
    return joined.sort_values(["snapshot", "customer_id"], ignore_index=True)[[*labels.columns, *names]]


def materialize(store: feast.FeatureStore, manifest: dict, snapshot: str) -> bool:
    """Put one snapshot's features online; False when that very content is there already.

    Raises InvalidData for a snapshot older than the one online: stores differ in what they do with older rows.
    """
    marker = state.path(store.project, "feast", "online.txt")
    online = marker.read_text().split() if marker.exists() else ["", ""]
    wanted = [snapshot, f"{manifest['service']}-{manifest['snapshots'][snapshot]['fingerprint']}"]
    if online == wanted:
        return False
    if snapshot < online[0]:
        raise InvalidData(f"snapshots.serve {snapshot} is older than the snapshot online ({online[0]}); "
                          f"give a later one, or remove {marker.parent} to begin anew")
    marker.unlink(missing_ok=True)
    at = instant(snapshot)
    views = list(manifests.views(manifest))
    with redirect_stdout(io.StringIO()):  # Feast prints its progress in colours, into the report
        store.materialize(start_date=at - timedelta(seconds=1), end_date=at + timedelta(seconds=1), feature_views=views)
    state.write_text(marker, "\n".join(wanted))
    return True


def describe(store: feast.FeatureStore, manifest: dict) -> pd.DataFrame:
    """The views of the feature service as Feast holds them: view, features, entity, source."""
    held = service(store, manifest["service"])
    return pd.DataFrame([
        {"service": held.name, "view": p.name, "features": len(p.features), "entity": "customer",
         "source": Path(store.get_feature_view(p.name).batch_source.path).name}
        for p in held.feature_view_projections]).set_index(["service", "view"])


def sample(store: feast.FeatureStore, manifest: dict, snapshot: str, *, customers: int) -> pd.DataFrame:
    """The first customers of a snapshot, read back from the online store: a row a feature, a column a customer."""
    first = pd.read_parquet(manifests.table_path(manifest, snapshot, list(manifests.views(manifest))[-1]), columns=["customer_id"])
    ids = sorted(first.customer_id)[:customers]
    rows = look_up(store, service(store, manifest["service"]), ids)
    names = [f["name"] for f in manifest["features"]]
    return pd.DataFrame({c: row.features | {"(as of)": row.as_of} for c, row in zip(ids, rows, strict=True)}).loc[["(as of)", *names]]


def look_up(store: feast.FeatureStore, service: feast.FeatureService, customer_ids: list[str]) -> list[Row]:
    """The online features of each customer, in order. Raises FeatureStoreUnavailable."""
    try:
        answer = store.get_online_features(features=service, entity_rows=[{"customer_id": c} for c in customer_ids])
    except Exception as error:
        raise FeatureStoreUnavailable(f"feature store of {store.project}: {error}") from error
    columns = answer.to_dict(include_event_timestamps=True)
    names = [name for name in columns if not name.endswith("__ts") and name != "customer_id"]
    stamps = [max(columns[f"{name}__ts"][i] for name in names) for i in range(len(customer_ids))]
    return [
        Row({name: columns[name][i] for name in names}, datetime.fromtimestamp(stamp, UTC) if stamp else None)
        for i, stamp in enumerate(stamps)
    ]


def service(store: feast.FeatureStore, name: str) -> feast.FeatureService:
    """The feature service of that name. Raises FeatureStoreUnavailable."""
    try:
        return store.get_feature_service(name)
    except Exception as error:
        raise FeatureStoreUnavailable(f"feature service {name} of {store.project}: {error}; run the features stage") from error


def online_path(experiment: str) -> Path:
    """Where the embedded online store lies."""
    return state.path(experiment, "feast", "online.db")
