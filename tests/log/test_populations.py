"""Who counts and who leaves, told by when silences begin and end, is what the labels of a run say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from churn.log import populations
from churn.sources.contract import Source

DATES = ["2024-02-01", "2024-03-01", "2024-04-15"]
START = datetime(2024, 1, 1, tzinfo=UTC)
LABELS = [
    {"rule": "inactivity", "horizon_days": 30, "active_within_days": 60},
    {"rule": "inactivity", "horizon_days": 1, "active_within_days": 1},
    {"rule": "inactivity", "horizon_days": 20, "active_within_days": 15, "kinds": ["order"]},
    {"rule": "event", "horizon_days": 30, "kind": "cancel"},
    {"rule": "event", "horizon_days": 30, "kind": "none such"},
]


@pytest.fixture(scope="module")
def source(log) -> Source:
    """120 customers over half a year: some sign up after their first event, some have midnights, some cancel twice."""
    rng = np.random.default_rng(3)
    events, customers = [], []
    for i in range(120):
        begins = rng.integers(0, 120)
        for hours in np.cumsum(rng.exponential(24 * rng.choice([2, 12, 40]), rng.integers(1, 25))):
            at = START + timedelta(days=int(begins), hours=float(hours))
            at = at.replace(hour=0, minute=0, second=0, microsecond=0) if rng.random() < 0.3 else at
            kind = rng.choice(["order", "visit", "cancel"], p=[0.45, 0.45, 0.1])
            events.append((f"c{i}", at, str(kind), Decimal(1)))
        customers.append((f"c{i}", START + timedelta(days=float(begins + rng.choice([0, 0, 0.5, 10])))))
    events.append(("last", START + timedelta(days=200), "visit", Decimal(1)))
    customers.append(("last", START))
    tables = log(events, customers)
    return Source(*tables, {}, None, [], {"events": len(events)}, pd.DataFrame())


@pytest.mark.parametrize("label", LABELS, ids=lambda label: f"{label['rule']} {label['horizon_days']}")
def test_silences_tell_what_labels_tell(source, label):
    labelled = populations.labelled(source, label, DATES)
    expected = populations.by_labels(labelled, DATES, closed=DATES)
    found = populations.at(populations.stretches(source, label), label, DATES, closed=DATES)
    pd.testing.assert_frame_equal(expected, found)
    assert [populations.population(source, label, t) for t in DATES] == found.population.tolist()


def test_other_days_are_told_by_the_same_silences(source):
    whole = populations.stretches(source, LABELS[0])
    for horizon, active in [(5, 60), (45, 7)]:
        label = LABELS[0] | {"horizon_days": horizon, "active_within_days": active}
        expected = populations.by_labels(populations.labelled(source, label, DATES), DATES, closed=DATES)
        pd.testing.assert_frame_equal(expected, populations.at(whole, label, DATES, closed=DATES))


def test_where_the_horizon_is_open_nobody_knows_who_leaves(source):
    found = populations.at(populations.stretches(source, LABELS[0]), LABELS[0], DATES, closed=DATES[:1])
    assert [False, True, True] == found.rate.isna().tolist()
    assert found.population.notna().all()


def test_late_arrivals_cannot_be_told_so(source):
    late = source.events.mutate(arrived_at=source.events["at"].cast("timestamp('UTC')"))
    assert populations.can_be_told(source)
    assert not populations.can_be_told(Source(late, source.customers, {}, None, [], {}, pd.DataFrame()))


def test_rows_are_as_many_as_were_counted_or_a_share_of_them():
    counted = populations.table([("2024-02-01", 30, 10), ("2024-03-01", 50, 0), ("2024-04-01", 9, None)])
    rows = populations.rows_of(counted)
    assert [(30, 10), (50, 0)] == [(len(of), of.churned.sum()) for _, of in rows.groupby("snapshot")]
    assert (40, True) == (len(populations.rows_of(counted, share=0.5)), rows.customer_id.is_unique)
