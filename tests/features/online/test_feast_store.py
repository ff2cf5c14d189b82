"""What is online is read the same by Feast, by our reader, and from Feast's own SQLite store with the same rows."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from feast import FeatureStore, FeatureView, Field, RepoConfig
from feast.types import Bool

from churn import profile, state
from churn.features import manifest as manifests
from churn.features import reader, store
from churn.features.online.feast_store import columns_of

T = datetime(2024, 3, 1, tzinfo=UTC)
SNAPSHOT, DAY = "2024-04-01", timedelta(days=1)
CUSTOMERS = [("ann", T - 90 * DAY, "basic"), ("bób\n", T - 9 * DAY, None), ("cy", T + DAY, "👩‍👧 gold"), ("di", T, "")]
EVENTS = [("ann", T - DAY, "visit", 10), ("ann", T - 2 * DAY, "visit", 1), ("bób\n", T + DAY, "Gift card", 3)]
ASKED = ["cy", "ann", "nobody", "bób\n", "di", "ann"]
ODD = {"ann": 5e-324, "cy": 1.7976931348623157e308, "di": float("nan")}


@pytest.fixture(scope="module")
def online(built, tmp_path_factory):
    """A snapshot with odd values online, its manifest, and the store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(tmp_path_factory.mktemp("state")))
        made = built(EVENTS, CUSTOMERS, snapshots=[SNAPSHOT])
        path = manifests.table_path(made, SNAPSHOT, "visit")
        rows = pd.read_parquet(path)
        rows["visit_mean_7d"] = rows.customer_id.map(ODD)
        rows.loc[rows.customer_id == "cy", "visit_count"] = 2**53 + 1
        rows.to_parquet(path, index=False)
        feast = store.open_store("mine")
        store.apply(feast)
        store.materialize(feast, made, SNAPSHOT)
        yield feast, made


def answered(feast: FeatureStore, made: dict) -> dict:
    """What Feast answers, with each view's times."""
    return feast.get_online_features(
        features=feast.get_feature_service(made["service"]), entity_rows=[{"customer_id": one} for one in ASKED]
    ).to_dict(include_event_timestamps=True)


def materialized(feast: FeatureStore, made: dict) -> FeatureStore:
    """The same store after Feast's own `materialize` of the snapshot."""
    at = datetime(2024, 4, 1, tzinfo=UTC)
    views = [p.name for p in feast.get_feature_service(made["service"]).feature_view_projections]
    feast.materialize(start_date=at - DAY, end_date=at + DAY, feature_views=views)
    return feast


def of_feast(path: Path) -> FeatureStore:
    """The same definitions over Feast's own SQLite store."""
    registry = state.path("mine", "feast", "registry.db")
    config = RepoConfig(
        project="mine", provider="local", registry=str(registry), offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": str(path)}, entity_key_serialization_version=3,
    )  # fmt: skip
    made = FeatureStore(config=config)
    made.apply([*made.list_entities(), *made.list_feature_views(), *made.list_feature_services()])
    return made


def test_feast_answers_the_same_from_packed_rows_as_from_its_own_store(online, tmp_path):
    feast, made = online
    assert answered(materialized(of_feast(tmp_path / "feast.db"), made), made) == answered(feast, made)


def test_our_reader_reads_what_feast_answers(online):
    feast, made = online
    expected = answered(feast, made)
    rows = reader.look_up(feast, store.service(feast, made["service"]), ASKED)
    for name in (feature["name"] for feature in made["features"]):
        assert expected[name] == [row.features[name] for row in rows]
    assert [None if one == "nobody" else datetime(2024, 4, 1, tzinfo=UTC) for one in ASKED] == [r.as_of for r in rows]


def test_as_columns_the_reader_has_the_same_numbers_and_texts(online):
    feast, made = online
    service = store.service(feast, made["service"])
    rows = reader.Reader(feast, service).read(ASKED)
    for place, one in enumerate(reader.look_up(feast, service, ASKED)):
        values = [rows.texts[name][place] if name in rows.texts else None for name in one.features]
        expected = [v if isinstance(v, str) else None for v in one.features.values()]
        assert expected == values
        numbers = [float("nan") if isinstance(v, str) or v is None else float(v) for v in one.features.values()]
        pd.testing.assert_series_equal(pd.Series(numbers), pd.Series(rows.numbers[:, place]), check_exact=True)


def test_feasts_own_materialize_writes_rows_that_read_the_same_and_no_snapshot_is_said_to_be_whole(
    built, state_folder, capsys
):
    made = built(EVENTS, CUSTOMERS, snapshots=[SNAPSHOT])
    feast = store.open_store("mine")
    store.apply(feast)
    expected = answered(materialized(feast, made), made)
    assert store.materialize(feast, made, SNAPSHOT)
    assert expected == answered(feast, made)


def test_feasts_own_teardown_takes_everything_off(built, state_folder):
    made = built(EVENTS, CUSTOMERS, snapshots=[SNAPSHOT])
    feast = store.open_store("mine")
    store.apply(feast)
    store.materialize(feast, made, SNAPSHOT)
    command = [str(Path(sys.executable).with_name("feast")), "-c", str(profile.folder()), "teardown"]
    environment = os.environ | {"CHURN_EXPERIMENT": "mine", "PYTHONPATH": str(state.PROJECT)}
    done = subprocess.run(command, env=environment, cwd=state_folder, capture_output=True, text=True, timeout=120)
    assert (0, False) == (done.returncode, state.path("mine", "feast", "online.db").exists()), done.stderr


def test_a_view_with_a_type_that_rows_do_not_hold_is_refused():
    view = FeatureView(name="odd", schema=[Field(name="flag", dtype=Bool)], source=None)
    with pytest.raises(ValueError, match="odd: flag is Bool; rows online hold Int64, Float64, String"):
        columns_of(view)
