"""Contact so many customers: the choices, and the slider along them."""

import json

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from churn.evaluation import profit
from churn.reports import choices

ECONOMICS = {"contact_cost": 1.0, "saved_value": 40.0, "success_rate": 0.2}
Y = np.array([1, 0, 1, 0])
P = np.array([0.9, 0.7, 0.3, 0.05])
X = pd.DataFrame({"a": range(4)})


@pytest.fixture
def html() -> BeautifulSoup:
    policy = profit.decide(Y, P, X, economics=ECONOMICS, budget=None, replicates=20, seed=7)
    slider = choices.Slider(choices.choices(Y, P, X, economics=ECONOMICS), policy)
    return BeautifulSoup(slider._repr_html_(), "html.parser")


def test_each_number_of_contacts_has_its_leavers_its_cost_and_its_profit():
    rows = choices.choices(Y, P, X, economics=ECONOMICS)
    assert [[0, 0, 0, 0], [1, 1, 1, 7], [2, 1, 2, 6], [3, 2, 3, 13], [4, 2, 4, 12]] == rows.to_numpy().tolist()


def test_the_choices_earn_what_the_profit_curve_says():
    rows, curve = choices.choices(Y, P, X, economics=ECONOMICS), profit.curve(Y, P, X, economics=ECONOMICS)
    assert pytest.approx(list(curve.profit * len(Y))) == list(rows.profit)


def test_the_slider_begins_where_the_policy_stands_and_is_named(html):
    assert ("3", "4") == (html.select_one("input[type=range]")["value"], html.select_one("input")["max"])
    assert html.select_one("label[for=choice]")


def test_without_a_script_there_is_the_table_and_no_slider(html):
    assert html.select_one(".slide").has_attr("hidden")
    assert (True, 5) == (html.select_one("details").has_attr("open"), len(html.select("tbody tr")))


def test_the_data_of_the_slider_are_those_of_the_table(html):
    told = json.loads(html.select_one("#choices").get_text())
    assert ([3, 2, 3, 13], 2) == (told["rows"][3], told["leavers"])
