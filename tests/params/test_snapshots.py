"""Snapshots by rule: which dates it becomes, what is refused, and how both forms of the section are told apart."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn import grid
from churn.errors import InvalidParams
from churn.params import snapshots
from churn.params.schema import Params, load
from churn.params.snapshots import SnapshotRule
from churn.state import PROJECT

SMOKE, STREAMFLOW = PROJECT / "params/smoke.yaml", PROJECT / "params/streamflow.yaml"
LONG_AGO = date(1990, 1, 1)
ONE_OF = "should be 'day', 'week' or 'month'"


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def resolve(every="month", train=3, *, as_of="2011-12-01", begins=LONG_AGO, horizon_days=30, memory_days=30):
    rule = SnapshotRule(every=every, train=train)
    given = {"horizon_days": horizon_days, "memory_days": memory_days}
    return snapshots.resolve(rule, as_of=date.fromisoformat(as_of), begins=begins, **given)


def refusal(*overrides: str, path=SMOKE) -> list[str]:
    with pytest.raises(InvalidParams) as caught:
        load(path, list(overrides))
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def test_serve_is_as_of_and_test_the_newest_month_whose_horizon_has_closed():
    found = resolve(as_of="2011-12-09", horizon_days=90)
    assert days("2011-12-09", "2011-12-09", "2011-09-01") == [found.as_of, found.serve, found.test]
    assert days("2011-04-01", "2011-05-01", "2011-06-01") == found.train


def test_a_horizon_that_closes_at_as_of_has_closed():
    assert date(2011, 11, 1) == resolve(as_of="2011-12-01", horizon_days=30).test
    assert date(2011, 10, 1) == resolve(as_of="2011-12-01", horizon_days=31).test


def test_a_grid_of_weeks_lies_on_mondays():
    found = resolve("week", 2, as_of="2011-12-01", horizon_days=7)
    assert (days("2011-11-14", "2011-11-07")[::-1], date(2011, 11, 21)) == (found.train, found.test)


@given(
    every=st.sampled_from(["day", "week", "month"]),
    train=st.integers(1, 6),
    as_of=st.dates(date(2000, 1, 1), date(2030, 12, 31)),
    horizon_days=st.integers(1, 400),
)
def test_the_dates_of_a_rule_are_the_newest_that_respect_the_embargo(every, train, as_of, horizon_days):
    found = resolve(every, train, as_of=str(as_of), horizon_days=horizon_days)
    horizon = timedelta(days=horizon_days)
    on_grid = [day for n in range(2_000) if grid.newest(every, day := as_of - timedelta(days=n)) == day]
    assert next(day for day in on_grid if day + horizon <= as_of) == found.test
    assert [day for day in on_grid if day + horizon <= found.test][:train][::-1] == found.train
    assert all(day + horizon <= as_of for day in found.history)


@given(every=st.sampled_from(["day", "week", "month"]), as_of=st.dates(date(2000, 1, 1), date(2030, 12, 31)))
def test_resolved_dates_are_a_valid_section_of_a_params_file_in_themselves(every, as_of):
    found = resolve(every, as_of=str(as_of))
    tree = load(SMOKE).model_dump() | {"snapshots": found.model_dump()}
    assert found == Params.model_validate(tree).snapshots


def test_history_holds_each_origin_what_a_model_of_then_learns_from_and_the_year_before():
    found = resolve(train=2, as_of="2011-12-15", horizon_days=31)
    origin = date(2010, 12, 1)  # the twelfth, counted back from the test on 2011-11-01
    assert {origin, date(2009, 12, 1), *days("2010-10-01", "2010-09-01")} < {*found.history}
    assert date(2010, 12, 15) in found.history  # the year before serve, on no grid
    assert not {*found.history} & {found.test, found.serve, *found.train}


def test_history_begins_where_the_log_reaches_back_far_enough():
    found = resolve(begins=date(2011, 1, 10), memory_days=90)
    assert date(2011, 5, 1) == min(found.history)


def test_the_year_before_keeps_the_day_of_the_month_or_of_the_week():
    day = date(2024, 2, 29)
    assert days("2023-02-28", "2023-03-02", "2023-03-01") == [grid.last_year(e, day) for e in ("month", "week", "day")]


def test_a_log_too_short_for_a_rule_is_told_how_many_snapshots_it_allows():
    with pytest.raises(InvalidParams) as caught:
        resolve(begins=date(2011, 8, 3))
    assert "needs 3 training snapshots" in str(caught.value)
    assert "the log, which begins on 2011-08-03, allows 2, from 2011-09-01; " in str(caught.value)
    assert "; the first day as of which it works is 2011-12-31: wait for it, or take train: 2" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("every", "horizon_days"), [("month", 30), ("month", 90), ("week", 10), ("day", 45)])
def test_the_first_day_as_of_which_a_rule_works_is_named_and_is_the_first(every, horizon_days):
    given = {"every": every, "horizon_days": horizon_days, "begins": date(2011, 3, 10)}
    with pytest.raises(InvalidParams) as caught:
        resolve(as_of="2011-03-20", **given)
    first = date.fromisoformat(re.search(r"works is ([\d-]+):", str(caught.value))[1])
    assert first == resolve(as_of=str(first), **given).as_of
    with pytest.raises(InvalidParams):
        resolve(as_of=str(first - timedelta(days=1)), **given)


def test_a_log_that_allows_no_snapshot_says_so():
    with pytest.raises(
        InvalidParams, match=r"allows none; the first .*: wait for it, or take every: week, a shorter horizon, or"
    ):
        resolve(begins=date(2011, 10, 3))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{every: month}", "snapshots.train: required, but missing"),
        ("{every: moth, train: 3}", f"snapshots.every: {ONE_OF}; found 'moth'; did you mean month?"),
        ("{evry: month, train: 3}", "snapshots.evry: unknown key; did you mean snapshots.every?"),
        ("{every: month, train: 0}", "snapshots.train: should be greater than or equal to 1; found 0"),
        ("{every: month, trian: 3}", "snapshots.trian: unknown key; did you mean snapshots.train?"),
        ("{train: [2023-04-01], tset: 2023-07-01}", "snapshots.tset: unknown key; did you mean snapshots.test?"),
        ("{every: month, train: 3, test: 2023-07-01}", "snapshots.serve: required, but missing"),
        ("{}", "snapshots.train: required, but missing"),
    ],
)  # fmt: skip
def test_a_misspelt_rule_or_date_is_told_the_nearest_name(section, said):
    assert said in refusal(f"snapshots={section}")


def test_nothing_is_tested_whose_label_is_known_only_after_as_of():
    [line] = refusal("snapshots.as_of=2023-09-01", "snapshots.test=2023-08-15")
    assert "the label of 2023-08-15 is known on 2023-09-14" in line
    assert "give a snapshot up to 2023-08-02" in line


def test_as_of_before_serve_is_refused():
    [line] = refusal("snapshots.as_of=2023-08-15")
    assert "as_of must not lie before serve; found as_of 2023-08-15, serve 2023-09-01; give a later one" in line


def test_ready_made_features_take_dates_and_no_rule():
    [line] = refusal("snapshots={every: month, train: 3}", path=STREAMFLOW)
    assert "snapshots: ready-made features have the snapshots that data.snapshots lists" in line
