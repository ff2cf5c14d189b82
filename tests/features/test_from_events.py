"""Features as of a snapshot: exactly the events before it, of the customer alone, whatever order they come in."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn import engine
from churn.errors import InvalidData
from churn.features.definitions import from_tables
from churn.features.definitions.columns import Feature
from churn.features.definitions.from_events import described, views
from churn.features.definitions.terms import kinds_seen
from churn.sources.snapshots import instant

SNAPSHOT = "2024-03-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
SETTINGS = {"windows_days": [7, 30], "kinds": ["Gift card", "purchase"], "segments": ["plan"]}
IDS = ["ann", "bob", "cy"]

few = settings(deadline=None, max_examples=7, suppress_health_check=[HealthCheck.function_scoped_fixture])
edges = [w * -DAY + offset for w in (0, 7, 30) for offset in (-MICROSECOND, 0 * DAY, MICROSECOND)]
times = (st.sampled_from(edges) | st.timedeltas(-60 * DAY, 10 * DAY)).map(lambda offset: T + offset)
values = st.integers(-(10**9), 10**9).map(lambda units: Decimal(units) / 10_000)
events_of_many = st.lists(
    st.tuples(st.sampled_from(IDS), times, st.sampled_from(SETTINGS["kinds"]), values), max_size=25
)
signups = st.tuples(*[st.sampled_from([T - 90 * DAY, T - MICROSECOND, T, T + DAY])] * len(IDS))
people = signups.map(lambda found: [(one, at, f"plan {one}") for one, at in zip(IDS, found, strict=True)])
EVERYONE = [(one, T - 90 * DAY, "basic") for one in IDS]


@pytest.fixture(scope="module")
def features(con, log):
    """The features of each customer at SNAPSHOT, as the engine gives them: {customer_id: {name: value}}."""

    def _features(events: list[tuple], customers: list[tuple] = EVERYONE, *, con=con, **changed) -> dict[str, dict]:
        how = SETTINGS | changed
        tables = log(events, customers, how["segments"], con=con)
        found = {}
        for table in views(*tables, snapshot=SNAPSHOT, **how).values():
            for row in con.to_pyarrow(table).to_pylist():
                assert T == row.pop("snapshot")
                found.setdefault(row.pop("customer_id"), {}).update(row)
        return found

    return _features


def reference(events: list[tuple], customers: list[tuple]) -> dict[str, dict]:
    """The same by the definition, one customer and one feature after another."""
    return {
        one: of_one([e for e in events if e[0] == one and e[1] < T], at, plan) for one, at, plan in customers if at < T
    }


def of_one(events: list[tuple], signup: datetime, plan: str) -> dict:
    found = {"tenure_days": (T - signup) / DAY, "active_days": len({at.date() for _, at, _, _ in events}), "plan": plan}
    recent, longer = (sum(at >= T - w * DAY for _, at, _, _ in events) for w in (7, 30))
    found["momentum_7d_30d"] = recent / longer if longer else None
    for kind, name in (("Gift card", "gift_card"), ("purchase", "purchase")):
        of_kind = [(at, value) for _, at, k, value in events if k == kind]
        found[f"days_since_{name}"] = (T - max(at for at, _ in of_kind)) / DAY if of_kind else None
        found[f"{name}_count"] = len(of_kind)
        for w in (7, 30):
            inside = [value for at, value in of_kind if at >= T - w * DAY]
            found[f"{name}_count_{w}d"], found[f"{name}_value_{w}d"] = len(inside), float(sum(inside))
            found[f"{name}_mean_{w}d"] = float(sum(inside)) / len(inside) if inside else None
    return found


@settings(few, max_examples=20)
@given(events=events_of_many, customers=people)
def test_every_feature_is_what_its_definition_says(features, events, customers):
    assert reference(events, customers) == features(events, customers)


@few
@given(
    events=events_of_many, later=st.lists(st.tuples(st.timedeltas(0 * DAY, 90 * DAY), values), min_size=1, max_size=9)
)
def test_an_event_at_or_after_the_snapshot_never_changes_a_feature(features, events, later):
    after = [(one, T + offset, kind, v) for offset, v in later for one in IDS for kind in SETTINGS["kinds"]]
    assert features(events) == features(events + after)


@few
@given(events=events_of_many, data=st.data())
def test_events_in_any_order_give_the_same_table(features, events, data):
    assert features(events) == features(data.draw(st.permutations(events)))


@few
@given(events=events_of_many, customers=people)
def test_a_customer_does_not_depend_on_the_others(features, events, customers):
    alone = features([e for e in events if e[0] == "ann"], customers[:1])
    assert alone == {one: row for one, row in features(events, customers).items() if one == "ann"}


@few
@given(events=events_of_many)
def test_a_longer_window_holds_the_shorter_ones(features, events):
    for row in features(events).values():
        for name in ("gift_card", "purchase"):
            assert row[f"{name}_count_7d"] <= row[f"{name}_count_30d"] <= row[f"{name}_count"]


@pytest.mark.parametrize(
    ("at", "week", "month", "ever"),
    [
        (T, 0, 0, 0),
        (T - MICROSECOND, 1, 1, 1),
        (T - 7 * DAY, 1, 1, 1),
        (T - 7 * DAY - MICROSECOND, 0, 1, 1),
        (T - 30 * DAY, 0, 1, 1),
        (T - 30 * DAY - MICROSECOND, 0, 0, 1),
    ],
)
def test_a_window_begins_at_its_first_microsecond_and_ends_before_the_snapshot(features, at, week, month, ever):
    found = features([("ann", at, "purchase", Decimal("2.5"))])["ann"]
    assert (week, month, ever) == tuple(found[f"purchase_count{w}"] for w in ("_7d", "_30d", ""))
    assert (2.5 * week, 2.5 * month) == (found["purchase_value_7d"], found["purchase_value_30d"])


def test_whoever_signs_up_at_the_snapshot_is_not_known_yet(features):
    customers = [("ann", T - MICROSECOND, "basic"), ("bob", T, "basic")]
    assert list(features([("bob", T - DAY, "purchase", Decimal(1))], customers)) == ["ann"]


def test_a_customer_without_events_has_counts_of_zero_and_no_mean(features):
    found = features([("bob", T - DAY, "purchase", Decimal(1))])["ann"]
    assert tuple(found[f"purchase_{what}_30d"] for what in ("count", "value", "mean")) == (0, 0.0, None)
    assert (found["days_since_purchase"], found["momentum_7d_30d"], found["active_days"]) == (None, None, 0)


def test_a_mean_is_the_value_of_one_event(features):
    found = features([("ann", T - DAY, "purchase", Decimal(amount)) for amount in (1, 2, 6)])["ann"]
    assert 3.0 == found["purchase_mean_7d"]


def test_sums_are_exact_in_any_order(features):
    amounts = [Decimal("99999999999999.9999"), Decimal("0.0001"), Decimal("-99999999999999.9999")]
    found = features([("ann", T - DAY, "purchase", amount) for amount in amounts])["ann"]
    assert found["purchase_value_7d"] == 0.0001


def test_the_zone_of_the_machine_does_not_matter(features):
    events = [("ann", T - timedelta(hours=h), "purchase", Decimal(1)) for h in (1, 23, 25, 24 * 7, 24 * 7 + 1)]
    here, expected = os.environ.get("TZ"), features(events)
    try:
        for zone in ("America/Los_Angeles", "Pacific/Kiritimati"):
            os.environ["TZ"] = zone
            time.tzset()
            assert expected == features(events, con=engine.connect())
    finally:
        os.environ.pop("TZ") if here is None else os.environ.update(TZ=here)
        time.tzset()
    assert expected["ann"]["active_days"] == 4


def test_described_names_every_column_with_its_type_in_order(log):
    tables = views(*log([], EVERYONE, ["plan"]), snapshot=SNAPSHOT, **SETTINGS)
    types = {"integer": "int64", "number": "float64", "category": "string"}
    for view, table in tables.items():
        columns = {name: str(kind) for name, kind in table.schema().items()}
        assert {n: columns.pop(n) for n in list(columns)[:2]} == {
            "customer_id": "string",
            "snapshot": "timestamp('UTC', 6)",
        }
        assert columns == {f.name: types[f.type] for f in described(**SETTINGS) if f.view == view}
        assert list(columns) == [f.name for f in described(**SETTINGS) if f.view == view]


def test_the_manifest_says_of_every_feature_its_view_type_unit_and_meaning():
    def of_gift_card(name: str, kind: str, unit: str, meaning: str) -> Feature:
        return Feature(name, "gift_card", kind, unit, meaning)

    windows = [
        of_gift_card(*row)
        for w in (7, 30, 90)
        for row in (
            (f"gift_card_count_{w}d", "integer", "events", f"Gift card events in the {w} days before the snapshot"),
            (f"gift_card_value_{w}d", "number", "value", f"sum of value of Gift card in those {w} days"),
            (f"gift_card_mean_{w}d", "number", "value", f"mean value of a Gift card in those {w} days; null: none"),
        )
    ]
    ever = "Gift card events in the customer's life before the snapshot"
    share = "events in the last 7 days over those in the last 90; null: none"
    assert [
        of_gift_card(
            "days_since_gift_card", "number", "days", "since the last Gift card before the snapshot; null: never"
        ),
        of_gift_card("gift_card_count", "integer", "events", ever),
        *windows,
        Feature("tenure_days", "profile", "number", "days", "from sign-up to the snapshot"),
        Feature("active_days", "profile", "integer", "days", "days with any event before the snapshot"),
        Feature("momentum_7d_90d", "profile", "number", "ratio", share),
        Feature("plan", "profile", "category", "", "segment, from the customers table"),
    ] == described(windows_days=[7, 30, 90], kinds=["Gift card"], segments=["plan"])


def test_momentum_sets_the_shortest_of_all_windows_against_the_longest(features):
    events = [("ann", T - days * DAY, "purchase", Decimal(1)) for days in (1, 8, 9, 31, 89)]
    found = features(events, windows_days=[7, 30, 90])["ann"]
    assert (1, 3, 5, 0.2) == (*(found[f"purchase_count_{w}d"] for w in (7, 30, 90)), found["momentum_7d_90d"])


def test_kinds_are_those_seen_before_a_date_but_for_the_label(log):
    rows = [
        ("ann", T - DAY, "visit", 1),
        ("ann", T, "late", 1),
        ("ann", T - DAY, "cancel", 1),
        ("bob", T - DAY, "buy", 1),
    ]
    events, _ = log(rows, [])
    assert kinds_seen(events, before=SNAPSHOT, without=["cancel"]) == ["buy", "visit"]
    with pytest.raises(InvalidData, match="no events before the snapshot 2024-02-01"):
        kinds_seen(events, before="2024-02-01", without=[])


@pytest.mark.parametrize(
    "kinds",
    [
        ["Gift card", "gift-card", "visit"],
        ["Profile", "profile"],
        ["!?", "购入", "a_count_7d"],
        ["k" * 200, "category y"],
    ],
)
def test_each_kind_has_a_view_of_its_own_whatever_it_is_called(features, log, kinds):
    rows = [("ann", T - DAY, kind, Decimal(n)) for n, kind in enumerate(kinds, 1)]
    events, _ = log(rows, [])
    seen = kinds_seen(events, before=SNAPSHOT, without=[])
    assert sorted(kinds) == seen
    listed = described(windows_days=[7, 30], kinds=seen, segments=[])
    found = features(rows, kinds=seen)["ann"]
    for n, kind in enumerate(kinds, 1):
        [value] = [feature.name for feature in listed if feature.meaning == f"sum of value of {kind} in those 7 days"]
        assert n == found[value]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("tenure_days", "profile.tenure_days"),
        ("purchase_count_7d", "profile.purchase_count_7d"),
        ("Momentum_7d_30d", "profile.Momentum_7d_30d"),
        ("churned", "profile.churned"),
        ("part", "profile.part"),
        ("event_timestamp", "profile.event_timestamp"),
        ("loyalty_y", "loyalty_y_"),
    ],
)
def test_a_segment_whose_name_is_taken_or_not_held_gets_another_and_the_feature_keeps_its_own(features, name, called):
    listed = described(**SETTINGS | {"segments": ["plan", name]})
    assert (called, name) == (listed[-1].name, listed[-1].given)
    assert described(**SETTINGS | {"segments": ["plan"]}) == listed[:-1]
    found = features([("ann", T - DAY, "purchase", Decimal(1))], segments=[name])["ann"]
    assert ("basic", 1) == (found[called], found["purchase_count_7d"])


@pytest.mark.parametrize("name", ["recent", "longer", "purchase_last", "customer_id_right", "My plan"])
def test_a_segment_may_have_any_other_name(features, name):
    described(**SETTINGS | {"segments": [name]})
    found = features([("ann", T - DAY, "purchase", Decimal(1))], segments=[name])["ann"]
    assert (found[name], found["purchase_count_7d"], found["momentum_7d_30d"]) == ("basic", 1, 1.0)


@pytest.fixture(scope="module")
def ready_made(con, tmp_path_factory):
    """Ready-made tables as the reader stages them: customers a and b at SNAPSHOT, then a a month later."""

    def _ready_made(given: dict[str, dict]) -> dict:
        tables = {}
        for view, columns in given.items():
            keys = {
                "customer_id": ["a", "b", "a"],
                "snapshot": pa.array([T, T, T + 30 * DAY], pa.timestamp("us", tz="UTC")),
            }
            path = tmp_path_factory.mktemp("tables") / f"{view}.parquet"
            pq.write_table(pa.table(keys | columns), path)
            tables[view] = con.read_parquet(str(path))
        return tables

    return _ready_made


def test_ready_made_flags_become_numbers_and_dates_become_days_before_the_snapshot(con, ready_made):
    usage = {"hours": pa.array([1.5, None, 9.0]), "senior": [True, False, True], "plan": ["x", None, "y"]}
    tables = ready_made({"usage": usage, "users": {"since": pa.array([T - 36 * DAY / 24, T + DAY, T])}})
    made = from_tables.views(tables, snapshot=SNAPSHOT)
    expected = [{"hours": 1.5, "senior": 1, "plan": "x"}, {"hours": None, "senior": 0, "plan": None}]
    assert expected == [row(r) for r in con.to_pyarrow(made["usage"].order_by("customer_id")).to_pylist()]
    assert [row(r) for r in con.to_pyarrow(made["users"].order_by("customer_id")).to_pylist()] == [
        {"days_since_since": 1.5},
        {"days_since_since": -1.0},
    ]
    assert [
        Feature("hours", "usage", "number", "as given", "as given in usage"),
        Feature("senior", "usage", "integer", "count or flag", "as given in usage"),
        Feature("plan", "usage", "category", "", "as given in usage (segment)"),
        Feature("days_since_since", "users", "number", "days", "as given in users"),
    ] == from_tables.described(tables, segments=["plan"])


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (pa.int8(), "int64"),
        (pa.bool_(), "int64"),
        (pa.float32(), "float64"),
        (pa.decimal128(21, 2), "float64"),
        (pa.string(), "string"),
    ],
)
def test_ready_made_columns_of_a_kind_have_one_type_whatever_they_were_stored_as(ready_made, stored, expected):
    made = from_tables.views(ready_made({"usage": {"x": pa.array([1, 0, 1]).cast(stored)}}), snapshot=SNAPSHOT)
    assert expected == str(made["usage"].schema()["x"])


def row(found: dict) -> dict:
    assert instant(SNAPSHOT) == found["snapshot"]
    return {name: value for name, value in found.items() if name not in ("customer_id", "snapshot")}


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ({"one": {"total": [1, 2, 3]}, "two": {"Total": [1, 2, 3]}}, ["one.total", "two.Total"]),
        ({"A b": {"churned": [1, 2, 3], "self": [4, 5, 6]}}, ["a_b.churned", "self"]),
        ({"users": {"a:b": [1, 2, 3]}, "Users": {"a_b": [1, 2, 3]}}, None),
    ],
)
def test_ready_made_columns_that_would_share_a_name_say_whose_they_are(ready_made, given, called):
    tables = ready_made(given)
    listed = from_tables.described(tables, segments=[])
    assert called in ([feature.name for feature in listed], None)
    made = from_tables.views(tables, snapshot=SNAPSHOT)
    assert len(given) == len({view.lower() for view in made})
    assert {f.name for f in listed} == {name for table in made.values() for name in table.columns[2:]}


def test_a_date_and_the_days_since_it_have_two_names(ready_made):
    given = {"one": {"since": pa.array([T, T, T]), "days_since_since": [1.0, 2.0, 3.0]}}
    names = [feature.name for feature in from_tables.described(ready_made(given), segments=[])]
    assert ["days_since_since_"] * 2 == [name[:-8] for name in names]
    assert 2 == len(set(names))
