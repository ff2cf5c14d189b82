"""Features of pace: what their definition says, of the kinds that count, and the same to the last bit in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn import engine
from churn.errors import InvalidData
from churn.features.definitions import from_events, terms
from churn.features.definitions import pace as pace_of
from churn.features.definitions.pace import Pace, season_gap

SNAPSHOT = "2024-03-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
OF_BUYS = Pace(["buy"], "buy", horizon_days=30)
EVERYONE = [(one, T - 900 * DAY) for one in ("ann", "bob")]
INACTIVITY = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 90}

few = settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
edges = [-365, -366, -335, -336, -30, -1, 0]
times = (
    st.sampled_from([e * DAY + o for e in edges for o in (-MICROSECOND, 0 * DAY)]) | st.timedeltas(-800 * DAY, DAY)
).map(lambda offset: T + offset)
events_of_both = st.lists(
    st.tuples(st.sampled_from(["ann", "bob"]), times, st.sampled_from(["buy", "visit"]), st.just(1)), max_size=20
)


@pytest.fixture(scope="module")
def features(con, log):
    """The features of each customer at SNAPSHOT: {customer_id: {name: value}}."""

    def _features(
        events: list[tuple], *, con=con, pace: Pace = OF_BUYS, windows_days: list[int] = ()
    ) -> dict[str, dict]:
        how = {"windows_days": windows_days, "kinds": ["buy", "visit"], "segments": [], "pace": pace}
        found: dict = {}
        for table in from_events.views(*log(events, EVERYONE), snapshot=SNAPSHOT, **how).values():
            for row in con.to_pyarrow(table).drop_columns("snapshot").to_pylist():
                found.setdefault(row.pop("customer_id"), {}).update(row)
        return found

    return _features


def of_one(bought: list[datetime]) -> dict:
    """The same by the definition."""
    days = sorted({at.date() for at in bought})
    since, per = ((T - max(bought)) / DAY, (T - min(bought)) / DAY / len(days)) if bought else (None, None)
    found = {"days_since_buy": since, "active_days_buy": len(days), "days_per_buy": per}
    found["overdue_buy"] = since / per if bought else None
    for half in (15, 30, 60):
        weights = [0.5 ** ((T.date() - day).days / half) for day in days]
        found[f"fading_count_buy_{half}d"] = pytest.approx(sum(weights), abs=1e-10)
    year = T.date() - timedelta(days=365)
    found["same_season_last_year_buy"] = sum(year <= day < year + timedelta(days=30) for day in days)
    return found


@settings(few, max_examples=25)
@given(events=events_of_both)
def test_every_feature_is_what_its_definition_says(features, events):
    bought = {
        one: [at for who, at, kind, _ in events if (who, kind) == (one, "buy") and at < T] for one in ("ann", "bob")
    }
    assert {one: of_one(times) for one, times in bought.items()} == features(events)


def test_whoever_never_did_it_has_nulls_where_a_number_would_make_no_sense_and_zeros_for_counts(features):
    found = features([("ann", T - DAY, "visit", 1)])["ann"]
    assert {"days_since_buy", "days_per_buy", "overdue_buy"} == {name for name, value in found.items() if value is None}
    assert {0} == {value for value in found.values() if value is not None}


def test_the_time_observed_and_the_age_at_the_last_event_follow_from_three_features(features):
    """As models of repeated buying need them: n days of which the first lies T before the snapshot."""
    found = features([("ann", T - days * DAY, "buy", 1) for days in (100, 100.25, 40, 10)])["ann"]
    observed = found["days_per_buy"] * found["active_days_buy"]
    assert (4, 100.25, 90.25) == (found["active_days_buy"], observed, observed - found["days_since_buy"])


MANY = """CREATE TABLE many AS SELECT 'c' || (n % 20) AS customer_id, 'buy' AS kind,
    TIMESTAMPTZ '2024-02-29 00:00:00+00' - to_days((n // 20)::INTEGER) AS "at" FROM range(400000) r(n) ORDER BY """


def test_the_sums_are_the_same_to_the_last_bit_whatever_the_order_and_the_threads():
    """400,000 days, which the threads share; sums of doubles would follow who was first."""
    found = []
    for threads, order in ((1, "n"), (2, "hash(n)"), (4, "n")):
        con = engine.connect(threads=threads)
        con.raw_sql(MANY + order)
        made = pace_of.aggregates(con.table("many"), SNAPSHOT, OF_BUYS).order_by("customer_id")
        found.append(made.to_pyarrow().to_pylist())
    assert found[0] == found[1] == found[2]
    assert 20_000 == found[0][0]["pace days"]


def test_both_recipes_together_hold_no_feature_twice(features):
    alone, both = features([]), features([], windows_days=[7, 30])
    assert set(alone["ann"]) <= set(both["ann"])
    assert {"active_days", "momentum_7d_30d"} <= set(both["ann"])  # days with any event are not those with a purchase
    assert "tenure_days" not in both["ann"]  # days_per times active_days
    everything = Pace(["buy", "visit"], "activity", horizon_days=30)
    found = features(
        [("ann", T - DAY, "buy", 1), ("ann", T - 2 * DAY, "visit", 1)], pace=everything, windows_days=[7, 30]
    )
    assert 2 == found["ann"]["active_days_activity"] and "active_days" not in found["ann"]
    assert {"days_since_activity", "days_since_buy", "days_since_visit"} <= set(found["ann"])


@pytest.mark.parametrize(("horizon", "expected"), [(180, [90, 180, 360]), (7, [3, 7, 14]), (1, [1, 2])])
def test_half_lives_are_half_the_horizon_all_of_it_and_twice(horizon, expected):
    assert expected == Pace(["buy"], "buy", horizon).half_lives


@pytest.fixture
def told(log):
    """What the features of a log are told."""

    def _told(
        events: list[tuple], label: dict = INACTIVITY, earliest: str = SNAPSHOT, recipe: str = "both"
    ) -> Pace | None:
        source = SimpleNamespace(events=log(events, EVERYONE)[0], segments=[])
        given = {"before": SNAPSHOT, "windows_days": [7], "recipe": recipe, "label": label}
        return terms.settings(source, earliest=earliest, **given)["pace"]

    return _told


BUY, VISIT = ("ann", T - 400 * DAY, "buy", 1), ("ann", T - 3 * DAY, "visit", 1)


@pytest.mark.parametrize(
    ("label", "kinds", "name"),
    [
        (INACTIVITY, ["buy", "visit"], "activity"),
        (INACTIVITY | {"kinds": ["buy"]}, ["buy"], "buy"),
        ({"rule": "event", "kind": "visit", "horizon_days": 30}, ["buy"], "buy"),
    ],
)
def test_the_pace_is_of_the_kinds_that_count_as_activity(told, label, kinds, name):
    pace = told([BUY, VISIT], label)
    assert (kinds, name, 30) == (pace.kinds, pace.name, pace.horizon_days)
    assert told([BUY, VISIT], label, recipe="windows") is None


def test_a_kind_called_activity_is_not_taken_for_all_of_them(told):
    assert told([BUY, ("ann", T - DAY, "Activity", 1)]).name.startswith("activity_")


def test_kinds_that_nobody_has_seen_in_time_are_refused(told):
    with pytest.raises(InvalidData, match="no gift was known before the snapshot 2024-03-01; there were buy"):
        told([BUY], INACTIVITY | {"kinds": ["gift"]})


def test_last_years_season_needs_a_log_that_begins_a_horizon_before_it(told):
    """Of the earliest snapshot, by what was known before the last train snapshot: the same for all."""
    begins = [("ann", T - 395 * DAY, "buy", 1)]
    assert "" == told(begins).no_season
    assert told(begins, earliest="2024-02-29").no_season == (
        "the log begins on 2023-01-31; for the snapshot 2024-02-29 it would have to by 2023-01-30"
    )
    assert (
        ""
        != told(
            [("ann", T - 394 * DAY, "buy", 1), ("ann", T - 500 * DAY, "visit", 1)], INACTIVITY | {"kinds": ["buy"]}
        ).no_season
    )


def test_a_log_that_begins_too_late_has_no_such_feature():
    short = Pace(["buy"], "buy", 30, no_season=season_gap(log_start=T.date(), earliest=SNAPSHOT, horizon_days=30))
    settings = {"windows_days": [], "kinds": ["buy"], "segments": [], "pace": short}
    assert not any("season" in f.name for f in from_events.described(**settings))
    absent = from_events.told(label=INACTIVITY, **settings)["absent"]
    assert {"same_season_last_year_buy": short.no_season} == absent
