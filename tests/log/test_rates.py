"""The label's past from one scan: at every date what the labels of the training set would be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn.errors import InvalidData
from churn.log import rates
from churn.sources.contract import Source
from churn.training import labels

START, DAYS = datetime(2023, 1, 17, tzinfo=UTC), 400
SILENT = {"rule": "inactivity", "horizon_days": 45, "active_within_days": 80}
LABELS = {
    "silence": SILENT,
    "silence of a kind": SILENT | {"kinds": ["order"]},
    "a window shorter than the step": SILENT | {"horizon_days": 5, "active_within_days": 9},
    "cancellation": {"rule": "event", "kind": "leave", "horizon_days": 30},
}


def drawn(seed: int = 1, customers: int = 60) -> tuple[list[tuple], list[tuple]]:
    """Orders, visits and a few cancellations, some at midnight; and who signed up when, some later than they came."""
    rng = np.random.default_rng(seed)
    events = []
    for n in range(customers):
        days = np.sort(rng.uniform(0, DAYS, rng.poisson(rng.gamma(1.5, 6)) + 1))
        days = np.where(rng.random(len(days)) < 0.2, np.floor(days) - 17 / 24, days).clip(0)
        kinds = rng.choice(["order", "visit", "leave"], len(days), p=[0.5, 0.45, 0.05])
        events += [(f"c{n:02}", START + timedelta(days=float(d)), kind, 1) for d, kind in zip(days, kinds, strict=True)]
    signups = [(f"c{n:02}", START + timedelta(days=float(rng.integers(-30, 200)))) for n in range(customers)]
    return [*events, ("late", START + timedelta(days=DAYS), "visit", 1)], [*signups, ("late", START)]


@pytest.fixture(scope="module")
def source(log):
    def _source(events: list[tuple], customers: list[tuple], late: bool = False) -> Source:
        events, customers = log(events, customers)
        if late:  # what happens on some days is known weeks afterwards
            days = (events["at"].epoch_seconds() % 7).cast("int64") * 10
            events = events.mutate(arrived_at=events["at"] + days.as_interval("D"))
        return Source(events, customers, {}, None, [], {}, pd.DataFrame())

    return _source


def labelled(con, source: Source, label: dict, day: date) -> tuple[int, int]:
    made = con.execute(labels.build(source.events, source.customers, None, snapshots=[str(day)], label=label))
    return len(made), int(made.churned.sum())


@pytest.mark.parametrize("late", [False, True], ids=["known at once", "known later"])
@pytest.mark.parametrize("every", ["month", "week"])
@pytest.mark.parametrize("name", LABELS)
def test_a_date_counts_whom_its_labels_count(con, source, name, every, late):
    made = source(*drawn(), late)
    found = rates.monthly(made, LABELS[name], every=every)
    closed = found[found.closed]
    expected = [labelled(con, made, LABELS[name], day) for day in closed.snapshot]
    assert 5 < len(closed)
    assert expected == list(zip(closed.population, closed.churned.astype(int), strict=True))
    assert (closed.churned / closed.population).equals(closed.rate)


def test_the_first_date_has_its_active_window_within_the_log(source):
    found = rates.monthly(source(*drawn()), SILENT)
    assert date(2023, 5, 1) == found.snapshot.iloc[0]  # 80 days after January 17 is April 7


@pytest.mark.parametrize("name", ["silence", "cancellation"])
def test_a_date_is_closed_where_its_labels_can_be_built(con, source, name):
    made = source(*drawn())
    found = rates.monthly(made, LABELS[name]).set_index("snapshot").closed
    for day, closed in found.items():
        if closed:
            labelled(con, made, LABELS[name], day)
        else:
            with pytest.raises(InvalidData, match="the log ends"):
                labelled(con, made, LABELS[name], day)
    assert {True, False} == set(found)


def test_of_an_open_date_the_population_is_known_and_the_leavers_are_not(source):
    last = rates.monthly(source(*drawn()), SILENT).iloc[-1]
    assert date(2024, 2, 1) == last.snapshot
    assert 0 < last.population
    assert np.isnan([last.churned, last.rate]).all()


def test_no_horizon_closes_after_the_day_from_which_nothing_is_seen(source):
    found = rates.monthly(source(*drawn()), SILENT, as_of="2023-11-15")
    assert date(2023, 10, 1) == found[found.closed].snapshot.max()


def test_given_labels_are_counted(con, log):
    rows = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a"],
            "snapshot": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-02-01"], utc=True),
            "churned": [True, False, True],
        }
    )
    made = Source(None, None, {}, con.create_table("given_labels", rows, temp=True), [], {}, pd.DataFrame())
    found = rates.monthly(made, {"rule": "given"})
    assert [(date(2024, 1, 1), 2, 1, 0.5, True), (date(2024, 2, 1), 1, 1, 1.0, True)] == [
        tuple(row) for row in found.itertuples(index=False)
    ]


def test_a_log_shorter_than_its_window_has_no_date(source):
    assert rates.RATES == list(rates.monthly(source(*drawn()), SILENT | {"active_within_days": 500}))
    assert rates.monthly(source(*drawn()), SILENT | {"active_within_days": 500}).empty
