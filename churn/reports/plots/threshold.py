"""What acting on the predictions does: who is flagged, and what it earns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from sklearn.metrics import confusion_matrix

from churn.evaluation.profit import Policy
from churn.reports.plots.style import CANDIDATE, GREY, PALE, SHARE, Plot, plot, styled


@styled
def confusion(y: np.ndarray, flagged: np.ndarray, threshold: float | None) -> Plot:
    """Customers by what they did and by whether they are flagged; shares are of those who did the same.

    `threshold` None: each customer has an own one.
    """
    counts = confusion_matrix(y, flagged, labels=[0, 1])
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
    ax.set(xlabel=f"Prediction at {_named(threshold)}", ylabel="Outcome (customers)")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


@styled
def profit_curve(curve: pd.DataFrame, policy: Policy) -> Plot:
    """Profit against the share of customers contacted, those with the most to gain first; the policy is marked, and
    what contacting everybody and nobody earns are lines."""
    earned, everybody, contacted = policy.profit.estimate, policy.everybody.estimate, policy.contacted
    figure = plot(_earnings(curve, policy))
    ax = figure.subplots()
    ax.axhline(0, color=GREY, linewidth=1, label="nobody contacted: 0.00")
    ax.axhline(everybody, color=GREY, linewidth=1, linestyle="--", label=f"everybody contacted: {everybody:.2f}")
    ax.plot(curve["contacted"], curve["profit"], color=CANDIDATE)
    ax.vlines(contacted, 0, earned, color=GREY, linewidth=1, linestyle=":")
    ax.plot(contacted, earned, "o", color=CANDIDATE, markersize=8, label=f"{_named(policy.threshold)}: {earned:.2f}")
    ax.legend(loc="best")
    ax.set(xlabel="Customers contacted, most to gain first (share)", ylabel="Profit (money per customer)")
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


def _named(threshold: float | None) -> str:
    return "each one's own threshold" if threshold is None else f"threshold {min(threshold, 1):.2f}"


def _earnings(curve: pd.DataFrame, policy: Policy) -> str:
    best, earned, everybody = curve["profit"].max(), policy.profit.estimate, policy.everybody.estimate
    if best <= 0:
        return "Contacting customers did not pay, however few"
    which = _named(policy.threshold)
    return (
        f"{which[0].upper()}{which[1:]} earned {earned:.2f} per customer, everybody {everybody:.2f}, "
        f"the best choice in hindsight {best:.2f}"
    )
