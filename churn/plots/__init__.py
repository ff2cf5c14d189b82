"""The figures of the reports, one function each; every title states the finding, computed from what is shown.

`predictions` maps model names to probabilities, shape (n,); the first one is the subject of the title. The candidate,
the champion, those who left and those who stayed each keep one colour in every figure.
"""

from churn.plots.data import class_balance, events_over_time
from churn.plots.decisions import confusion, profit_curve
from churn.plots.features import feature_against_churn, feature_overview, importance
from churn.plots.models import history, intervals, segments
from churn.plots.probabilities import reliability, score_distribution
from churn.plots.ranking import gain, precision_recall, roc

__all__ = [
    "class_balance",
    "confusion",
    "events_over_time",
    "feature_against_churn",
    "feature_overview",
    "gain",
    "history",
    "importance",
    "intervals",
    "precision_recall",
    "profit_curve",
    "reliability",
    "roc",
    "score_distribution",
    "segments",
]
