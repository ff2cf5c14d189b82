"""The figures of the reports, one function each; every title states the finding, computed from what is shown.

`predictions` maps model names to probabilities, shape (n,); the first one is the subject of the title. The candidate,
the champion, those who left and those who stayed each keep one colour in every figure.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn.plots.style import Plot

MODULES = {
    "data": ["class_balance", "events_over_time", "feature_overview"],
    "decisions": ["confusion", "profit_curve"],
    "features": ["feature_against_churn", "importance"],
    "models": ["history", "intervals", "segments"],
    "probabilities": ["reliability", "score_distribution"],
    "ranking": ["gain", "precision_recall", "roc"],
}
HOME = {figure: module for module, figures in MODULES.items() for figure in figures}

__all__ = sorted(HOME)


def __getattr__(name: str) -> Plot:
    """Import a figure's module when it is first drawn: some need scikit-learn, which a rollback has no time for."""
    if name not in HOME:
        raise AttributeError(f"churn.plots has no figure {name!r}; there are {', '.join(__all__)}")
    return getattr(import_module(f"churn.plots.{HOME[name]}"), name)
