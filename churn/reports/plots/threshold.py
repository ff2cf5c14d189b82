"""What acting on the predictions does: who is flagged, and what it earns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from sklearn.metrics import confusion_matrix

from churn.evaluation.profit import CONTACT_NOBODY
from churn.reports.plots.style import CANDIDATE, GREY, PALE, SHARE, Plot, plot, styled


@styled
def confusion(y: np.ndarray, p: np.ndarray, threshold: float) -> Plot:
    """Customers by what they did and by whether the threshold flags them; shares are of those who did the same."""
    counts = confusion_matrix(y, p >= threshold, labels=[0, 1])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = plot(_flags(counts))
    ax = figure.subplots()
    tints = LinearSegmentedColormap.from_list("share", ["white", CANDIDATE])
    ax.imshow(shares, cmap=tints, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count:,}\n{share:.0%} of those who {'left' if row else 'stayed'}"
        ink = "white" if share > 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", fontsize=12, color=ink)
    ax.set_xticks([0, 1], ["not flagged", "flagged"])
    ax.set_yticks([0, 1], ["stayed", "left"], rotation=90, va="center")
    ax.set(xlabel=f"Prediction at threshold {threshold:.2f}", ylabel="Outcome (customers)")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


@styled
def profit_curve(curve: pd.DataFrame, threshold: float) -> Plot:
    """Profit against the share of customers contacted, most likely leavers first, with the chosen threshold marked."""
    curve = curve.sort_values("threshold", ascending=False)
    # a threshold chosen on other customers lies between two of these: it contacts as many as the next one above
    chosen = curve[curve["threshold"] >= min(threshold, CONTACT_NOBODY)].iloc[-1]
    figure = plot(_earnings(curve, chosen, threshold))
    ax = figure.subplots()
    ax.axhline(0, color=GREY, linewidth=1)
    ax.plot(curve["contacted"], curve["profit"], color=CANDIDATE)
    ax.vlines(chosen["contacted"], 0, chosen["profit"], color=GREY, linewidth=1, linestyle=":")
    ax.plot(chosen["contacted"], chosen["profit"], "o", color=CANDIDATE, markersize=8)
    label = "nobody contacted" if chosen["contacted"] == 0 else f"threshold {threshold:.2f}: {chosen['profit']:.2f}"
    side = "left" if chosen["contacted"] < 0.2 else "right" if chosen["contacted"] > 0.8 else "center"
    below = {"textcoords": "offset points", "ha": side, "backgroundcolor": "white"}  # the curve is concave: room below
    ax.annotate(label, (chosen["contacted"], chosen["profit"]), (0, -46 if chosen["contacted"] else 8), **below)
    ax.set(xlabel="Customers contacted, highest probability first (share)", ylabel="Profit (money per customer)")
    ax.set(xlim=(0, 1.01))
    ax.xaxis.set_major_formatter(SHARE)
    ax.grid(True, color=PALE, alpha=0.5)
    return figure


def _flags(counts: np.ndarray) -> str:
    flagged, leavers = counts[:, 1].sum(), counts[1].sum()
    if flagged == 0:
        return f"Nobody is flagged, so all {leavers:,} leavers are missed"
    precision, recall = counts[1, 1] / flagged, counts[1, 1] / max(leavers, 1)
    return f"{precision:.0%} of the {flagged:,} flagged left; {recall:.0%} of the leavers were flagged"


def _earnings(curve: pd.DataFrame, chosen: pd.Series, threshold: float) -> str:
    best = curve["profit"].max()
    if best <= 0:
        return "Contacting customers does not pay at any threshold"
    best, earned, everyone = (f"{profit:.2f}" for profit in (best, chosen["profit"], curve["profit"].iloc[-1]))
    if earned != best:
        return f"Threshold {threshold:.2f} earns {earned} per customer; the best possible is {best}"
    if everyone == best:
        return f"Contacting everyone earns as much as any choice: {best} per customer"
    return f"Contacting {chosen['contacted']:.0%} earns the most: {best} per customer (everyone: {everyone})"
