"""A figure's data in words: whatever changes in the data changes the words, and nothing else does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from IPython.lib.pretty import pretty

from churn.evaluation import profit
from churn.reports.plots import calibration, comparison, event_log, ranking, threshold
from churn.reports.plots.style import plot
from churn.reports.plots.text_form import described, seen

Y = np.array([0, 1, 0, 1])
P = np.array([0.1, 0.2, 0.3, 0.4])
SEGMENTS = pd.DataFrame(
    {"segment": "plan", "value": ["a", "b"], "customers": [100, 90], "candidate_auc": [0.7, 0.8125], "churn_rate": 0.5}
)


def test_a_figure_reads_as_its_title_its_axes_and_its_marks():
    assert [
        "The weakest segment is plan = a: AUC 0.700",
        "AUC",
        "  y: plan = b (90 customers), plan = a (100 customers)",
        "  line candidate: x 0.812, 0.7; y 0, 1",
        "  spans: x 0.812, 0.812, 0.7, 0.7; y 0, 0, 1, 1",
    ] == described(comparison.auc_by_segment(SEGMENTS)).splitlines()


def test_what_is_written_on_a_figure_is_part_of_its_words():
    words = described(threshold.confusion(Y, P >= 0.15, 0.15)).splitlines()
    assert ["  cells: value 0.5, 0.5, 0, 1", "  text: 1 50% of those who stayed"] == words[4:6]


def test_many_numbers_are_told_by_how_many_they_are_their_range_and_mean():
    y, p, X = np.tile(Y, 5), np.linspace(0, 1, 20), pd.DataFrame(index=range(20))
    economics = {"contact_cost": 1.0, "saved_value": 4.0, "success_rate": 0.5}
    policy = profit.decide(y, p, X, economics=economics, budget=None, replicates=20, seed=1)
    assert "x 21 from 0 to 1, mean 0.5; y 21 from 0 to 0.05, mean 0.0238" in described(
        threshold.profit_curve(profit.curve(y, p, X, economics=economics), policy)
    )


def test_dates_are_told_as_dates():
    events = pd.DataFrame({"month": pd.date_range("2024-01-01", periods=3, freq="MS"), "kind": "visit", "events": 5})
    words = described(event_log.events_over_time(events, {"test": "2024-03-01"}, 30))
    assert "  line visit: x 2024-01-01, 2024-03-01; y 5, 5, 5" in words
    assert "  bars: value 30" in words


@pytest.mark.parametrize("draw", [ranking.roc, ranking.precision_recall, calibration.reliability])
def test_another_ranking_gives_other_words(draw):
    assert described(draw(Y, {"candidate": P})) == described(draw(Y, {"candidate": P.copy()}))
    assert described(draw(Y, {"candidate": P})) != described(draw(Y, {"candidate": P[::-1]}))


def test_a_notebook_keeps_the_words_of_a_figure_beside_its_picture():
    figure = ranking.roc(Y, {"candidate": P})
    assert described(figure) == pretty(figure)


def test_who_cannot_see_a_figure_is_told_its_finding_its_axes_and_what_is_drawn():
    figure = plot("All is\nwell")
    for ax in figure.subplots(1, 2):
        ax.plot([0, 1], label="candidate")
        ax.set(xlabel="Time (days)")
    figure.supylabel("Profit (money)")
    assert "All is well. Across: Time (days). Up: Profit (money). Drawn: candidate" == seen(figure)
