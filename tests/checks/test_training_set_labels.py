"""Training labels that were not known at the test snapshot: by their dates, and by what they are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from churn.checks import training_set as checks
from churn.features.definitions import population
from churn.sources.contract import Source
from churn.training import labels

T = datetime(2024, 3, 1, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
LABEL = {"rule": "event", "kind": "cancel", "horizon_days": 30}
PEOPLE = [(one, T - 365 * DAY) for one in ("ann", "bob", "cy", "zoe")]
EVENTS = [("bob", T + 10 * DAY, "cancel", 1), ("zoe", T + 100 * DAY, "visit", 1)]


@pytest.fixture
def checked(log):
    """The check of training rows of March and test rows at `test`, both labelled by the rule."""

    def _checked(test: str, *, events: list[tuple] = EVENTS, label: dict = LABEL, day: str = "2024-03-01"):
        source = Source(*log(events, PEOPLE), {}, None, [], {}, pd.DataFrame())
        built = labels.build(source.events, source.customers, None, snapshots=[day], label=label).execute()
        train = built.sort_values("customer_id")
        tested = train.assign(snapshot=pd.Timestamp(test, tz="UTC"), part="test")
        return checks._labels_known_in_time(pd.concat([train.assign(part="train"), tested]), source, label=label)

    return _checked


@pytest.mark.parametrize(("test", "passes"), [("2024-03-31", True), ("2024-03-30", False)])
def test_a_label_is_known_when_its_horizon_is_over(checked, test, passes):
    assert passes == checked(test).passed


def test_labels_known_too_late_are_named_with_dates_and_customers(checked):
    assert checked("2024-03-30").observed == (
        "churned: 4 labels of 2024-03-01 are known on 2024-03-31, after the test snapshot 2024-03-30, "
        "for example ann at 2024-03-01, bob at 2024-03-01, cy at 2024-03-01"
    )


def test_a_label_that_follows_from_later_events_is_named_with_its_customer(checked, monkeypatch):
    until = labels._until_horizon
    monkeypatch.setattr(labels, "_until_horizon", lambda events, snapshot, days: until(events, snapshot, days + 20))
    found = checked("2024-03-31", events=[*EVENTS, ("cy", T + 30 * DAY, "cancel", 1)])
    assert not found.passed
    assert found.observed == (
        "churned: 1 labels of 2024-03-01 follow from events of 2024-03-31 or later; customer cy at 2024-03-01 is True, "
        "and False without them"
    )


def test_who_counts_must_not_follow_from_later_events_either(checked, monkeypatch):
    rule = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 90}
    monkeypatch.setattr(population, "members", everybody_ever_seen)
    found = checked("2024-03-31", label=rule)
    assert "customer zoe at 2024-03-01 is True, and nothing without them" in found.observed


def everybody_ever_seen(events, customers, *, snapshot, label):
    return customers.semi_join(events, "customer_id").select("customer_id")


def test_other_customers_may_be_tested_at_a_train_snapshot(checked):
    assert checked("2024-03-01").passed is None


def test_given_labels_are_known_when_the_file_says(training_set):
    source = Source(None, None, {}, None, [], {}, pd.DataFrame())
    given = {"rule": "given"}
    assert checks._labels_known_in_time(training_set, source, label=given | {"horizon_days": 60}).passed
    assert not checks._labels_known_in_time(training_set, source, label=given | {"horizon_days": 61}).passed


def test_a_set_without_test_rows_is_not_judged(training_set):
    source = Source(None, None, {}, None, [], {}, pd.DataFrame())
    rows = training_set[training_set.part == "train"]
    assert checks._labels_known_in_time(rows, source, label=LABEL).passed is None
