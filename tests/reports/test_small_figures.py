"""Figures as small as a word: what is drawn where."""

import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from churn.reports import small_figures, tables

MONTHS = [{"predicted": 0.3, "observed": 0.31}, {"predicted": 0.3, "observed": 0.2}]


def drawn(svg: str) -> BeautifulSoup:
    return BeautifulSoup(svg, "html.parser")


def test_the_tallest_bar_of_a_histogram_fills_it_and_an_empty_bin_has_none():
    bars = drawn(small_figures.histogram([1, 0, 4])).select_one(".bars")["d"]
    assert ["-5.0", "-20.0"] == re.findall(r"v(-[\d.]+)", bars)


def test_bars_and_line_are_shares_so_that_more_customers_are_no_change():
    svg = drawn(small_figures.histogram([1, 3], [10, 30]))
    tops = [20 - float(height) for height in re.findall(r"v-([\d.]+)", svg.select_one(".bars")["d"])]
    assert tops == pytest.approx(
        [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)h", svg.select_one(".was")["d"])], abs=0.1
    )


def test_a_month_without_an_outcome_has_no_dot():
    assert 2 == len(drawn(small_figures.months(MONTHS)).select("circle.champion"))
    assert 1 == len(drawn(small_figures.months([*MONTHS[:1], {"predicted": 0.3, "observed": None}])).select("circle"))


def test_each_version_keeps_its_colour_in_the_calibration():
    svg = drawn(small_figures.calibration({"candidate": [[0.1, 0.2], [0.8, 0.7]], "champion": [[0.2, 0.2]]}))
    assert {"candidate": 2, "champion": 1} == {
        name: len(svg.select(f"circle.{name}")) for name in ("candidate", "champion")
    }


def test_the_dot_of_the_profit_lies_where_the_policy_stands():
    svg = drawn(small_figures.profit([[0, 0], [0.5, 3.0], [1, 1.0]], 0.49))
    assert ("120.0", "8.0") == (svg.circle["cx"], svg.circle["cy"])


@pytest.mark.parametrize("svg", [
    small_figures.histogram([]), small_figures.months([]), small_figures.calibration({}), small_figures.profit([], 0.5),
])  # fmt: skip
def test_nothing_to_draw_is_no_error(svg):
    assert "nan" not in svg


def test_a_feature_is_told_by_its_meaning_its_name_small_its_spread_and_its_change():
    profile = pd.DataFrame([
        {"feature": "a<b", "unit": "days", "missing_share": 0.25, "mean": 1.5, "low": 0.0, "high": 3.0,
         "mean_before": 1.0, "counts": [1, 2], "counts_before": [2, 1]},
    ])  # fmt: skip
    row = drawn(tables.features(profile, {"a<b": "days <i>since"}).to_html()).select_one("tbody tr")
    cells = row.select("td")
    assert ("days <i>since", "a<b") == (cells[0].find(string=True), cells[0].code.get_text())
    assert cells[2].svg
    assert ["1.50", "+50%", "0.00", "3.00", "25.0%"] == [cell.get_text() for cell in cells[3:]]
