"""What tells of one thing is one reason, in words that one would use."""

from __future__ import annotations

import ibis
import pandas as pd
import pytest

from churn.features import manifest
from churn.features.definitions import from_events, from_tables
from churn.features.definitions.pace import Pace
from churn.scoring.reasons import words


def about(kinds=("purchase",), windows=(30, 90), segments=("plan",)) -> dict:
    """As a manifest has it, of features made from events."""
    pace = Pace(list(kinds), kinds[0] if len(kinds) == 1 else "activity", 60)
    described = from_events.described(windows_days=list(windows), kinds=list(kinds), segments=list(segments), pace=pace)
    return about_of(described)


def about_of(described: list) -> dict:
    words = {f.name: {"topic": f.topic or f.name, **f.words._asdict()} for f in described}
    return manifest.about({"features": [f.entry() for f in described], "words": words})


def told(values: dict, of: dict | None = None) -> str:
    return words.said(values, about() if of is None else of)


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        ("no purchase for 94 days (usually every 21)", {"days_since_purchase": 94.2, "days_per_purchase": 21.4}),
        ("no purchase for 1 day (usually every 21)", {"days_since_purchase": 1.0, "days_per_purchase": 21.0}),
        ("no purchase for less than 1 day (usually every 4)", {"days_since_purchase": 0.2, "days_per_purchase": 4.0}),
        ("never a purchase", {"days_since_purchase": None, "days_per_purchase": None, "overdue_purchase": None}),
        ("3 purchase events in the last 30 days (worth 41.50)",
         {"purchase_count_30d": 3.0, "purchase_value_30d": 41.5, "purchase_mean_30d": 13.8}),
        ("1 purchase event in the last 30 days (worth 40)", {"purchase_count_30d": 1.0, "purchase_value_30d": 40.0}),
        ("no purchase in the last 30 days",
         {"purchase_count_30d": 0.0, "purchase_value_30d": 0.0, "purchase_mean_30d": None}),
        ("12 purchase events in all (9 days with a purchase)",
         {"purchase_count": 12.0, "active_days_purchase": 9.0, "fading_count_purchase_30d": 0.4}),
        ("4 purchase events in the last 90 days (worth 40, 25% of them in the last 30 days)",
         {"purchase_count_90d": 4.0, "purchase_value_90d": 40.0, "momentum_30d_90d": 0.25}),
        ("no purchase in the last 90 days",
         {"purchase_count_90d": 0.0, "purchase_value_90d": 0.0, "momentum_30d_90d": None}),
        ("plan: gold", {"plan": "gold"}),
        ("plan not known", {"plan": None}),
    ],
)  # fmt: skip
def test_a_reason_reads_as_one_would_say_it(expected, values):
    assert expected == told(values)


def test_of_several_kinds_the_share_of_late_events_is_a_reason_of_its_own():
    of = about(kinds=["purchase", "visit"])
    assert ["momentum_30d_90d"] == words.topics(of, list(of))["momentum_30d_90d"]
    assert "25% of the events of 90 days in the last 30" == told({"momentum_30d_90d": 0.25}, of)
    assert "nothing in the last 90 days" == told({"momentum_30d_90d": None}, of)


def test_features_are_told_in_their_order_however_they_were_kept():
    of = dict(sorted(about().items()))
    found = words.topics(of, sorted(of))["the last purchase"]
    assert ["days_since_purchase", "days_per_purchase", "overdue_purchase"] == found


def test_features_of_one_thing_are_one_reason():
    of = about()
    found = words.topics(of, list(of))
    expected = {"days_since_purchase", "days_per_purchase", "overdue_purchase"}
    assert expected == set(found["the last purchase"])
    assert {"purchase_count_30d", "purchase_value_30d", "purchase_mean_30d"} == set(found["purchase in 30 days"])
    assert sorted(of) == sorted(name for names in found.values() for name in names)


def test_a_feature_of_which_nothing_is_known_is_told_by_its_name():
    assert "visits 3" == told({"visits": 3.0}, {})
    assert {"visits": ["visits"]} == words.topics({}, ["visits"])


def test_columns_of_a_ready_made_table_are_told_by_their_names():
    table = ibis.memtable(pd.DataFrame({"customer_id": ["a"], "snapshot": pd.to_datetime(["2024-01-01"]),
                                        "open_tickets": [3], "plan": ["x"]}))  # fmt: skip
    described = from_tables.described({"crm": table}, segments=[])
    of = about_of(described)
    assert "open tickets: 3" == told({"open_tickets": 3.0}, of)
    assert "open tickets: 0" == told({"open_tickets": 0.0}, of)
    assert "plan: not known" == told({"plan": None}, of)


def test_a_kind_of_event_may_be_called_anything():
    kind = "{0} %s <b>\\1"
    [name, *_] = of = about(kinds=[kind])
    assert f"no {kind} for 3 days" == told({name: 3.0}, of)
