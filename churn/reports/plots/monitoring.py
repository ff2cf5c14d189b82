"""What was promised and what came true over time, the evidence of the alarm, and what moved the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from churn.reports.plots.style import (
    CHAMPION,
    GREY,
    LEFT,
    NONE,
    PALE,
    SERIES,
    SHARE,
    STAYED,
    Plot,
    blank,
    name_features,
    name_rows,
    plot,
    rows_height,
    styled,
)

LABELS, FEATURES_SHOWN = 8, 12
DOWN, UP = SERIES[0], SERIES[3]  # of a score; the models' colours are the models'


@styled
def over_time(figures: pd.DataFrame, *, raised_on: str | None = None) -> Plot:
    """The AUC of each list with its interval against what was promised, and predicted against observed, by snapshot.

    `figures` as matured.figures gives it; a line marks each new version, and the day on which an alarm was raised.
    """
    lists = figures[(figures["from"] == "list") & ~figures.superseded.astype(bool)]
    if lists.empty:
        return blank("No list has come true yet")
    numbers = [name for name in lists if name.startswith(("auc", "observed", "expected", "predicted"))]
    lists, at = lists.astype(dict.fromkeys(numbers, "float64")), pd.to_datetime(lists.snapshot)
    figure = plot(_finding(lists.iloc[-1]), height=5.4)
    ranking, level = figure.subplots(2, 1, sharex=True)
    _ranking(ranking, at, lists)
    _level(level, at, lists)
    _logged(ranking, level, figures[figures["from"] == "log"])
    for ax in (ranking, level):
        _marks(ax, at, lists.version.tolist(), raised_on)
        ax.grid(True, axis="y")
        ax.margins(x=0.06, y=0.2)
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    level.set_ylim(bottom=max(0.0, level.get_ylim()[0]))
    shown = _shown(len(at))
    level.set_xticks(at.iloc[shown], lists.snapshot.iloc[shown], rotation=30, ha="right")
    return figure


def _ranking(ax, at: pd.Series, lists: pd.DataFrame) -> None:
    _foreseen(ax, at, lists.auc_promised_low, lists.auc_promised_high, "promised, 95%")
    ax.plot(at, lists.auc_promised, "_", color=GREY, markersize=9)
    _came_true(ax, at, lists.auc, lists.auc_low, lists.auc_high, "came true, 95%")
    _without_contacts(ax, at, lists.auc_uncontacted)
    ax.set(ylabel="AUC")
    ax.yaxis.set_major_locator(MaxNLocator(5))


def _level(ax, at: pd.Series, lists: pd.DataFrame) -> None:
    _foreseen(ax, at, lists.expected_low, lists.expected_high, "expected, its interval")
    ax.plot(at, lists.predicted, "_", color=GREY, markersize=9, label="predicted")
    _came_true(ax, at, lists.observed, lists.observed_low, lists.observed_high, "left, 95%")
    _without_contacts(ax, at, lists.observed_uncontacted)
    ax.set(xlabel="Snapshot of the list", ylabel="Share that leaves")
    ax.yaxis.set_major_formatter(SHARE)


def _without_contacts(ax, at: pd.Series, values: pd.Series) -> None:
    if values.notna().any():
        ax.plot(at, values, "x", color="black", markersize=5, label="had nobody been\ncontacted")


def _foreseen(ax, at: pd.Series, low: pd.Series, high: pd.Series, label: str) -> None:
    told = low.notna()
    if told.any():
        ax.vlines(at[told], low[told], high[told], color=PALE, linewidth=9, label=label)


def _came_true(ax, at: pd.Series, values: pd.Series, low: pd.Series, high: pd.Series, label: str) -> None:
    told = low.notna()
    ax.vlines(at[told], low[told], high[told], color=CHAMPION, linewidth=1.5)
    ax.plot(at, values, "o-", color=CHAMPION, linewidth=1.2, markersize=5, label=label)


def _logged(ranking, level, logged: pd.DataFrame) -> None:
    """Those whom the API was asked about, who are no sample of all."""
    if logged.empty:
        return
    at = pd.to_datetime(logged.snapshot)
    look = {"color": STAYED, "markerfacecolor": "white", "linestyle": "", "marker": "s", "label": "prediction log"}
    ranking.plot(at, logged.auc.astype("float64"), **look)
    level.plot(at, logged.observed.astype("float64"), **look)


def _marks(ax, at: pd.Series, versions: list[int], raised_on: str | None) -> None:
    top = ax.get_xaxis_transform()
    for number, (when, version) in enumerate(zip(at, versions, strict=True)):
        if number == 0 or version != versions[number - 1]:
            ax.axvline(when, color=PALE, linewidth=1, zorder=0)
            ax.text(when, 1.0, f"v{version}", transform=top, ha="center", va="bottom", fontsize=8, color="#555555")
    if raised_on:
        ax.axvline(pd.Timestamp(raised_on), color="black", linewidth=1.2, linestyle="--", label=f"alarm {raised_on}")


def _finding(newest: pd.Series) -> str:
    left = f"{newest.observed:.1%} left of the customers listed on {newest.snapshot}, {newest.predicted:.1%} predicted"
    if pd.isna(newest.auc):
        return left
    promised = "" if pd.isna(newest.auc_promised) else f", promised {newest.auc_promised:.3f}"
    return f"{left}; AUC {newest.auc:.3f}{promised}"


@styled
def evidence(path: Sequence[dict], limit: float) -> Plot:
    """The e-value after each month whose labels are known, and the limit at which an alarm is raised; `path` with
    known_on and e_value."""
    if not path:
        return blank("There is no evidence yet: no list has come true")
    at, values = np.arange(len(path)), np.array([month["e_value"] for month in path])
    over = values[-1] >= limit
    side = "over" if over else "under"
    figure = plot(f"The evidence that the model is broken is {values[-1]:,.2g}, {side} the limit {limit:g}", height=3.0)
    ax = figure.subplots()
    drawn = np.clip(values, 1e-3, 1e6)
    ax.plot(at, drawn, "o-", color=LEFT if over else CHAMPION, linewidth=1.5, markersize=5, label="evidence")
    ax.axhline(limit, color="black", linewidth=1.2, linestyle="--", label=f"limit {limit:g}")
    ax.set(xlabel="Day on which the labels of a list were known", ylabel="Evidence (e-value)", yscale="log")
    ax.set(xlim=(-0.5, len(at) - 0.5), ylim=(min(0.1, drawn.min()) / 1.5, max(limit, drawn.max()) * 2))
    shown = _shown(len(at))
    ax.set_xticks(shown, [path[place]["known_on"] for place in shown], rotation=30, ha="right")
    ax.grid(True, axis="y")
    ax.legend(loc="best")
    return figure


@styled
def moved(drift: pd.DataFrame, *, meanings: Mapping[str, str] = NONE) -> Plot:
    """What each feature's move since training does to the mean score, in points, the most first; `drift` as
    drift.since_training gives it, the score itself in its first row."""
    if drift.empty:
        return blank("There is no version in production whose features could have moved")
    score, shown = drift.iloc[0], drift.iloc[1:].head(FEATURES_SHOWN)[::-1]
    title = f"The mean score has moved by {100 * score.on_score:+.1f} points since training"
    figure = plot(title, height=rows_height(len(shown), lines=2 if meanings else 1))
    effect, size = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    rows, points = np.arange(len(shown)), 100 * shown.on_score.astype("float64")
    effect.barh(rows, points, color=[DOWN if value < 0 else UP for value in points], height=0.6)
    effect.axvline(0, color=GREY, linewidth=1)
    effect.set(xlabel="Effect on the mean score (points)")
    effect.margins(x=0.1)
    size.barh(rows, shown.moved.astype("float64"), color=GREY, height=0.6)
    size.set(xlabel="Moved (0 to 1)", xlim=(0, 1))
    name_features(effect, list(shown.feature), meanings)
    size.tick_params(axis="y", length=0)
    return figure


@styled
def contacting(effect: dict) -> Plot:
    """How many more stayed of the contacted than of those kept back, list by list and over all; `effect` as
    effect.document has it."""
    if not effect["by_list"]:
        return blank("No contact has been measured yet")
    pooled = effect["difference"]
    rows = [{"snapshot": "all lists", "difference": pooled["estimate"], "low": pooled["low"], "high": pooled["high"]}]
    rows += [row for row in effect["by_list"][::-1]][: 2 * FEATURES_SHOWN]
    sure, points = pooled["low"] > 0 or pooled["high"] < 0, 100 * pooled["estimate"]
    figure = plot(
        f"The contacted stayed {abs(points):.1f} points {'more' if points > 0 else 'less'} often than those kept back, "
        f"{'which is no chance' if sure else 'which may be chance'}",
        height=rows_height(len(rows)),
    )
    ax = figure.subplots()
    for place, row in enumerate(rows):
        tint = "black" if place == 0 else GREY
        ax.plot([100 * row["low"], 100 * row["high"]], [place, place], color=tint, linewidth=2.5, solid_capstyle="butt")
        ax.plot(100 * row["difference"], place, "o", color=tint)
    ax.axvline(0, color=GREY, linewidth=1, linestyle="--")
    ax.set(xlabel="Share that stayed: contacted minus kept back (points, 95%)")
    name_rows(ax, [row["snapshot"] for row in rows])
    return figure


def _shown(places: int) -> list[int]:
    """Which of so many places have a label: the last, and as many before it as fit."""
    return list(range(places - 1, -1, -places // LABELS))[::-1]
