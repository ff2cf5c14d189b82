"""Features computed again from logs with another future: any look ahead is seen, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.checks import counterfactual_logs, future_leakage
from churn.features import build, manifest
from churn.features.definitions import from_events, terms
from churn.sources.contract import Source
from churn.sources.snapshots import moment

MARCH, APRIL = "2024-03-01", "2024-04-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
CUSTOMERS = [("ann", T - 90 * DAY, "basic"), ("bob", T - 9 * DAY, "gold"), ("cy", T + DAY, "gold")]
EVENTS = [("ann", T - 2 * DAY, "visit", 1), ("bob", T - DAY, "buy", 5), ("ann", T + 40 * DAY, "visit", 1)]
LABEL = {"rule": "event", "kind": "cancel", "horizon_days": 30}
SETTINGS = {"kinds_before": MARCH, "windows_days": [7, 30], "recipe": "windows", "label": LABEL}

pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def business(con, log, state_folder):
    """The source of a log, and the manifest of the features that are made of it now."""

    def _business(events: list[tuple] = EVENTS) -> tuple[Source, dict]:
        source = Source(*log(events, CUSTOMERS, ["plan"]), {}, None, ["plan"], {}, pd.DataFrame())
        return source, build.feature_tables(con, source, experiment="mine", snapshots=[MARCH, APRIL], **SETTINGS)

    return _business


@pytest.fixture
def sound(business):
    return business()


@pytest.fixture
def told(con):
    """What the two checks observed, by name, where they fail."""

    def _told(source: Source, made: dict) -> dict[str, str]:
        return {c.name: c.observed for c in future_leakage.checks(con, source, made, **SETTINGS) if not c.passed}

    return _told


def rewritten(made: dict, view: str, change) -> None:
    """A feature table of March changed after it was computed."""
    path = manifest.table_path(made, MARCH, view)
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def test_sound_features_are_the_same_whatever_comes_later(con, business):
    defined, same = future_leakage.checks(con, *business(), **SETTINGS)
    assert defined.passed and defined.observed == "20 features, of the kinds buy, visit, all seen before 2024-03-01"
    assert same.passed and same.observed == "3 customers at 2 snapshots, 20 features: equal to the last bit"


lengths = st.sampled_from([MICROSECOND, timedelta(seconds=1), DAY]) | st.timedeltas(MICROSECOND, 100 * DAY)


@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ahead=lengths)
def test_a_look_ahead_of_any_length_is_seen(con, sound, ahead):
    """Even where nobody acts in it, so that the tables are right by chance."""
    with pytest.MonkeyPatch.context() as patch:
        later = ibis.interval(ahead // MICROSECOND, unit="us")
        patch.setattr(
            from_events, "known_before", lambda events, before: events.filter(events.at < moment(before) + later)
        )
        _, same = future_leakage.checks(con, *sound, **SETTINGS)
    assert " at 2024-0" in same.observed and ": customer " in same.observed


def test_a_value_that_was_changed_is_named_with_both_values(business, told):
    source, made = business()
    rewritten(made, "visit", lambda rows: rows.assign(visit_count=rows.visit_count + (rows.customer_id == "ann")))
    assert {"future invariance"} == set(told(source, made))
    assert told(source, made)["future invariance"] == (
        "visit_count at 2024-03-01: customer ann has 2 in the feature table and 1 from their own events as of then: "
        "it is of other customers, of another date, or was changed since; 1 of 3 customers differ"
    )


@pytest.mark.parametrize(
    "change", [lambda rows: rows[rows.customer_id != "ann"], lambda rows: rows.replace("ann", "cy")]
)
def test_a_customer_who_has_no_row_or_should_have_none_is_named(business, told, change):
    source, made = business()
    for view in manifest.views(made):
        rewritten(made, view, change)
    assert "row at 2024-03-01: customer " in told(source, made)["future invariance"]


def test_a_null_is_not_a_zero(business, told):
    source, made = business()
    rewritten(made, "buy", lambda rows: rows.fillna({"days_since_buy": 0.0}))
    said = told(source, made)["future invariance"]
    assert "days_since_buy at 2024-03-01: customer ann has 0 in the feature table and nothing from" in said


def test_customers_who_sign_up_later_are_seen_in_time(business, told, monkeypatch):
    definition = from_events.views

    def early(events, customers, **settings):
        sooner = customers.mutate(signup_at=customers.signup_at - ibis.interval(days=2))
        return definition(events, sooner, **settings)

    monkeypatch.setattr(from_events, "views", early)
    said = told(*business())["future invariance"]
    assert "customer cy has 'a row' in the feature table and nothing from the log without customers who" in said


def test_the_start_of_the_log_is_not_told_by_rows_that_arrive_later(con, business, monkeypatch):
    """It decides whether there is a feature of last year's season."""
    source, _ = business()
    source = replace(source, events=source.events.mutate(arrived_at=source.events["at"]))
    given = SETTINGS | {"recipe": "both"}
    made = build.feature_tables(con, source, experiment="mine", snapshots=[MARCH, APRIL], **given)
    assert all(check.passed for check in future_leakage.checks(con, source, made, **given))
    settings = terms.settings

    def hindsight(source, **rest):
        start = source.events["at"].min().execute().date()
        monkeypatch.setattr(terms, "_first_day", lambda known, kinds: start)
        return settings(source, **rest)

    monkeypatch.setattr(terms, "settings", hindsight)
    defined, _ = future_leakage.checks(con, source, made, **given)
    assert not defined.passed


def test_ready_made_features_are_said_to_be_unchecked(con, built):
    source = Source(None, None, {}, None, [], {}, pd.DataFrame())
    checks = future_leakage.checks(con, source, {}, **SETTINGS)
    assert ["not checked", "not checked"] == [check.outcome for check in checks]


TIME = pa.timestamp("us", "UTC")
COLUMNS = {
    "customer_id": pa.string(),
    "at": TIME,
    "kind": pa.string(),
    "value": pa.decimal128(18, 4),
    "arrived_at": TIME,
}
SCHEMA = pa.schema(COLUMNS)
PEOPLE = pa.table({"customer_id": ["ann", "bob"], "signup_at": pa.array([T - DAY, T + DAY], TIME)})
moments = st.sampled_from([T - MICROSECOND, T, T + MICROSECOND]) | st.timedeltas(-9 * DAY, 9 * DAY).map(lambda d: T + d)
row = st.tuples(
    st.sampled_from(["ann", "bob"]), moments, st.sampled_from(["buy", "visit"]), st.just(Decimal(1)), moments
)


@given(rows=st.lists(row, max_size=20), arrivals=st.booleans())
def test_another_future_has_the_same_past(rows, arrivals):
    columns = list(zip(*rows, strict=True)) or [[]] * 5
    events = pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
    events = events if arrivals else events.drop_columns("arrived_at")

    def known(log: pa.Table) -> list[tuple]:
        every = [tuple(r.values()) for r in log.to_pylist()]
        return sorted(r for r in every if r[1] < T and (not arrivals or r[4] < T))

    other = counterfactual_logs.with_other_future(PEOPLE, events, T, ["buy", "visit"])
    assert known(events) == known(other.events) == sorted(tuple(r.values()) for r in cut(events).to_pylist())
    assert {"ann", "bob"} <= set(other.next_known.index)
    assert T == other.next_known.known_at.min()


def cut(events: pa.Table) -> pa.Table:
    log = counterfactual_logs.truncated_at(PEOPLE, events, T)
    assert ["ann"] == log.people["customer_id"].to_pylist()
    return log.events
