"""The feature store: training gets the features of exactly the label's snapshot, serving gets those that are online."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import requests

from churn import profile, state
from churn.errors import FeatureStoreUnavailable, InvalidData
from churn.features import manifest as manifests
from churn.features import reader as readers
from churn.features import store
from tests.serving.gunicorn_server import free_port

MARCH, APRIL = "2024-03-01", "2024-04-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CUSTOMERS = [("ann", T - 90 * DAY, "basic"), ("bob", T - 9 * DAY, None), ("cy", T + DAY, "gold")]
EVENTS = [("ann", T - DAY, "Gift card", 10), ("ann", T - 2 * DAY, "visit", 1), ("bob", T + DAY, "visit", 3)]
LABELS = pd.DataFrame(
    {
        "customer_id": ["cy", "bob", "ann", "ann"],
        "snapshot": pd.to_datetime([APRIL, APRIL, APRIL, MARCH], utc=True),
        "churned": [True, False, True, False],
    }
)


@pytest.fixture(scope="module")
def online(built, tmp_path_factory):
    """A store with March and April offline and April online, and its manifest. These tests only read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(tmp_path_factory.mktemp("state")))
        made = built(EVENTS, CUSTOMERS, snapshots=[MARCH, APRIL], segments=["My plan"])
        feast = store.open_store("mine")
        store.apply(feast)
        assert store.materialize(feast, made, APRIL)
        yield feast, made


@pytest.fixture
def opened(built, state_folder):
    """Build, apply and open: the manifest and the store of a log, in a state folder of the test's own."""

    def _opened(events=EVENTS, *, snapshots: tuple[str, ...] = (MARCH, APRIL), **changed):
        made = built(events, CUSTOMERS, snapshots=list(snapshots), **changed)
        feast = store.open_store("mine")
        store.apply(feast)
        return feast, made

    return _opened


def offline(made: dict, snapshot: str) -> dict[str, dict]:
    """The tables' own rows, {customer_id: {feature: value}}, null as None."""
    rows = {}
    for view in manifests.views(made):
        columns = ["customer_id", *(f["name"] for f in manifests.views(made)[view])]
        table = pd.read_parquet(manifests.table_path(made, snapshot, view), columns=columns)
        for row in table.astype(object).where(table.notna(), None).to_dict("records"):
            rows.setdefault(row.pop("customer_id"), {}).update(row)
    return rows


def names(made: dict) -> list[str]:
    return [f["name"] for f in made["features"]]


def test_a_label_is_joined_with_the_features_of_exactly_its_snapshot(online):
    feast, made = online
    joined = store.join(feast, made, LABELS)
    expected = {t: offline(made, t) for t in (MARCH, APRIL)}
    for row in joined.astype(object).where(joined.notna(), None).to_dict("records"):
        assert expected[f"{row['snapshot']:%Y-%m-%d}"][row["customer_id"]] == {name: row[name] for name in names(made)}


def test_the_join_keeps_every_label_sorted_by_snapshot_and_customer(online):
    feast, made = online
    joined = store.join(feast, made, LABELS)
    assert [*LABELS, *names(made)] == list(joined)
    expected = LABELS.sort_values(["snapshot", "customer_id"], ignore_index=True)
    assert expected.values.tolist() == joined[list(LABELS)].values.tolist()


@pytest.mark.parametrize(("one", "day"), [("ann", "2024-03-02"), ("cy", MARCH), ("nobody", APRIL)])
def test_an_older_row_never_stands_in_for_a_customer_who_has_none_at_the_snapshot(online, one, day):
    feast, made = online
    labels = pd.DataFrame({"customer_id": [one], "snapshot": pd.to_datetime([day], utc=True), "churned": [True]})
    assert store.join(feast, made, labels)[names(made)].isna().all(axis=None)


def test_what_is_online_is_what_the_tables_hold(online):
    feast, made = online
    expected = offline(made, APRIL)
    rows = readers.look_up(feast, store.service(feast, made["service"]), ["cy", "ann", "bob"])
    assert [expected[one] for one in ("cy", "ann", "bob")] == [row.features for row in rows]
    assert {datetime(2024, 4, 1, tzinfo=UTC)} == {row.as_of for row in rows}
    assert (int, float) == (type(rows[1].features["visit_count"]), type(rows[1].features["tenure_days"]))


def test_a_customer_that_is_not_online_has_no_time_and_no_features(online):
    feast, made = online
    [row] = readers.look_up(feast, store.service(feast, made["service"]), ["nobody"])
    assert (None, {None}) == (row.as_of, set(row.features.values()))


