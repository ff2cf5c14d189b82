"""Who comes back after how long a silence: the shares are those of Kaplan and Meier, computed here step by step."""

from __future__ import annotations

import itertools

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn import engine
from churn.log import silence


def log_of(days: dict[str, list[int]]) -> ibis.Table:
    """Events on days from 2023-01-01 on, by customer."""
    rows = [
        (who, pd.Timestamp("2023-01-01", tz="UTC") + pd.Timedelta(days=d)) for who, all_ in days.items() for d in all_
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "at"]).assign(kind="visit")
    return engine.embedded().create_table(ibis.util.gen_name("log"), frame, temp=True)


def by_hand(days: dict[str, list[int]], silent: int, within: int) -> float:
    """Of silences of `silent` days the share that ends within so many more, one day after the other."""
    end = max(max(all_) for all_ in days.values())
    spells = []
    for all_ in days.values():
        known = sorted(set(all_))
        spells += [(b - a, True) for a, b in itertools.pairwise(known)] + [(end - known[-1], False)]
    away = 1.0
    for day in range(silent + 1, silent + within + 1):
        at_risk = sum(lasted >= day for lasted, _ in spells)
        away *= 1 - sum(lasted == day and ended for lasted, ended in spells) / at_risk if at_risk else 1
    return 1 - away


@settings(max_examples=20, deadline=None)
@given(
    days=st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.integers(0, 60), min_size=1, max_size=8), min_size=1, max_size=6
    ),
    silent=st.integers(0, 20),
)
def test_who_comes_back_is_what_one_counts_day_by_day(days, silent):
    found = silence.silences(log_of(days))
    if not (found.days > silent).any():
        return
    assert by_hand(days, silent, 30) == pytest.approx(silence.returning(found, silent, within=30))


def test_several_events_on_a_day_are_one_and_another_kind_is_none():
    events = log_of({"a": [0, 0, 0, 10], "b": [0, 4]})
    assert silence.silences(events).silences.sum() == 4
    assert silence.silences(events, kinds=["other"]).empty


def test_nobody_was_silent_for_longer_than_the_log():
    assert pd.isna(silence.returning(silence.silences(log_of({"a": [0, 5]})), 6))


def test_nine_of_ten_returns_come_within_the_usual_days():
    found = silence.silences(log_of({"a": [*range(10), 30]}))
    assert (1.0, 21.0) == (silence.usual(found, 0.9), silence.usual(found, 0.95))


def test_the_curve_goes_as_far_as_can_be_followed():
    events = log_of({f"c{i}": list(range(0, 100, 5 + i)) for i in range(5)} | {"gone": [0]})
    curve = silence.curve(events)
    assert 45 == curve.days.max()
    assert {"all", "1 event", "2 to 4", "5 to 9", "10 and more"} >= set(curve.group)
    assert curve.share.between(0, 1).all()
