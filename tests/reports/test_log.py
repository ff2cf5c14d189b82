"""What is shown of a log: tables and figures, of a usual one and of one with nothing to show."""

from __future__ import annotations

import pandas as pd
import pytest

from churn.log import customers as by_number
from churn.log import silence
from churn.reports import log_tables
from churn.reports.plots import log as plots
from churn.reports.plots import silences as silence_plots
from churn.reports.plots import text_form
from tests.reports.told_log import (
    CAME,
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
    people,
    rates,
    values,
    volume,
)


def test_the_four_figures():
    counts = {"events": 1200, "customers": 80}
    row = log_tables.opening(counts, MONTHS[0], MONTHS[5], rates(0.2, 0.4, open_=1)).loc[0]
    assert [1200, 80, "2022-01-01 to 2022-06-01", "30.0%"] == row.tolist()
    assert "not known yet" == log_tables.opening(counts, MONTHS[0], MONTHS[1], rates(open_=1)).iloc[0, 3]


def test_kinds_and_hollow_days_as_tables():
    found = log_tables.by_kind(pd.concat([daily().assign(kind="visit"), daily(50).iloc[9:]])).set_index("kind")
    assert [2550, 2400] == found.events[["order", "visit"]].tolist()
    assert ["2024-01-10", "2024-02-29"] == [
        f"{found.loc['order', name]:%Y-%m-%d}" for name in ("first_day", "last_day")
    ]
    days = [f"2024-01-{n:02}" for n in range(1, 31)]
    assert pd.to_datetime(days[:9:-1]).tolist() == log_tables.hollow(hollow(*days)).day.tolist()


COUNTED = pd.DataFrame({"events": [0, 1, 10], "customers": [5, 80, 9]})
FIGURES = {
    "over time": lambda: plots.over_time(volume(), people(), hollow("2022-05-06"), "month"),
    "gaps": lambda: silence_plots.gaps(CAME, SILENT),
    "returning": lambda: silence_plots.returning(silence.curve_of(CAME), SILENT),
    "retention": lambda: plots.retention(STAYS, "month"),
    "customers": lambda: plots.customers(by_number.grouped(COUNTED)),
    "values": lambda: plots.values(values(ORDERS, VISITS, RETURNS)),
    "base rate": lambda: plots.base_rate(rates(0.2, 0.4, 0.3, open_=2)),
}  # fmt: skip
TOLD = {
    "over time": ["line hollow day: x 2022-05-06", "bars first event:", "2,730 events; the month with most begins on"],
    "gaps": ["line horizon, 90 days: x 90, 90", "line active window, 365 days", "line 10 and more days:"],
    "returning": ["line 1 day:", "line all:", "line horizon, 90 days"],
    "retention": ["40% of those who sign up come in the next month", "y: 2022-01 (100), 2022-02 (100)", "text: 40"],
    "customers": ["85% of the customers have a single event", "y: 10 to 19, 1, none", "bars of events:"],
    "values": ["Half of the events order are worth 44.4 or less", "line median: x -33.5, 1, 44.4"],
    "base rate": ["30.0% left on average, between 20.0% and 40.0% by date", "text: not known yet"],
}
EMPTY = {
    "over time": lambda: plots.over_time(volume().head(0), people(), hollow(), "month"),
    "gaps": lambda: silence_plots.gaps(CAME.head(0), SILENT),
    "returning": lambda: silence_plots.returning(silence.curve_of(CAME.head(0)), SILENT),
    "retention": lambda: plots.retention(STAYS.head(0), "month"),
    "customers": lambda: plots.customers(by_number.grouped(pd.DataFrame({"events": [], "customers": []}))),
    "values": lambda: plots.values(values()),
    "base rate": lambda: plots.base_rate(rates(open_=2)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_in_words_has_its_finding_and_its_marks(name):
    figure = FIGURES[name]()
    words = text_form.described(figure)
    assert [] == [part for part in TOLD[name] if part not in words], words
    assert figure.png.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", EMPTY)
def test_a_figure_without_anything_to_draw_says_why(name):
    figure = EMPTY[name]()
    assert figure.get_suptitle()
    assert [] == list(figure.axes[0].lines)


def test_cohorts_are_called_after_their_period():
    quarters = cohorts(*(cohort(day, 100, 40) for day in MONTHS[:12:3]))
    assert "y: 2022 Q1 (100), 2022 Q2 (100), 2022 Q3 (100), 2022 Q4 (100)" in text_form.described(
        plots.retention(quarters, "quarter")
    )


def test_one_known_date_has_no_range():
    assert "20.0% left at the one date that is known" == plots.base_rate(rates(0.2, open_=2)).get_suptitle()


def test_values_far_apart_are_drawn_on_a_log_scale():
    far = values(ORDERS, ("refund", 9, 0.0, 0.0, 0.5, 900.0, 9000.0, 30000.0, 90000.0, 1e6))
    assert "symlog" == plots.values(far).axes[0].get_xscale()
    assert "linear" == plots.values(values(ORDERS)).axes[0].get_xscale()
