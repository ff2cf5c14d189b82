"""Requests of the last minutes, and where things lie in the small pictures."""

from __future__ import annotations

from collections import Counter

import pytest

from serving import prometheus, traffic
from serving.pages import figures


@pytest.fixture
def counted(monkeypatch):
    """Traffic that has seen some counts, and then others."""

    def make(before: dict, now: dict) -> dict:
        seen = iter([Counter(now)])
        monkeypatch.setattr(prometheus, "predictions", lambda: next(seen))
        looked = traffic.Traffic()
        looked._seen.append((0.0, Counter(before)))
        return looked.recent()

    return make


def test_only_what_came_since_the_first_look_counts(counted):
    before = {"requests": 900, "failed": 3, 0.005: 100, 0.01: 900}
    now = {"requests": 1100, "failed": 4, 0.005: 299, 0.01: 1100}
    told = counted(before, now)
    assert (200, 1, 5.0) == (told["requests"], told["failed"], told["p99_ms"])


def test_the_bound_is_that_of_99_of_100(counted):
    assert 10.0 == counted({}, {"requests": 100, 0.005: 98, 0.01: 100})["p99_ms"]
    assert float("inf") == counted({}, {"requests": 100, 0.005: 98})["p99_ms"]


def test_without_requests_nothing_is_said_of_time(counted):
    told = counted({"requests": 7}, {"requests": 7})
    assert (0, None) == (told["requests"], told["p99_ms"])


@pytest.mark.parametrize(("value", "place"), [(5, 50.0), (0, 0.0), (10, 100.0), (99, 100.0), (-1, 0.0), (None, None)])
def test_a_value_lies_in_its_range_or_at_the_edge(value, place):
    assert place == figures.within(value, 0, 10)


def test_a_range_of_one_value_has_it_in_the_middle():
    assert 50.0 == figures.within(3, 3, 3)


def test_intervals_share_an_axis_and_the_difference_has_no_place_on_it():
    told = [
        {"model": "candidate", "estimate": 0.8, "low": 0.7, "high": 0.9},
        {"model": "champion", "estimate": 0.6, "low": 0.5, "high": 0.7},
        {"model": "difference", "estimate": 0.2, "low": 0.1, "high": 0.3},
    ]
    one, other = figures.places(told)
    assert one["left"] == other["left"] + other["width"]
    assert 0 < other["left"] < one["at"] < 100
