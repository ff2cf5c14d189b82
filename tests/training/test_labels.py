"""Who counts at a snapshot and who left within the horizon [snapshot, snapshot + horizon), to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.errors import InvalidData
from churn.training import labels

SNAPSHOT, NEXT = "2024-03-01", "2024-04-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
INACTIVITY = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 90}
CANCEL = {"rule": "event", "kind": "cancel", "horizon_days": 30}
EVERYONE = [(one, T - 365 * DAY) for one in ("ann", "bob")] + [("zoe", T + 365 * DAY)]
THE_LOG_GOES_ON = ("zoe", T + 400 * DAY, "visit", 1)  # of someone who has not signed up yet

few = settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def labelled(con, log):
    """Whether each customer who counts has left, {customer_id: churned}; by snapshot when there are several."""

    def _labelled(label: dict, events: list[tuple], customers: list[tuple] = EVERYONE, snapshots: tuple = (SNAPSHOT,)):
        made = labels.build(*log([*events, THE_LOG_GOES_ON], customers), None, snapshots=list(snapshots), label=label)
        rows = con.execute(made)
        assert ["customer_id", "snapshot", "churned"] == list(rows)
        assert not rows.duplicated(["customer_id", "snapshot"]).any()
        days = [dict(zip(r.customer_id, r.churned.tolist(), strict=True)) for _, r in rows.groupby("snapshot")]
        return days if len(snapshots) > 1 else days[0] if days else {}

    return _labelled


def visits(*offsets: timedelta, one: str = "ann", kind: str = "visit") -> list[tuple]:
    return [(one, T + offset, kind, 1) for offset in offsets]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([-90 * DAY], {"ann": True}),
        ([-90 * DAY - MICROSECOND], {}),
        ([-MICROSECOND], {"ann": True}),
        ([0 * DAY], {}),
        ([-DAY, 0 * DAY], {"ann": False}),
        ([-DAY, 30 * DAY - MICROSECOND], {"ann": False}),
        ([-DAY, 30 * DAY], {"ann": True}),
    ],
)
def test_inactive_is_whoever_was_seen_before_and_not_within_the_horizon(labelled, seen, expected):
    assert expected == labelled(INACTIVITY, visits(*seen))


def test_only_the_kinds_named_count_as_activity(labelled):
    events = visits(-DAY, kind="purchase") + visits(DAY) + visits(-DAY, one="bob")
    assert {"ann": False, "bob": True} == labelled(INACTIVITY, events)
    assert {"ann": True} == labelled(INACTIVITY | {"kinds": ["purchase"]}, events)


@pytest.mark.parametrize(
    ("cancelled", "expected"),
    [
        (-MICROSECOND, {"bob": False}),
        (0 * DAY, {"ann": True, "bob": False}),
        (30 * DAY - MICROSECOND, {"ann": True, "bob": False}),
        (30 * DAY, {"ann": False, "bob": False}),
    ],
)
def test_left_by_event_is_whoever_has_it_within_the_horizon_and_not_before(labelled, cancelled, expected):
    assert expected == labelled(CANCEL, visits(cancelled, kind="cancel") + visits(-DAY, DAY, one="bob"))


@pytest.mark.parametrize("label", [INACTIVITY, CANCEL], ids=["inactivity", "event"])
def test_whoever_signs_up_at_the_snapshot_does_not_count(labelled, label):
    events = visits(-DAY) + visits(-DAY, one="bob")
    customers = [("ann", T - MICROSECOND), ("bob", T)]
    assert ["ann"] == list(labelled(label, events, customers))


def test_each_snapshot_has_its_own_labels(labelled):
    events = visits(-DAY, 40 * DAY) + visits(5 * DAY, one="bob")
    both = labelled(INACTIVITY, events, snapshots=(SNAPSHOT, NEXT))
    assert [{"ann": True}, {"ann": False, "bob": True}] == both
    assert both[0] == labelled(INACTIVITY, events)


def test_given_labels_are_those_of_the_snapshots(con, tmp_path):
    given_labels = pd.DataFrame({"customer_id": ["a", "a"], "snapshot": [T, T + 31 * DAY], "churned": [True, False]})
    given_labels.astype({"snapshot": "datetime64[us, UTC]"}).to_parquet(tmp_path / "labels.parquet")
    table = con.read_parquet(str(tmp_path / "labels.parquet"))
    made = con.execute(labels.build(None, None, table, snapshots=[SNAPSHOT], label={"rule": "given"}))
    assert [("a", pd.Timestamp(T), True)] == list(made.itertuples(index=False, name=None))


@pytest.mark.parametrize("label", [INACTIVITY, CANCEL], ids=["inactivity", "event"])
def test_a_log_that_ends_before_the_horizon_does_is_refused_with_the_last_snapshot_that_is_fine(log, label):
    def build(end: datetime, last: str = SNAPSHOT):
        events, customers = log([("ann", T - DAY, "visit", 1), ("ann", end, "visit", 1)], EVERYONE)
        return labels.build(events, customers, None, snapshots=["2024-02-01", last], label=label)

    build(T + 29 * DAY)
    too_early = T + 29 * DAY - MICROSECOND
    with pytest.raises(InvalidData) as caught:
        build(too_early)
    assert str(caught.value) == (
        "snapshot 2024-03-01: its label looks until 2024-03-31, but the log ends on 2024-03-29; "
        "use a snapshot up to 2024-02-29 or a shorter horizon"
    )
    build(too_early, last="2024-02-29")


offsets = st.timedeltas(-200 * DAY, 200 * DAY) | st.sampled_from([-90 * DAY, 0 * DAY, 30 * DAY, -MICROSECOND])
events_of_both = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]), offsets.map(lambda o: T + o), st.sampled_from(["visit", "cancel"]), st.just(1)
    ),
    max_size=12,
)


@few
@given(events=events_of_both)
def test_events_outside_the_time_that_a_label_looks_at_never_change_it(labelled, events):
    looked_at = [e for e in events if T - 90 * DAY <= e[1] < T + 30 * DAY]
    assert labelled(INACTIVITY, looked_at) == labelled(INACTIVITY, events)
    known = [e for e in events if e[1] < T + 30 * DAY and e[2] == "cancel"]
    assert labelled(CANCEL, known) == labelled(CANCEL, events)


@few
@given(events=events_of_both)
def test_labels_are_what_their_definition_says(labelled, events):
    def seen(one: str, start: timedelta, end: timedelta, kinds: tuple[str, ...] = ("visit", "cancel")) -> bool:
        return any(T + start <= at < T + end for who, at, kind, _ in events if who == one and kind in kinds)

    active = [one for one in ("ann", "bob") if seen(one, -90 * DAY, 0 * DAY)]
    assert {one: not seen(one, 0 * DAY, 30 * DAY) for one in active} == labelled(INACTIVITY, events)
    staying = [one for one in ("ann", "bob") if not seen(one, -900 * DAY, 0 * DAY, ("cancel",))]
    assert {one: seen(one, 0 * DAY, 30 * DAY, ("cancel",)) for one in staying} == labelled(CANCEL, events)
