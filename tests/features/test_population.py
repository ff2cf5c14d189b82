"""Who counts at a snapshot: by what was known before it, and the same for labels, features and the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from churn.features.definitions import from_events, population
from churn.training import labels

SNAPSHOT = "2024-03-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
INACTIVITY = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 90}
OF_BUYS = INACTIVITY | {"kinds": ["buy"]}
CANCEL = {"rule": "event", "kind": "cancel", "horizon_days": 30}
EVERYONE = [("ann", T - 900 * DAY), ("bob", T - MICROSECOND), ("zoe", T)]
FAR = ("zoe", T + 90 * DAY, "buy", 1)


def with_arrivals(con, events, arrived: list[datetime]):
    """The log with the time at which each of its rows arrived."""
    return con.create_table("arrivals", {**events.to_pyarrow().to_pydict(), "arrived_at": arrived}, overwrite=True)


@pytest.fixture
def counted(con, log):
    """Of everybody who had signed up: {customer_id: (counts, days_silent)}, as the profile view has it."""

    def _counted(events: list[tuple], label: dict, arrived: list[datetime] | None = None) -> dict[str, tuple]:
        table, customers = log(events, EVERYONE)
        if arrived:
            table = with_arrivals(con, table, arrived)
        how = {"windows_days": [7], "kinds": ["buy", "visit"], "segments": [], "label": label}
        profile = from_events.views(table, customers, snapshot=SNAPSHOT, **how)["profile"]
        rows = {r["customer_id"]: (r["counts"], r["days_silent"]) for r in con.to_pyarrow(profile).to_pylist()}
        members = con.execute(population.members(table, customers, snapshot=SNAPSHOT, label=label))
        assert {one for one, (counts, _) in rows.items() if counts} == set(members.customer_id)
        return rows

    return _counted


@pytest.mark.parametrize(
    ("last", "expected"),
    [(90 * DAY, (1, 90.0)), (90 * DAY + MICROSECOND, 0), (MICROSECOND, 1), (0 * DAY, (0, None))],
)
def test_by_inactivity_whoever_had_an_event_that_counts_in_the_days_before(counted, last, expected):
    found = counted([("ann", T - last, "buy", 1), ("ann", T - DAY, "visit", 1)], OF_BUYS)
    assert expected == (found["ann"] if isinstance(expected, tuple) else found["ann"][0])
    assert {"ann", "bob"} == set(found) and (0, None) == found["bob"]


def test_by_event_whoever_had_signed_up_and_has_none_yet(counted):
    events = [("ann", T - days * DAY, "cancel", 1) for days in (5, 3)] + [("bob", T, "cancel", 1)]
    assert {"ann": (0, 5.0), "bob": (1, None)} == counted(events, CANCEL)


@pytest.mark.parametrize(("arrives", "counts"), [(-MICROSECOND, 1), (0 * DAY, 0)])
def test_what_had_happened_and_was_not_known_makes_nobody_count(counted, arrives, counts):
    assert counts == counted([("ann", T - 5 * DAY, "buy", 1)], INACTIVITY, arrived=[T + arrives])["ann"][0]
    cancelled = counted([("ann", T - 5 * DAY, "cancel", 1)], CANCEL, arrived=[T + arrives])
    assert 1 - counts == cancelled["ann"][0]


def test_whoever_had_cancelled_without_anybody_knowing_has_left(con, log):
    """They are contacted like the others, and are gone like a leaver."""
    table, customers = log([("ann", T - 5 * DAY, "cancel", 1), FAR], EVERYONE)
    late = with_arrivals(con, table, [T, T + 90 * DAY])
    made = con.execute(labels.build(late, customers, None, snapshots=[SNAPSHOT], label=CANCEL))
    assert {"ann": True, "bob": False} == dict(zip(made.customer_id, made.churned.tolist(), strict=True))


@pytest.mark.parametrize(
    ("label", "rule", "decided_by"),
    [
        (INACTIVITY, "had any event in the 90 days before the snapshot", "last event that counts"),
        (OF_BUYS, "had any buy in the 90 days before the snapshot", "last event that counts"),
        (CANCEL, "has signed up and has no cancel yet", "cancel"),
    ],
)
def test_the_rule_is_told_in_words(label, rule, decided_by):
    told = from_events.told(label=label, pace=None, windows_days=[7], kinds=["buy"], segments=[])["population"]
    assert told == {
        "rule": rule, "decided_by": decided_by, "view": "profile", "counts": "counts", "days_silent": "days_silent",
    }  # fmt: skip


def test_a_segment_keeps_its_name_where_a_column_of_the_population_would_have_it():
    how = {"windows_days": [7], "kinds": ["buy"], "segments": ["counts"], "pace": None}
    assert "counts" in [feature.name for feature in from_events.described(**how)]
    assert "counts" != from_events.told(label=INACTIVITY, **how)["population"]["counts"]
