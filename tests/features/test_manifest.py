"""The manifest: what it says of the features is what the written tables hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn.errors import InvalidData
from churn.features import build
from churn.features import manifest as manifests
from churn.sources.contract import Source

MARCH, APRIL = "2024-03-01", "2024-04-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CUSTOMERS = [("ann", T - 90 * DAY, "basic"), ("bob", T - 9 * DAY, "gold"), ("cy", T + DAY, "gold")]
EVENTS = [
    ("ann", T - DAY, "Gift card", 10),
    ("ann", T - 2 * DAY, "visit", 1),
    ("bob", T - 3 * DAY, "cancel", 1),
    ("bob", T + DAY, "novelty", 1),
]


pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def march(built, state_folder):
    return built(EVENTS, CUSTOMERS, snapshots=[MARCH])


def test_every_written_column_is_in_the_manifest_with_its_type_and_meaning(march):
    types = {"integer": "int64", "number": "double", "category": "string"}
    for view, features in manifests.views(march).items():
        schema = pq.read_schema(manifests.table_path(march, MARCH, view))
        columns = {field.name: str(field.type) for field in schema}
        assert {"customer_id": "string", "snapshot": "timestamp[us, tz=UTC]"} == {
            name: columns.pop(name) for name in ("customer_id", "snapshot")
        }
        if view == march["population"]["view"]:
            beside = {march["population"][role]: types[kind] for role, kind in manifests.POPULATION.items()}
            assert beside == {name: columns.pop(name) for name in beside}
        assert columns == {f["name"]: types[f["type"]] for f in features}
        assert all(f["meaning"] for f in features)


def test_there_is_a_view_for_each_kind_known_in_training_and_one_for_the_profile(march):
    assert ["gift_card", "visit", "profile"] == list(manifests.views(march))


def test_the_file_holds_what_was_built(march, state_folder):
    assert march == manifests.load(state_folder / "mine" / "features" / "features.json")


def test_each_snapshot_has_its_customers_and_their_features(built):
    made = built(EVENTS, CUSTOMERS, snapshots=[MARCH, APRIL])
    rows = manifests.tables_of(made).set_index(["snapshot", "view"]).rows
    assert {MARCH: 2, APRIL: 3} == {t: rows[t, "visit"] for t in (MARCH, APRIL)}
    ann = pd.read_parquet(manifests.table_path(made, APRIL, "visit")).set_index("customer_id").loc["ann"]
    assert (datetime(2024, 4, 1, tzinfo=UTC), 1, 0) == (ann.snapshot, ann.visit_count, ann.visit_count_30d)


def test_the_same_log_in_another_order_has_the_same_manifest(built, march):
    assert march | {"kept": [MARCH]} == built(EVENTS[::-1], CUSTOMERS[::-1], snapshots=[MARCH])


def test_other_content_has_another_fingerprint_and_the_same_service(built, march):
    other = built([*EVENTS[1:], ("ann", T - DAY, "Gift card", 11)], CUSTOMERS, snapshots=[MARCH])
    assert march["fingerprint"] != other["fingerprint"]
    assert march["service"] == other["service"]


def test_other_features_have_another_service(built, march):
    assert march["service"] != built(EVENTS, CUSTOMERS, snapshots=[MARCH], windows_days=[7, 31])["service"]


def test_snapshots_of_an_earlier_run_do_not_stay(built, state_folder):
    built(EVENTS, CUSTOMERS, snapshots=[MARCH])
    built(EVENTS, CUSTOMERS, snapshots=[APRIL])
    assert {"features.json", APRIL} == {path.name for path in (state_folder / "mine" / "features").iterdir()}


def test_a_snapshot_before_anyone_signed_up_is_refused_and_leaves_nothing(built, state_folder):
    with pytest.raises(InvalidData, match="snapshot 2023-01-01: no customer had signed up before it"):
        built(EVENTS, CUSTOMERS, snapshots=["2023-01-01"], kinds_before=MARCH)
    assert list((state_folder / "mine" / "features").iterdir()) == []


def test_what_a_feature_was_given_as_is_told_and_finds_it(built, state_folder):
    made = built(EVENTS, CUSTOMERS, snapshots=[MARCH], segments=["visit_count"])
    assert ["profile.visit_count"] == made["segments"]
    table = manifests.describe(made)
    assert ("visit_count", "") == (table.given["profile.visit_count"], table.given["visit_count"])
    assert ["visit_count", "profile.visit_count", "none"] == manifests.called(made, ["visit_count", "none"])


def test_a_manifest_that_is_not_there_says_what_to_run(tmp_path):
    with pytest.raises(InvalidData, match="no features yet; run the features stage first"):
        manifests.load(tmp_path / "features.json")


def test_the_profile_tells_what_is_missing_and_the_range_of_numbers(march):
    table = manifests.profile(march, MARCH, before=MARCH).set_index("feature")
    assert [f["name"] for f in march["features"]] == list(table.index)
    assert (0.5, 2.0, 2.0) == tuple(table.loc["days_since_visit", ["missing_share", "low", "high"]])
    assert (0.0, 0.5, 1.0) == tuple(table.loc["visit_count", ["low", "mean", "high"]])
    assert table.loc["plan", ["mean", "low", "high"]].isna().all()


def test_the_profile_tells_how_values_are_spread_now_and_before(built):
    made = built(EVENTS, CUSTOMERS, snapshots=[MARCH, APRIL])
    table = manifests.profile(made, APRIL, before=MARCH).set_index("feature")
    assert (3, 2) == (sum(table.counts["visit_count"]), sum(table.counts_before["visit_count"]))
    assert 0.5 == table.mean_before["visit_count"]
    assert (3, 2) == (sum(table.counts["plan"]), sum(table.counts_before["plan"]))
    assert len(table.counts["visit_count"]) == len(table.counts_before["visit_count"])


def test_a_feature_is_told_by_its_meaning_with_its_unit_where_that_is_no_part_of_it(march):
    meanings = manifests.meanings(march)
    assert "days since the last visit" == meanings["days_since_visit"]
    assert "visit events in the last 7 days" == meanings["visit_count_7d"]
    assert "plan" == meanings["plan"], "a segment is called what it is called"


def test_every_table_is_a_data_set_with_its_fingerprint(march):
    sets = manifests.datasets(march)
    assert [f"{view}@{MARCH}" for view in manifests.views(march)] == list(sets.name)
    assert all(Path(path).exists() for path in sets.path)
    assert sets.fingerprint.str.startswith("2-").all()


def test_the_description_has_a_row_for_each_feature(march):
    table = manifests.describe(march)
    assert ["view", "type", "unit", "meaning"] == list(table)
    assert ("visit", "integer", "events") == tuple(table.loc["visit_count_7d", ["view", "type", "unit"]])


def test_ready_made_tables_have_a_manifest_of_the_same_shape(con, state_folder, tmp_path):
    rows = pd.DataFrame({"customer_id": ["a", "b"], "snapshot": [T, T], "hours": [1.5, None], "plan": ["x", "y"]})
    rows.astype({"snapshot": "datetime64[us, UTC]"}).to_parquet(tmp_path / "usage.parquet")
    tables = {"usage": con.read_parquet(str(tmp_path / "usage.parquet"))}
    source = Source(None, None, tables, None, ["plan"], {"read": 2, "rejected": 0}, pd.DataFrame())
    settings = {"kinds_before": MARCH, "windows_days": [30], "recipe": "windows", "label": {"rule": "given"}}
    made = build.feature_tables(con, source, experiment="mine", snapshots=[MARCH], **settings)
    assert [("hours", "number"), ("plan", "category")] == [(f["name"], f["type"]) for f in made["features"]]
    assert rows.hours.equals(
        pd.read_parquet(manifests.table_path(made, MARCH, "usage")).sort_values("customer_id").hours
    )
    json.dumps(made, allow_nan=False)
