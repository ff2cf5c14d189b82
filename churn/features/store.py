"""The feature store: apply, join for training, materialize and look up for serving. The only user of Feast."""

from __future__ import annotations

import io
import logging
import os
import runpy
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from churn import engine, state
from churn.errors import FeatureStoreUnavailable, InvalidData
from churn.features import manifest as manifests
from churn.features import online_marker
from churn.features._feast import EntityKey, Value, feast, get_provider
from churn.sources.snapshots import instant

REPO = state.PROJECT / "feature_repo"


@dataclass(frozen=True)
class Row:
    """One customer's features as the online store holds them, with each view's time: None where the view has none.

    `missing` names the features of which it holds nothing, not even a null. `counts`: whether the customer is of the
    population that models learn from, and how long ago what decides it was.
    """

    features: dict[str, float | int | str | None]
    missing: list[str]
    stamps: dict[str, datetime | None]
    counts: bool = True
    days_silent: float | None = None

    @property
    def as_of(self) -> datetime | None:
        """The oldest view's time; None for a customer that no view knows."""
        return min((stamp for stamp in self.stamps.values() if stamp), default=None)


def _environment(experiment: str) -> AbstractContextManager[None]:
    """What feature_store.yaml and definitions.py read from the environment, for a block."""
    return state.environment(CHURN_STATE=str(state.root()), CHURN_EXPERIMENT=experiment)


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
    names = [f["name"] for f in manifest["features"]]
    return join_service(store, manifest["service"], labels)[[*labels.columns, *names]]


def join_service(store: feast.FeatureStore, name: str, labels: pd.DataFrame) -> pd.DataFrame:
    """The same for any feature service by name. Raises InvalidData, and FeatureStoreUnavailable where it is gone."""
    entities = labels.rename(columns={"snapshot": "event_timestamp"})  # the name that Feast looks for
    wanted = service(store, name)
    try:
        joined = store.get_historical_features(entity_df=entities, features=wanted).to_df()
    except Exception as error:  # Feast raises what it likes for a service whose tables have changed
        raise FeatureStoreUnavailable(f"feature service {name} of {store.project} cannot be joined: {error}") from error
    if len(joined) != len(labels):
        raise InvalidData(
            f"the point-in-time join gave {len(joined):,} rows for {len(labels):,} labels; "
            "customer and snapshot must be unique in every feature table"
        )
    joined = joined.rename(columns={"event_timestamp": "snapshot"})
    return joined.sort_values(["snapshot", "customer_id"], ignore_index=True)


def materialize(store: feast.FeatureStore, manifest: dict, snapshot: str) -> bool:
    """Put one snapshot's features online; False when that very content is there already.

    Raises InvalidData for a snapshot older than the one online.
    """
    marker, held = online_marker.marker(store.project), online_marker.current(store.project)
    wanted = online_marker.content(manifest, snapshot)
    if held == wanted:
        return False
    online_marker.refuse_earlier(store.project, snapshot)
    marker.unlink(missing_ok=True)
    at = instant(snapshot)
    views = [p.name for p in service(store, manifest["service"]).feature_view_projections]
    with redirect_stdout(io.StringIO()):  # Feast prints its progress in colours, into the report
        store.materialize(start_date=at - timedelta(seconds=1), end_date=at + timedelta(seconds=1), feature_views=views)
    state.write_text(marker, "\n".join(wanted))
    return True


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
    first = engine.frame(
        manifests.table_path(manifest, snapshot, list(manifests.views(manifest))[-1]), columns=["customer_id"]
    )
    ids = sorted(first.customer_id)[:customers]
    rows = look_up(store, service(store, manifest["service"]), ids)
    names = [f["name"] for f in manifest["features"]]
    shown = {c: row.features | {"(as of)": row.as_of, "(counts)": row.counts} for c, row in zip(ids, rows, strict=True)}
    return pd.DataFrame(shown).loc[["(as of)", "(counts)", *names]]


class Reader:
    """The online features of one service, read view by view on a connection of its own.

    It takes a quarter of the time of Feast's `get_online_features`, and never looks into Feast's registry on the way.
    """

    def __init__(self, store: feast.FeatureStore, service: feast.FeatureService) -> None:
        self._config, self._provider, self._opened = store.config, None, None
        self._views = {
            p.name: (store.get_feature_view(p.name), [f.name for f in p.features])
            for p in service.feature_view_projections
        }
        self.features = [name for _, names in self._views.values() for name in names]
        # Who counts, as the views' definition tells it; None: they are older than this rule.
        told = {name: dict(view.tags) for name, (view, _) in self._views.items() if "rule" in view.tags}
        self.population: dict[str, str] | None = next(iter(told.values()), None)
        self._population_view = next((name for name, tags in told.items() if "counts" in tags), None)

    def read(self, customer_ids: list[str]) -> list[Row]:
        """The features of each customer, in order. Raises FeatureStoreUnavailable."""
        keys = [EntityKey(join_keys=["customer_id"], entity_values=[Value(string_val=c)]) for c in customer_ids]
        try:
            provider = self._connected()
            by_view = {
                view: provider.online_read(self._config, table, keys, names + self._beside(view))
                for view, (table, names) in self._views.items()
            }
        except Exception as error:
            raise FeatureStoreUnavailable(f"feature store of {self._config.project}: {error}") from error
        return [self._row({view: rows[i] for view, rows in by_view.items()}) for i in range(len(keys))]

    def _row(self, by_view: dict[str, tuple]) -> Row:
        held = {view: values or {} for view, (_, values) in by_view.items()}
        features = {name: _plain(held[view].get(name)) for view, (_, names) in self._views.items() for name in names}
        missing = [name for view, (_, names) in self._views.items() for name in names if name not in held[view]]
        stamps = {view: stamp for view, (stamp, _) in by_view.items()}
        if self._population_view is None:
            return Row(features, missing, stamps)
        counts, days_silent = self._beside(self._population_view)
        beside = held[self._population_view]
        missing += [name for name in (counts, days_silent) if name not in beside]
        return Row(features, missing, stamps, bool(_plain(beside.get(counts))), _plain(beside.get(days_silent)))

    def _beside(self, view: str) -> list[str]:
        """The columns of a view that are no features: who counts, and since when that is decided."""
        return [self.population[role] for role in manifests.POPULATION] if view == self._population_view else []

    def _connected(self):
        """Feast's provider, opened again when the embedded store's file is another one than before."""
        store = self._config.online_store
        file = os.stat(store.path) if store.type == "sqlite" else None  # fails without it: SQLite makes an empty one
        identity = file and (file.st_dev, file.st_ino)
        if self._provider is None or identity != self._opened:
            self._provider, self._opened = get_provider(self._config), identity
        return self._provider


def look_up(store: feast.FeatureStore, service: feast.FeatureService, customer_ids: list[str]) -> list[Row]:
    """The online features of each customer, in order. Raises FeatureStoreUnavailable."""
    return Reader(store, service).read(customer_ids)


def _plain(value: Value | None) -> float | int | str | None:
    kind = value.WhichOneof("val") if value is not None else None
    return None if kind in (None, "null_val") else getattr(value, kind)


def service(store: feast.FeatureStore, name: str) -> feast.FeatureService:
    """The feature service of that name. Raises FeatureStoreUnavailable."""
    try:
        return store.get_feature_service(name)
    except Exception as error:
        raise FeatureStoreUnavailable(
            f"feature service {name} of {store.project}: {error}; run the features stage"
        ) from error
