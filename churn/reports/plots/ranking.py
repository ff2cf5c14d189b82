"""How well models put leavers first: ROC, precision and recall, gain."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from churn.evaluation import metrics
from churn.reports.plots.style import GREY, PALE, SHARE, Plot, colour, line, plot, short, styled

Predictions = dict[str, np.ndarray]


@styled
def roc(y: np.ndarray, predictions: Predictions) -> Plot:
    """Leavers found against stayers flagged by mistake, over all thresholds; the area is the AUC."""
    auc = {name: roc_auc_score(y, p) for name, p in predictions.items()}
    subject = next(iter(auc))
    title = f"The {subject} puts a leaver ahead of a stayer {auc[subject]:.1%} of the time"
    figure = plot(title + _against_champion(auc, "{:.1%}"))
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
    for index, (name, p) in enumerate(predictions.items()):
        false_alarms, hits, _ = roc_curve(y, p)
        ax.plot(false_alarms, hits, label=f"{short(name, 46)}: AUC {auc[name]:.3f}", **line(name, index))
    _shares(ax, "Stayers flagged by mistake (share of stayers)", "Leavers found (share of leavers)")
    ax.legend(loc="lower right")
    return figure


@styled
def precision_recall(y: np.ndarray, predictions: Predictions) -> Plot:
    """How many of the flagged really left against how many of the leavers were flagged, over all thresholds."""
    average = {name: average_precision_score(y, p) for name, p in predictions.items()}
    subject = next(iter(average))
    champion = _against_champion(average, "{:.3f}")
    figure = plot(f"Average precision is {average[subject]:.3f}{champion}; by chance {np.mean(y):.3f}")
    ax = figure.subplots()
    ax.axhline(np.mean(y), color=PALE, linewidth=1, zorder=0)
    for index, (name, p) in enumerate(predictions.items()):
        precision, recall, _ = precision_recall_curve(y, p, drop_intermediate=True)
        label = f"{short(name, 46)}: average precision {average[name]:.3f}"
        precision[-1] = precision[-2]  # the last point, precision 1 at recall 0, is a convention and no threshold's
        ax.step(recall, precision, where="post", label=label, **line(name, index))
    _shares(ax, "Leavers found (recall)", "Flagged customers who left (precision)")
    ax.legend(loc="lower left")
    return figure


@styled
def gain(y: np.ndarray, predictions: Predictions, top_fraction: float) -> Plot:
    """The share of leavers among the customers flagged first; the diagonal is what chance would find."""
    subject, best = next(iter(predictions.items()))
    flagged = metrics.top(best, top_fraction)
    lift = np.mean(y[flagged]) / np.mean(y)
    figure = plot(f"The top {top_fraction:.0%} holds {lift:.2f}x its share of leavers")
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
    ax.plot([0, np.mean(y), 1], [0, 1, 1], color=PALE, linewidth=1, zorder=0, label="perfect order")
    for index, (name, p) in enumerate(predictions.items()):
        false_alarms, hits, _ = roc_curve(y, p)
        contacted = hits * np.mean(y) + false_alarms * (1 - np.mean(y))
        ax.plot(contacted, hits, label=short(name, 46), **line(name, index))
    ax.axvline(top_fraction, color=GREY, linewidth=1, linestyle=":")
    recall = y[flagged].sum() / y.sum()
    ax.plot(top_fraction, recall, "o", color=colour(subject), zorder=4)
    ax.annotate(f"{recall:.0%} of the leavers", (top_fraction, recall), (8, -12), textcoords="offset points")
    _shares(ax, "Customers flagged, highest probability first (share)", "Leavers among them (share of all leavers)")
    ax.legend(loc="lower right")
    return figure


def _against_champion(values: dict[str, float], number: str) -> str:
    """The champion's value for the title, where it is not the subject itself."""
    return f" (champion {number.format(values['champion'])})" if "champion" in list(values)[1:] else ""


def _shares(ax, x_label: str, y_label: str) -> None:
    ax.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1.02))
    ax.xaxis.set_major_formatter(SHARE)
    ax.yaxis.set_major_formatter(SHARE)
    ax.grid(True)
