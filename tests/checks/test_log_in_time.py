"""Whether the log is whole where the snapshots look: what is warned of by name, and what is no cause for alarm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from churn.checks import log_in_time, result
from churn.errors import InvalidData
from churn.features import kept
from churn.sources.contract import Source

FIRST, LAST = date(2024, 1, 1), date(2024, 6, 30)
LABEL = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 60}
DATA = {"source": "events", "path": "orders.csv", "columns": {"customer_id": "who", "at": "day"}}
WHOLE, FRESH, LONGER, EACH_KIND, SINGLE = (name for name, _ in log_in_time.ALL)


def days(first: date = FIRST, last: date = LAST) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def orders(on: list[date], each: int = 60, kind: str = "order") -> list[tuple]:
    """So many orders each day, by other customers, a minute after the other."""
    return [
        (f"c{n:02}", datetime(day.year, day.month, day.day, n // 60, n % 60, tzinfo=UTC), kind, 1)
        for day in on
        for n in range(each)
    ]


@pytest.fixture
def warned(log):
    """What is warned of by the checks of some events: name -> what was observed."""

    def _warned(events: list[tuple], **changed) -> dict[str, str]:
        source = Source(*log(events, []), {}, None, [], {}, pd.DataFrame())
        given = {
            "train": ["2024-03-01"], "test": "2024-05-01", "serve": "2024-07-01", "window_days": 14, "as_of": "",
            "label": LABEL, "data": DATA, "previous": None,
        }  # fmt: skip
        found = log_in_time.checks(source, **given | changed)
        assert [name for name, _ in log_in_time.ALL] == [check.name for check in found]
        result.stop_on_failure(found, of="the input")
        warnings = [check for check in found if check.outcome == "warning"]
        assert [check.observed for check in warnings] == result.warnings(found)
        return {check.name: check.observed for check in warnings}

    return _warned


def test_a_log_that_is_whole_is_no_cause_for_alarm(warned):
    assert {} == warned(orders(days()))


def test_a_shop_that_is_closed_on_sundays_is_no_cause_for_alarm(warned):
    assert {} == warned(orders([day for day in days() if day.weekday() != 6]))


def test_growth_is_no_cause_for_alarm(warned):
    assert {} == warned([row for n, day in enumerate(days()) for row in orders([day], each=30 + n)])


def test_hollow_days_in_a_window_and_a_label_are_named(warned):
    hollow = {date(2024, 2, 20), date(2024, 3, 5), date(2024, 3, 6)}
    log = orders([day for day in days() if day not in hollow]) + orders(sorted(hollow), each=19)
    observed = warned(log)[WHOLE]
    assert "hollow days 2024-02-20 (19 events, usual 60), 2024-03-05 (19 events, usual 60), 2024-03-06" in observed
    assert "lie in the 14 days before 2024-03-01; the label of 2024-03-01 (30 days): " in observed


def test_hollow_days_before_serve_are_named_too(warned):
    gone = [day for day in days() if day != date(2024, 6, 29)]
    assert "2024-06-29 (0 events, usual 60) lie in the 14 days before 2024-07-01" in warned(orders(gone))[WHOLE]


def test_hollow_days_where_nothing_looks_are_no_matter(warned):
    assert {} == warned(orders([day for day in days() if day != date(2024, 2, 10)]))


def test_a_third_of_the_usual_is_not_hollow(warned):
    low = date(2024, 3, 5)
    rest = orders([day for day in days() if day != low])
    assert ({}, [WHOLE]) == (warned(rest + orders([low], each=20)), [*warned(rest + orders([low], each=19))])


def test_few_events_a_day_make_no_day_hollow(warned):
    assert {} == warned(orders([day for day in days() if day != date(2024, 3, 5)], each=29))


def test_an_outage_of_months_is_hollow_to_its_middle(warned):
    out = days(date(2024, 3, 1), date(2024, 5, 10))
    observed = warned(orders([day for day in days() if day not in out]))[WHOLE]
    assert "2024-03-05 (0 events, usual 60) and 49 more lie in " in observed


def test_hollow_days_are_those_of_the_kinds_that_count(warned):
    log = orders([day for day in days() if day != date(2024, 3, 5)]) + orders(days(), each=200, kind="view")
    assert ({}, [WHOLE]) == (warned(log), [*warned(log, label=LABEL | {"kinds": ["order"]})])


def test_a_serve_after_the_end_of_the_log_is_told_the_last_event(warned):
    observed = warned(orders(days()), serve="2024-07-03")[FRESH]
    assert "serve 2024-07-03 lies 3 days after the log's last event (2024-06-30), where 1 is usual" in observed
    assert "serve as of 2024-07-01" in observed


def test_a_serve_after_a_usual_gap_is_no_cause_for_alarm(warned):
    open_days = [day for day in days(last=date(2024, 6, 29)) if day.weekday() != 6]  # the last one is a Saturday
    assert {} == warned(orders(open_days), serve="2024-07-01")


def test_a_log_that_ended_earlier_than_that_of_the_run_before_is_told(warned):
    previous = {"log": {"which": kept.which_log(DATA | {"path": "orders_june.csv"}), "ends": "2024-07-02"}}
    observed = warned(orders(days()), previous=previous)[LONGER]
    assert "the log ends on 2024-06-30, that of the run before ended on 2024-07-02" in observed
    assert {} == warned(orders(days()), previous=previous, as_of="2024-07-01")
    assert {} == warned(orders(days()), previous={"log": previous["log"] | {"ends": "2024-06-30"}})
    assert {} == warned(orders(days()), previous={"log": {"which": "another log", "ends": "2024-07-02"}})


def test_a_later_month_of_a_log_that_lost_its_last_one_is_refused_with_the_way_out(warned):
    previous = {"log": {"which": kept.which_log(DATA), "ends": "2024-07-31"}, "experiment": "shop"}
    with pytest.raises(InvalidData) as refused:
        warned(orders(days()), previous=previous, serve="2024-09-01", as_of="2024-09-01")
    told = "the log ends on 2024-06-30, that of the run before ended on 2024-07-31: is this the newest export? Where it"
    assert f"{told} is meant to end earlier, remove state/shop/features/features.json and run again" in str(
        refused.value
    )


def test_a_kind_that_falls_silent_is_named(warned):
    views = orders(days(last=date(2024, 6, 22)), each=1, kind="view")
    observed = warned(orders(days()) + views)[EACH_KIND]
    assert "no more events of view (last on 2024-06-22, never silent for over 1 days before)" in observed


def test_a_rare_kind_is_silent_without_alarm(warned):
    assert {} == warned(orders(days()) + orders(days(last=date(2024, 6, 10))[::7], each=1, kind="return"))


def test_many_events_of_a_customer_in_one_minute_are_taken_for_lines(warned):
    lines = [row for row in orders(days()) for _ in range(3)]
    assert "there are 3.0 events of a customer and kind in one minute (c00: 3)" in warned(lines)[SINGLE]
    assert {} == warned(lines, data=DATA | {"columns": {"event_id": "order"}})
    assert {} == warned(lines, data={"source": "events", "inputs": [{"path": "a.csv", "columns": {"event_id": "no"}}]})


def test_ready_made_features_have_no_log_to_check():
    source = Source(None, None, {}, None, [], {}, pd.DataFrame())
    given = {"train": [], "test": "", "serve": "", "window_days": 1, "label": {}, "as_of": "", "data": {}}
    assert [None] * 5 == [check.passed for check in log_in_time.checks(source, **given, previous=None)]
