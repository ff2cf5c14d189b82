"""What is told of a log in sentences: of a usual one, and of one that is too short to tell."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from churn.reports import log_sentences, rate_sentences
from tests.reports.told_log import (
    CAME,
    CANCEL,
    MONTHS,
    ORDERS,
    RETURNS,
    SILENT,
    STAYS,
    VISITS,
    cohort,
    cohorts,
    daily,
    hollow,
    moved,
    people,
    rates,
    silences,
    values,
    volume,
)


def test_the_log_in_one_sentence():
    told = log_sentences.span({"events": 1200, "customers": 1}, date(2022, 1, 1), date(2023, 12, 31))
    assert "1,200 events of 1 customer from 2022-01-01 to 2023-12-31, 24 months." == told


@pytest.mark.parametrize(
    ("more", "told"), [(1.2, "20% more events than"), (0.5, "45% fewer events than"), (1.0, "2% more events than")]
)
def test_a_year_is_told_against_the_year_before(more, told):
    said = log_sentences.volume(volume(more=more), people(), "month")
    assert "customers on average, of whom 25% have their first one; the last 12 have" in said
    assert f"{told} the 12 before." in said


def test_a_log_of_less_than_two_years_is_not_compared_with_itself():
    assert "A whole month has 108 events by 80 customers on average, of whom 25% have their first one." == (
        log_sentences.volume(volume(12), people(12), "month")
    )


def test_a_log_without_a_whole_period_says_so():
    assert "The log has no whole week." == log_sentences.volume(volume().assign(whole=False), people(), "week")


def test_a_kind_that_begins_late_or_ends_early_is_named():
    assert "2 kinds of event: order (91.6%), visit (8.4%). Not all of them last: visit begins in 2022-03." == (
        log_sentences.kinds(volume())
    )
    ended = volume()[lambda table: (table.kind == "visit") | (table.period < MONTHS[9])]
    assert "order ends in 2022-09" in log_sentences.kinds(ended)
    assert "One kind of event: order." == log_sentences.kinds(volume()[volume().kind == "order"])


@pytest.mark.parametrize(
    ("odd", "each", "told"),
    [
        (hollow("2024-01-09"), 40, "1 day has under a third of the events that are usual for the weekday: 2024-01-09 (3, usual 40). To"),
        (hollow(*[f"2024-01-{n:02}" for n in range(1, 6)]), 40, "5 days have under a third"),
        (hollow(), 40, "No day has under a third of the events that are usual for its weekday."),
        (hollow(), 4, "With 4.0 events a day on average, no single day tells that its events are missing."),
    ],
)  # fmt: skip
def test_hollow_days_are_told_where_a_day_can_tell(odd, each, told):
    assert log_sentences.hollow(odd, daily(each)).startswith(told)


def test_gaps_are_told_by_half_of_them_by_windows_and_by_the_horizon():
    assert (
        "Half of the gaps between two days with events of a customer last at most 5 days, nine of ten at most 5 days. "
        "By the windows of the features: 90% within 30 days, 100% within 180 days; 9.7% last longer than the horizon of 90 days."
    ) == log_sentences.gaps(CAME, SILENT, [30, 180])


def test_where_nobody_comes_again_there_is_no_gap():
    assert "Nobody has come on a second day." == log_sentences.gaps(CAME[~CAME.returned], SILENT, [30])


def test_who_comes_back_is_told_of_all_and_of_those_who_came_often():
    assert (
        "Of the customers who are silent for 90 days, 25% come back within the next year; of those with 10 and more "
        "days with events 50%. About as many of those whom the label calls gone are not; a longer horizon calls fewer "
        "of them so, and is known later."
    ) == log_sentences.returning(CAME, SILENT)


def test_few_who_come_back_speak_for_the_horizon():
    few = silences([("1 event", 5, True, 50), ("1 event", 100, True, 1), ("1 event", 900, False, 40)])
    assert log_sentences.returning(few, SILENT).endswith(
        "2.4% come back within the next year. Whoever is silent for as long as the horizon has left, but for few."
    )


def test_nobody_who_comes_back_is_told_in_a_word():
    gone = silences([("1 event", 5, True, 50), ("1 event", 900, False, 40)])
    assert log_sentences.returning(gone, SILENT).startswith(
        "Of the customers who are silent for 90 days, none come back"
    )


def test_a_label_by_an_event_does_not_look_at_silence():
    assert log_sentences.returning(CAME, CANCEL).endswith(
        "The label does not look at silence: who leaves is told by cancel."
    )


def test_a_log_shorter_than_the_horizon_tells_of_nobody():
    short = silences([("1 event", 20, False, 4)])
    assert "Nobody has been silent for 90 days: the log is too short to tell who comes back." == (
        log_sentences.returning(short, SILENT)
    )


def test_retention_is_told_of_the_next_period_and_of_a_year_after():
    together = pd.DataFrame({"age": range(13), "customers": 400, "share": [1.0, 0.4, *[0.2] * 11]})
    said = log_sentences.retention(STAYS, together, "month")
    assert (
        "Of those who sign up, 40% have an event in the next month and 20% in that a year after; newer and older "
        "months of sign-up hardly differ."
    ) == said


def test_newer_cohorts_that_stay_more_often_are_told_beyond_chance():
    table = cohorts(*(cohort(day, 100, 30 if n < 2 else 60) for n, day in enumerate(MONTHS[:4])))
    together = pd.DataFrame({"age": [0, 1], "customers": 400, "share": [1.0, 0.45]})
    assert log_sentences.retention(table, together, "month").endswith(
        "; of the newer half of the months of sign-up 60%, of the older 30%."
    )


def test_newer_cohorts_that_differ_by_a_point_hardly_differ():
    table = cohorts(*(cohort(day, 100, 40 + (n > 1), customers=100_000) for n, day in enumerate(MONTHS[:4])))
    together = pd.DataFrame({"age": [0, 1], "customers": 400, "share": [1.0, 0.4]})
    assert log_sentences.retention(table, together, "month").endswith(
        "; newer and older months of sign-up hardly differ."
    )


def test_where_all_signed_up_before_the_log_nobody_is_known_to_stay():
    said = log_sentences.retention(STAYS.head(0), STAYS.head(0)[["age", "customers", "share"]], "month")
    assert said.startswith("Nobody signed up in a month that the log has all of")


def test_without_a_whole_period_after_sign_up_nobody_is_known_to_stay():
    together = pd.DataFrame({"age": [0], "customers": [400], "share": [1.0]})
    assert log_sentences.retention(STAYS, together, "year").startswith("No year after that of sign-up is whole")


def test_customers_are_told_by_the_single_event_the_top_tenth_and_none():
    counted = pd.DataFrame({"events": [0, 1, 10], "customers": [10, 80, 10]})
    assert (
        "80% of the customers have a single event; the tenth with most events has 56% of all of them. "
        "10 customers have none."
    ) == log_sentences.customers(counted)


def test_values_are_told_by_kind_and_one_that_never_changes_as_such():
    assert (
        "Half of the events order are worth 44.4 or less, nine of ten between 15.6 and 126. The value of visit is 1 "
        "nearly always, and tells nothing. Half of the events return are worth -33.5 or less, nine of ten between -103 "
        "and -8.12; all are below zero."
    ) == log_sentences.values(values(ORDERS, VISITS, RETURNS))


def test_the_base_rate_is_told_by_its_range_and_mean():
    assert (
        "At 3 dates from 2022-01-01 to 2022-03-01 between 20.0% and 40.0% of the customers who counted left, 30.0% on "
        "average."
    ) == rate_sentences.base_rate(rates(0.2, 0.4, 0.3, open_=2))
    assert "At the one date that the log allows (2022-01-01), 20.0% of 1,000 customers left." == (
        rate_sentences.base_rate(rates(0.2, open_=2))
    )
    assert rate_sentences.base_rate(rates(open_=2)).startswith("The log is too short")


def test_trend_and_season_say_by_what_the_level_is_told():
    assert (
        "The share of leavers rises by 1.2 points a year and swings by 8.0 points with the season, from November to "
        "July, so last year's same date counts: the date a year before missed by 1.5 points on average, the newest one "
        "known by 9.3 points."
    ) == rate_sentences.movement(moved())


def test_without_a_season_the_newest_dates_count():
    found = moved(season=False, trend=-0.001, miss_season=0.02, miss_newest=0.01)
    assert (
        "The share of leavers has no trend beyond chance and no season that helps: the date a year before missed by "
        "2.0 points on average, the newest one known by 1.0 points; so the newest dates count."
    ) == rate_sentences.movement(found)
    assert "falls by 2.0 points a year and has no season" in rate_sentences.movement(moved(season=False, trend=-0.02))


def test_a_trend_that_few_dates_tell_of_is_not_called_chance():
    found = moved(season=False, trend=0.117, margin=float("inf"))
    assert "rises by 11.7 points in a year, of which few dates tell, and has no season" in rate_sentences.movement(
        found
    )


def test_a_short_log_has_no_season_to_tell():
    assert rate_sentences.movement(moved(proofs=0)).startswith("The log is too short to tell a trend from a season")


def test_few_leavers_are_told_as_few():
    assert (
        "The newest date that is known, 2022-02-01, has 300 leavers and 700 stayers; what becomes of the customers of "
        "1 later date is not known yet."
    ) == rate_sentences.to_learn_from(rates(0.2, 0.3, open_=1))
    assert rate_sentences.to_learn_from(rates(0.02)).endswith("That is few: several dates have to be put together, and intervals will be wide.")  # fmt: skip
    assert log_sentences.NOTHING == rate_sentences.to_learn_from(rates(open_=1))


def test_what_was_left_out_is_told_by_the_most_frequent_reason():
    rejected = pd.DataFrame(
        {"table": "log", "column": ["at", "value"], "reason": ["is no time", "is empty"], "rows": [9, 1]}
    )
    inputs = pd.DataFrame({"rows": [1000], "passed_over_by_where": [1]})
    assert (
        "Of 1,000 rows 10 could not be used (1.00%); 1 row was passed over by `where`; most often 'at' is no time (9)."
    ) == log_sentences.left_out(rejected, inputs, {"read": 1000})
    assert "Every row could be used." == log_sentences.left_out(rejected.head(0), pd.DataFrame(), {"read": 1000})


def test_a_kind_s_name_is_text_and_not_markup():
    assert r"\*bold\* &lt;b&gt;" == log_sentences.listed("*bold* <b>")
    assert "- one\n- two" == log_sentences.listed("one", "two")
    assert r"- \*bold\*" == log_sentences.notes(["*bold*"])
    assert "Nothing was passed over, and nothing looks odd." == log_sentences.notes([])
