"""Whether probabilities mean what they say, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from churn.evaluation import metrics
from churn.evaluation.calibration import Level
from churn.reports.plots.style import (
    CANDIDATE,
    GREY,
    LEFT,
    PALE,
    SHARE,
    STAYED,
    Plot,
    colour,
    line,
    plot,
    short,
    styled,
)


@styled
def reliability(y: np.ndarray, predictions: dict[str, np.ndarray]) -> Plot:
    """Observed churn against predicted churn in ten bins of equal count, with 95% bars for the luck of small bins."""
    tables = {name: metrics.calibration(y, p) for name, p in predictions.items()}
    subject = next(iter(tables))
    figure = plot(_miss(subject, tables[subject]))
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0, label="exactly right")
    for index, (name, table) in enumerate(tables.items()):
        look = line(name, index) | {"linewidth": 1.2, "marker": "o", "markersize": 5}
        ax.plot(table["predicted"], table["observed"], label=short(name, 46), **look)
        if colour(name) != GREY:
            ax.vlines(table["predicted"], *_luck(table), color=colour(name), linewidth=1, alpha=0.6)
    ax.set(xlabel="Predicted churn (mean of the bin)", ylabel="Observed churn (share of the bin)")
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    ax.xaxis.set_major_formatter(SHARE)
    ax.yaxis.set_major_formatter(SHARE)
    ax.grid(True)
    ax.legend(loc="lower right")
    return figure


@styled
def level_by_origin(origins: Sequence[Level]) -> Plot:
    """Mean predicted and observed churn at each snapshot whose labels are known, with what chance leaves open (95%)."""
    places, widest = range(len(origins)), max(origins, key=lambda o: abs(o.predicted - o.observed))
    figure = plot(_off(origins, widest), height=3.6)
    ax = figure.subplots()
    low, high = ([o.predicted - getattr(o, end) for o in origins] for end in ("high", "low"))
    ax.vlines(places, low, high, color="black", linewidth=1, alpha=0.6)
    ax.plot(places, [o.observed for o in origins], "o", color="black", markersize=5, label="observed, 95%")
    ax.plot(places, [o.predicted for o in origins], "-o", color=CANDIDATE, markersize=5, label="predicted")
    shown = places[:: max(1, len(origins) // 6)]
    ax.set_xticks(shown, [origins[place].snapshot for place in shown])
    ax.set(xlabel="Snapshot, the test last", ylabel="Churn (mean; share of customers)", xlim=(-0.5, len(origins) - 0.5))
    ax.yaxis.set_major_formatter(SHARE)
    ax.margins(y=0.2)
    ax.grid(True, axis="y")
    ax.legend(loc="best")
    return figure


@styled
def score_distribution(y: np.ndarray, p: np.ndarray, flagged: np.ndarray, threshold: float | None) -> Plot:
    """Where the probabilities of those who left and those who stayed lie, and who is flagged; `threshold` None: each
    customer from an own one on."""
    of_left, of_stayed = np.mean(flagged[y == 1]), np.mean(flagged[y == 0])
    which = "Each one's own threshold" if threshold is None else f"Threshold {threshold:.2f}"
    finding = f"{which} flags {of_left:.0%} of those who left, {of_stayed:.0%} of those who stayed"
    figure = plot(finding if flagged.any() else "No customer reaches the threshold")
    ax = figure.subplots()
    for label, value, tint in (("stayed", 0, STAYED), ("left", 1, LEFT)):
        chosen = p[y == value]
        look = {"bins": np.linspace(0, 1, 41), "weights": np.full(len(chosen), 1 / len(chosen)), "color": tint}
        ax.hist(chosen, histtype="stepfilled", alpha=0.35, label=f"{label} ({len(chosen):,} customers)", **look)
        ax.hist(chosen, histtype="step", linewidth=1.5, **look)
    if threshold is not None:
        ax.axvline(min(threshold, 1), color="black", linewidth=1.2, linestyle="--", label=f"threshold {threshold:.2f}")
    ax.set(xlabel="Predicted probability of leaving", ylabel="Share of each group", xlim=(0, 1))
    ax.yaxis.set_major_formatter(SHARE)
    ax.legend(loc="best")
    return figure


def _off(origins: Sequence[Level], widest: Level) -> str:
    """The title's finding: of one snapshot its miss, of several the worst."""
    miss = 100 * (widest.predicted - widest.observed)
    way = f"{abs(miss):.1f} points too {'high' if miss > 0 else 'low'} at {widest.snapshot}"
    return f"The mean prediction is {way}" if len(origins) == 1 else f"The mean prediction is at worst {way}"


def _miss(subject: str, table: pd.DataFrame) -> str:
    """The title's finding: the calibration error in points, and its direction where most bins err the same way."""
    gaps = table["predicted"] - table["observed"]
    error = np.average(gaps.abs(), weights=table["customers"])
    bias = np.average(gaps, weights=table["customers"])
    direction = "" if abs(bias) < error / 2 else f", mostly too {'high' if bias > 0 else 'low'}"
    return f"The {subject} is off by {100 * error:.1f} points on average{direction}"


def _luck(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Wilson's 95% interval of each bin's churn rate, which stays within [0, 1] for the smallest bins too."""
    n, rate, z = table["customers"], table["observed"], 1.96
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return centre - half, centre + half
