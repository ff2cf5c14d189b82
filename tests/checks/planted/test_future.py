"""A feature sees what nobody could know at its snapshot. The features stage stops before anything goes online."""

from __future__ import annotations

import pandas as pd

from churn.features import build
from churn.features.definitions import from_events, pace, terms
from churn.sources import snapshots
from tests.checks.planted import business

INVARIANCE = "future invariance"
A_CUSTOMER = r"at 2023-04-01: customer C\d{7} has -?[\d.]+ in the feature table and [\d.]+ from the log as it was known"


def test_a_feature_that_sees_one_day_past_the_snapshot(plant, given, events, customers, stops):
    """Real customers act on that day, so the message names one with the hour that the feature saw."""
    plant(from_events, "known_before", "< moment(day)", "< moment(day) + ibis.interval(days=1)")
    with stops(INVARIANCE, "payment_count_30d", A_CUSTOMER, r"from then on is of 2023-04-01 \d\d:\d\d:\d\d"):
        business.run(given(events, customers))


def test_a_feature_that_sees_one_second_past_the_snapshot(plant, given, events, customers, stops):
    """Nobody acts in that second. Events are put there, and the message names the moment of one that was seen."""
    plant(from_events, "known_before", "< moment(day)", "< moment(day) + ibis.interval(seconds=1)")
    with stops(
        INVARIANCE, "payment_count_30d", r"customer C\d{7} has", r"first event is of 2023-04-01 00:00:00\.000001"
    ):
        business.run(given(events, customers))


def test_a_feature_that_sees_the_moment_of_the_snapshot(plant, given, events, customers, stops):
    """`<=` for `<`: what happens at 00:00:00 belongs to the label."""
    plant(from_events, "known_before", "< moment(day)", "<= moment(day)")
    with stops(
        INVARIANCE, "payment_count_30d", r"customer C\d{7} has", r"first event is of 2023-04-01 00:00:00\.000000"
    ):
        business.run(given(events, customers))


def test_a_table_that_was_computed_as_of_the_next_day(plant, given, events, customers, stops):
    """The definition is sound, and was called with another date: the table is compared, not the definition."""
    plant(build, "feature_tables", "views_at(snapshot=t)", 'views_at(snapshot=t[:-2] + "02")')  # all are the first
    with stops(INVARIANCE, "days_since_payment", r"at 2023-04-01: customer C\d{7} has"):
        business.run(given(events, customers))


def test_an_aggregate_over_the_whole_log(plant, given, events, customers, stops):
    """What comes months later is in it, so that an age is below zero."""
    plant(from_events, "views", "known_before(events, snapshot)", "events")
    with stops(INVARIANCE, "payment_count", A_CUSTOMER, r"from then on is of 2023-0[45678]-\d\d"):
        business.run(given(events, customers))


def test_a_late_correction(plant, given, events, customers, stops):
    """A row dated before the snapshot that arrived after it: the log says so, and the code does not look."""
    plant(snapshots, "known_at", 'if "arrived_at" in events.columns', "if False")
    late = rf"{A_CUSTOMER}.* from then on is of 2023-0[123]-\d\d \d\d:\d\d:\d\d.\d+ that arrived at 2023-0[4567]"
    with stops(INVARIANCE, "payment_count_30d", late):
        business.run(given(business.with_arrivals(events), customers))


def test_a_feature_measured_against_all_customers(plant, given, events, customers, stops):
    """Even without a look ahead: what others do is not a customer's own, and serving sees other ones."""
    plant(pace, "definitions", 'row["pace days"].fill_null(0)', '(row["pace days"] / row["pace days"].max() * 1000)')
    with stops(INVARIANCE, "active_days_activity at 2023-04-01: customer C", "from"):
        business.run(given(events, customers))


def test_last_years_season_taken_from_the_days_after_the_snapshot(plant, given, events, customers, stops):
    """The year forgotten, and the log not cut: it counts the very days that the label looks at."""
    year = pd.Timedelta(days=400)  # a log that is long enough to have the feature
    events = pd.concat([events.assign(at=events["at"] - year), events])
    plant(pace, "aggregates", "(age <= YEAR) & (age > YEAR -", "(age <= 0) & (age > -")
    plant(
        from_events, "views", "[pace_of.aggregates(known, snapshot, pace)] if pace",
        '[pace_of.aggregates(known, snapshot, pace).drop("pace season").left_join('
        'pace_of.aggregates(events, snapshot, pace)[["customer_id", "pace season"]], "customer_id")'
        '.drop("customer_id_right")] if pace',
    )  # fmt: skip
    told = r"same_season_last_year_activity at 2023-04-01: customer C\d{7} has \d+ in the feature table and \d+ from"
    with stops(INVARIANCE, told):
        business.run(given(events, customers.assign(signup_at=customers.signup_at - year)))


def test_a_kind_of_event_that_is_new_after_the_last_train_snapshot(plant, given, events, customers, stops):
    """Nobody could have made features of it when the model would have been trained."""
    later = events[events["at"] >= pd.Timestamp("2023-06-10", tz="UTC")].head(500)
    plant(terms, "kinds_seen", "known_before(events, before)", "events")
    with stops("features defined in time", "from 2023-05-01 on decides whether there is days_since_winback"):
        business.run(given(pd.concat([events, later.assign(kind="winback")]), customers))