def test_who_counts_is_read_beside_the_features_and_is_none_of_them(opened):
    """By the rule of the store's own definition, which the model in production reads for as long as it is there."""
    gone = ("bob", T - DAY, "cancel", 0)
    feast, made = opened([*EVENTS, gone], snapshots=(MARCH,))
    store.materialize(feast, made, MARCH)
    reader = readers.Reader(feast, store.service(feast, made["service"]))
    assert ("has signed up and has no cancel yet", "cancel") == tuple(
        reader.population[name] for name in ("rule", "decided_by")
    )
    rows = dict(zip(("ann", "bob"), reader.read(["ann", "bob"]).each(), strict=True))
    assert {"ann": (True, None), "bob": (False, 1.0)} == {one: (r.counts, r.days_silent) for one, r in rows.items()}
    assert {frozenset(names(made))} == {frozenset(row.features) for row in rows.values()}
    assert {"inside": 1, "outside": 1} == manifests.population_at(made, MARCH)


def test_a_service_that_is_older_than_the_rule_says_nothing_of_who_counts(opened):
    feast, made = opened(snapshots=(MARCH,))
    store.materialize(feast, made, MARCH)
    profile = feast.get_feature_view(in_store(made)[-1])
    profile.tags = {}
    feast.apply([profile])
    reader = readers.Reader(feast, store.service(feast, made["service"]))
    assert (None, [True]) == (reader.population, [row.counts for row in reader.read(["ann"]).each()])


def in_store(made: dict) -> list[str]:
    """The views as Feast names them: after the definition of all features."""
    return [f"{view}_{made['service'].removeprefix('churn_')}" for view in manifests.views(made)]


def test_the_report_shows_views_and_some_customers_as_the_store_holds_them(online):
    feast, made = online
    described = store.describe(feast, made).reset_index()
    assert in_store(made) == list(described["view"])
    assert len(made["features"]) == described.features.sum()
    sample = store.sample(feast, made, APRIL, customers=2)
    assert (["ann", "bob"], ["(as of)", "(counts)", *names(made)]) == (list(sample), list(sample.index))
    assert sample.loc["visit_count_30d", "bob"] == 1


def test_to_apply_again_changes_nothing(online):
    feast, made = online

    def registered() -> tuple:
        views = [(view.name, view.features) for view in feast.list_feature_views()]
        return views, feast.list_feature_services(), [e.name for e in feast.list_entities()]

    before = registered()
    store.apply(feast)
    assert before == registered()
    assert [made["service"]] == [service.name for service in before[1]]


def test_to_materialize_again_changes_nothing(online):
    feast, made = online
    assert not store.materialize(feast, made, APRIL)


def test_an_older_snapshot_than_the_one_online_is_refused(online):
    feast, made = online
    with pytest.raises(InvalidData, match=f"snapshots.serve {MARCH} is older than the snapshot online \\({APRIL}\\)"):
        store.materialize(feast, made, MARCH)


def test_corrected_content_of_the_same_snapshot_goes_online(opened):
    feast, made = opened(snapshots=(APRIL,))
    store.materialize(feast, made, APRIL)
    feast, made = opened([*EVENTS, ("cy", T + 2 * DAY, "visit", 5)], snapshots=(APRIL,))
    assert store.materialize(feast, made, APRIL)
    [row] = readers.look_up(feast, store.service(feast, made["service"]), ["cy"])
    assert (1, 5.0) == (row.features["visit_count"], row.features["visit_value_30d"])


def test_a_later_snapshot_goes_online(opened):
    feast, made = opened()
    assert store.materialize(feast, made, MARCH) and store.materialize(feast, made, APRIL)
    [row] = readers.look_up(feast, store.service(feast, made["service"]), ["ann"])
    assert (datetime(2024, 4, 1, tzinfo=UTC), 121.0) == (row.as_of, row.features["tenure_days"])


def test_only_the_customers_of_the_snapshot_go_online(opened):
    feast, made = opened()
    for view in manifests.views(made):
        path = manifests.table_path(made, APRIL, view)
        pd.read_parquet(path).query("customer_id != 'ann'").to_parquet(path, index=False)
    store.materialize(feast, made, APRIL)
    rows = readers.look_up(feast, store.service(feast, made["service"]), ["ann", "bob"])
    assert [None, datetime(2024, 4, 1, tzinfo=UTC)] == [row.as_of for row in rows]


def test_the_snapshot_that_is_online_is_known(online, monkeypatch, tmp_path):
    assert store.online_snapshot("mine") == APRIL
    monkeypatch.setenv("CHURN_STATE", str(tmp_path))
    with pytest.raises(FeatureStoreUnavailable, match="feature store of mine: nothing is online"):
        store.online_snapshot("mine")


