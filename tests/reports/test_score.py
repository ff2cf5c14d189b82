"""The list of customers in sentences and pictures."""

from __future__ import annotations

import pandas as pd
import pytest

from churn.evaluation.empc import Empc
from churn.evaluation.profit import Policy
from churn.evaluation.resampling import Interval
from churn.reports import score_sentences
from churn.reports.plots import score
from churn.reports.plots.text_form import described

DOCUMENT = {
    "snapshot": "2024-02-01", "version": 3, "customers": 1000, "flagged": 60, "contact": 50, "control": 10,
    "threshold": 0.1333, "budget": None, "economics": {"success_rate": 0.25}, "left_out": {},
    "level": {"log_odds": 0.25, "expected": {"mean": 0.06, "low": 0.03, "high": 0.09}},
}  # fmt: skip
TOTALS = {"contact_leavers": 20.4, "contact_profit": 206.0}
NO_CHANGES = pd.DataFrame(columns=["change", "why", "customers"])
CHANGES = pd.DataFrame(
    [["entered", "not on the last list", 5], ["left", "no longer in the population", 7], ["stayed", "", 45]],
    columns=NO_CHANGES.columns,
)
NOTHING = Interval(0.0, 0.0, 0.0)


def said(changes: pd.DataFrame = NO_CHANGES, **changed) -> list[str]:
    return score_sentences.said("", DOCUMENT | changed, TOTALS, changes)


def test_the_finding_says_whom_to_contact_what_it_earns_by_which_version_and_what_changed():
    contact, version, changed = said(CHANGES)
    assert contact == (
        "Contact 50 of 1,000 customers: 20 of them are expected to leave, and contacting them is expected to earn +206 "
        "(+4.12 each), if 25% of the leavers stay who are contacted. 10 more are kept back, so that the effect can be "
        "measured."
    )
    assert version == (
        "Version 3 scores them as of 2024-02-01, at its level there (+0.250), flags from 0.133 on, where 6.0% (3.0% to "
        "9.0%) of the customers are expected to leave."
    )
    assert "Since the last list 5 entered (5 not on the last list) and 7 left" in changed
    assert 2 == len(said())


@pytest.mark.parametrize("changed, expected", [
    ({"contact": 50, "budget": 50}, "Contact 50 of 1,000 customers, as many as the budget of 50 allows: "),
    ({"contact": 0, "flagged": 0, "control": 0}, "Contact nobody of 1,000 customers: nobody reaches the threshold."),
    ({"contact": 0}, "Contact nobody of 1,000 customers: whoever is flagged is kept back."),
    ({"contact": 0, "threshold": None, "economics": None}, "for the version has no threshold."),
    ({"economics": None}, "what that earns is not known, for the version has no economics on record."),
])  # fmt: skip
def test_the_first_sentence_says_why_so_many(changed, expected):
    assert expected in said(**changed)[0]


def test_where_there_is_no_list_one_line_says_why():
    why = "nothing is in production yet"
    assert "Nothing is in production yet." == score_sentences.finding(why, {}, TOTALS, NO_CHANGES)
    assert [] == score_sentences.notes(0, why, {})


def test_a_version_that_cannot_score_and_customers_left_out_are_noted():
    assert ["it takes other features"] == score_sentences.notes(2, "it takes other features", {})
    (note,) = score_sentences.notes(3, "", DOCUMENT | {"left_out": {"missing-features": 4}})
    assert "4 customers of the population are not on the list: missing-features" in note


def test_empc_is_told_beside_the_point_estimate():
    policy = Policy(0.125, 0.3, NOTHING, NOTHING, None, {"success_rate": 0.2})
    text = score_sentences.empc(Empc(1.234, 0.25, 0.15, 4.0, 16.0), policy)
    for told in ("Beta(4, 16)", "**1.23** per customer", "25.0% of them", "**0.150**", "point estimate says 0.125"):
        assert told in text
    assert "not pay" in score_sentences.empc(Empc(0.0, 0.0, 1.0, 4.0, 16.0), policy)
    assert "not defined" in score_sentences.empc(None, policy)


def test_the_distribution_says_how_many_are_flagged():
    cells = pd.DataFrame({"bin": [0, 3], "flagged": [False, True], "customers": [150, 50]})
    assert "50 of 200 customers (25%) are flagged, from 0.75 on" in described(score.distribution(cells, 0.75, bins=4))
    assert "each one's own threshold" in described(score.distribution(cells, None, bins=4))
    assert "Nobody is scored" == score.distribution(cells.head(0), None, bins=4).get_suptitle()


@pytest.mark.parametrize("budget, marks", [(None, 1), (30, 2), (10**6, 2)])
def test_the_profit_curve_marks_the_flagged_and_the_budget(budget, marks):
    curve = pd.DataFrame({"contacted": [0, 40, 100], "profit": [0.0, 80.0, -20.0]})
    drawn = score.profit_by_number(curve, flagged=40, budget=budget)
    assert "Contacting 40 customers is expected to earn most, +80" == drawn.get_suptitle()
    assert marks == len(drawn.axes[0].get_legend().get_texts())
    nothing = score.profit_by_number(curve.assign(profit=-curve.contacted), flagged=0, budget=budget)
    assert "No number of contacts is expected to pay" == nothing.get_suptitle()
    assert "not known" in score.profit_by_number(curve.head(0), flagged=0, budget=budget).get_suptitle()
