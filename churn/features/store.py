"""The feature store: apply, join for training, put online for serving."""

from __future__ import annotations

import logging
import runpy
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pandas as pd

from churn import engine, profile, spark, state
from churn.errors import FeatureStoreUnavailable, InvalidData
from churn.features import manifest as manifests
from churn.features import online_marker, reader
from churn.features._feast import feast
from churn.features.online import places, writing
from churn.features.online.feast_store import columns_of, microseconds
from churn.sources.snapshots import instant


def _environment(experiment: str) -> AbstractContextManager[None]:
    """What feature_store.yaml and definitions.py read from the environment, for a block."""
    return state.environment(**profile.environment(experiment))


def open_store(experiment: str) -> feast.FeatureStore:
    """The experiment's feature store. Raises FeatureStoreUnavailable."""
    logging.getLogger("feast").setLevel(logging.ERROR)  # it warns of each source path that is a pattern
    state.path(experiment, "feast").mkdir(parents=True, exist_ok=True)
    try:
        with _environment(experiment):
            return feast.FeatureStore(repo_path=str(profile.folder()))
    except Exception as error:
        raise FeatureStoreUnavailable(f"feature store of {experiment}: {error}") from error


def apply(store: feast.FeatureStore) -> None:
    """Register the entity, the views and the service that definitions.py makes of the manifest. Idempotent."""
    with _environment(store.project):
        defined = runpy.run_path(str(state.PROJECT / "feature_repo" / "definitions.py"))
    store.apply([defined["project"], defined["customer"], *defined["views"], defined["service"]])


def join(store: feast.FeatureStore, manifest: dict, labels: pd.DataFrame) -> pd.DataFrame:
    """Labels (customer_id, snapshot, ...) with the features as of each row's snapshot, sorted by snapshot and customer.

    Raises InvalidData when the join loses or repeats rows.
    """
    names = [f["name"] for f in manifest["features"]]
    return join_service(store, manifest["service"], labels)[[*labels.columns, *names]]


def join_service(store: feast.FeatureStore, name: str, labels: pd.DataFrame) -> pd.DataFrame:
    """The same for any feature service by name. Raises InvalidData, and FeatureStoreUnavailable where it is gone."""
    entities = labels.rename(columns={"snapshot": "event_timestamp"})  # the name that Feast looks for
    wanted = service(store, name)
    try:
        joined = _joined(store, entities, wanted)
    except Exception as error:  # Feast raises what it likes for a service whose tables have changed
        raise FeatureStoreUnavailable(f"feature service {name} of {store.project} cannot be joined: {error}") from error
    if len(joined) != len(labels):
        raise InvalidData(
            f"the point-in-time join gave {len(joined):,} rows for {len(labels):,} labels; "
            "customer and snapshot must be unique in every feature table"
        )
    joined = joined.rename(columns={"event_timestamp": "snapshot"})
    return joined.sort_values(["snapshot", "customer_id"], ignore_index=True)


def _joined(store: feast.FeatureStore, entities: pd.DataFrame, wanted: feast.FeatureService) -> pd.DataFrame:
    """What Feast joins, in its order; by Spark in the session of `engine.connect`, which Feast leaves changed."""
    if profile.current() == profile.DUCKDB:
        return store.get_historical_features(entity_df=entities, features=wanted).to_df()
    with spark.of_feast(engine.connect()):
        joined = store.get_historical_features(entity_df=entities, features=wanted).to_df()
    times = joined.event_timestamp.dt.tz_localize("UTC")  # of Spark's pandas has nanoseconds, and no zone
    return joined.assign(event_timestamp=times.astype("datetime64[us, UTC]"))


def materialize(store: feast.FeatureStore, manifest: dict, snapshot: str) -> bool:
    """Put one snapshot's features online; False when that very content is there already.

    The snapshot replaces the one that is online as a whole; views of other definitions, which a model in production
    may still read, stay. Raises InvalidData for a snapshot older than the one online.
    """
    place, (_, content) = places.of_experiment(store.project), online_marker.content(manifest, snapshot)
    tables = {}
    for projection in service(store, manifest["service"]).feature_view_projections:
        view = projection.name.rpartition("_")[0]  # definitions.py has put the definition behind it
        columns = columns_of(store.get_feature_view(projection.name))
        tables[projection.name] = manifests.table_path(manifest, snapshot, view), columns
    return writing.put(
        place,
        snapshot,
        content,
        tables,
        at=microseconds(instant(snapshot)),
        refuse=partial(online_marker.refuse_before, place, snapshot=snapshot),
    )


def publish(experiment: str, manifest: str, snapshot: str) -> bool:
    """Put feature tables that are in place already online again, as the features stage does."""
    store = open_store(experiment)
    apply(store)
    return materialize(store, manifests.load(manifest), snapshot)


def online_snapshot(experiment: str) -> str:
    """The snapshot whose features are online. Raises FeatureStoreUnavailable when there is none."""
    snapshot = online_marker.current(experiment)[0]
    if not snapshot:
        raise FeatureStoreUnavailable(f"feature store of {experiment}: nothing is online; run the features stage")
    return snapshot


def describe(store: feast.FeatureStore, manifest: dict) -> pd.DataFrame:
    """The views of the feature service as Feast holds them: view, features, entity, source."""
    held = service(store, manifest["service"])
    return pd.DataFrame(
        [
            {
                "service": held.name,
                "view": p.name,
                "features": len(p.features),
                "entity": "customer",
                "source": Path(store.get_feature_view(p.name).batch_source.path).name,
            }
            for p in held.feature_view_projections
        ]
    ).set_index(["service", "view"])


def sample(store: feast.FeatureStore, manifest: dict, snapshot: str, *, customers: int) -> pd.DataFrame:
    """The first customers of a snapshot, read back from the online store: a row a feature, a column a customer."""
    everybody = manifests.table_path(manifest, snapshot, list(manifests.views(manifest))[-1])
    first = engine.read_parquet(engine.embedded(), everybody).order_by("customer_id").limit(customers)
    ids = list(first.customer_id.execute())
    rows = reader.look_up(store, service(store, manifest["service"]), ids)
    names = [f["name"] for f in manifest["features"]]
    shown = {c: row.features | {"(as of)": row.as_of, "(counts)": row.counts} for c, row in zip(ids, rows, strict=True)}
    return pd.DataFrame(shown).loc[["(as of)", "(counts)", *names]]


def service(store: feast.FeatureStore, name: str) -> feast.FeatureService:
    """The feature service of that name. Raises FeatureStoreUnavailable."""
    try:
        return store.get_feature_service(name)
    except Exception as error:
        raise FeatureStoreUnavailable(
            f"feature service {name} of {store.project}: {error}; run the features stage"
        ) from error