def test_a_service_that_does_not_exist_is_named(online):
    with pytest.raises(FeatureStoreUnavailable, match=r"feature service churn_0 of mine: .*; run the features stage"):
        store.service(online[0], "churn_0")


def test_a_store_without_its_file_is_unavailable_and_no_empty_one_is_made(opened):
    feast, made = opened(snapshots=(APRIL,))
    state.path("mine", "feast", "online.db").unlink(missing_ok=True)
    with pytest.raises(
        FeatureStoreUnavailable, match=r"nothing is online: .*online\.db is not there; run the pipeline"
    ):
        readers.look_up(feast, store.service(feast, made["service"]), ["ann"])
    assert not state.path("mine", "feast", "online.db").exists()


def test_the_join_keeps_no_customer_twice_when_a_table_repeats_one(opened):
    feast, made = opened(snapshots=(MARCH,))
    path = manifests.table_path(made, MARCH, "visit")
    table = pd.read_parquet(path)
    pd.concat([table, table]).to_parquet(path, index=False)
    assert len(store.join(feast, made, LABELS[LABELS.snapshot == T])) == 1


def test_feasts_own_apply_works_on_the_definitions(built, state_folder):
    made = built(EVENTS, CUSTOMERS, snapshots=[MARCH])
    (state_folder / "mine" / "feast").mkdir()
    command = [str(Path(sys.executable).with_name("feast")), "-c", str(profile.folder()), "apply"]
    environment = os.environ | {"CHURN_EXPERIMENT": "mine", "PYTHONPATH": str(state.PROJECT)}
    done = subprocess.run(command, env=environment, cwd=state_folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    feast = store.open_store("mine")
    assert [made["service"]] == [service.name for service in feast.list_feature_services()]
    assert sorted(in_store(made)) == sorted(view.name for view in feast.list_feature_views())


def test_feasts_own_pages_show_the_feature_service(online):
    """As `make features-ui` starts them."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [
        Path(sys.executable).with_name("feast"),
        "-c",
        profile.folder(),
        "ui",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with subprocess.Popen(command, env=os.environ | {"CHURN_EXPERIMENT": "mine"}, stderr=subprocess.PIPE) as pages:
        try:
            while not answers(address):
                assert pages.poll() is None, pages.stderr.read().decode()
                time.sleep(0.2)
            found = requests.get(f"{address}/api/v1/feature_services?project=mine", timeout=60).json()
            assert [online[1]["service"]] == [one["spec"]["name"] for one in found["featureServices"]]
        finally:
            pages.terminate()


def answers(address: str) -> bool:
    with suppress(requests.ConnectionError):
        return "<html" in requests.get(address, timeout=60).text
    return False


def test_a_service_reads_its_own_features_whole_after_another_was_defined(opened):
    visits = [("ann", T - DAY, "visit", 1), ("ann", T + 29 * DAY, "visit", 1)]
    feast, old = opened(visits, snapshots=(APRIL,))
    store.materialize(feast, old, APRIL)
    expected = offline(old, APRIL)["ann"]
    feast, new = opened(visits, snapshots=("2024-05-01",), windows_days=[14, 30])
    store.materialize(feast, new, "2024-05-01")
    feast = store.open_store("mine")
    [row] = readers.look_up(feast, store.service(feast, old["service"]), ["ann"])
    assert (expected, datetime(2024, 4, 1, tzinfo=UTC)) == (row.features, row.as_of)
    [row] = readers.look_up(feast, store.service(feast, new["service"]), ["ann"])
    assert (offline(new, "2024-05-01")["ann"], datetime(2024, 5, 1, tzinfo=UTC)) == (row.features, row.as_of)


@pytest.mark.parametrize(
    "name", ["loyalty_y", "rn", "ratio 1:2", "entity_row_id", "class", "charges.month", "a__b", "self"]
)
def test_a_feature_of_any_name_is_the_same_in_the_tables_offline_and_online(opened, name):
    feast, made = opened(segments=[name])
    store.materialize(feast, made, APRIL)
    [called] = made["segments"]
    joined = store.join(feast, made, LABELS).set_index(["snapshot", "customer_id"])
    assert "basic" == joined[called][APRIL, "ann"] == offline(made, APRIL)["ann"][called]
    [row] = readers.look_up(feast, store.service(feast, made["service"]), ["ann"])
    assert "basic" == row.features[called]


def test_a_service_whose_tables_have_lost_a_column_cannot_be_joined(opened):
    feast, old = opened(segments=["plan"])
    feast, _ = opened(segments=["tariff"])
    with pytest.raises(FeatureStoreUnavailable, match=f"feature service {old['service']} of mine cannot be joined"):
        store.join_service(feast, old["service"], LABELS[["customer_id", "snapshot"]])
