"""The threshold has seen how the test ended: its profit is then too good, and nobody will earn it again."""

from __future__ import annotations

from churn.evaluation import profit
from tests.checks.planted import business

MONEY_ALONE = "threshold from money alone"
TUNED = "max(p, key=lambda t: np.sum(gain(y, economics, worth)[p >= t]))"


def test_a_threshold_tuned_on_the_test_rows(featured, trained, plant, stops):
    """The one that earned most with the outcomes of the very rows that price it."""
    trained()
    plant(profit, "decide", "contacted = p >= thresholds(economics, worth)", f"contacted = p >= {TUNED}")
    told = (
        r"threshold 0\.\d{6}, by the economics 0\.\d{6}; 0\.\d{6} of the customers contacted, 0\.\d{6} by the economics"
    )
    with stops(MONEY_ALONE, told):
        business.run(featured[0], stages=("evaluate",))
