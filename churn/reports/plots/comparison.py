"""Models against each other: by segment, within intervals, and over earlier runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from churn.reports.plots.style import (
    CANDIDATE,
    GREY,
    PALE,
    Plot,
    blank,
    colour,
    name_rows,
    plot,
    rows_height,
    short,
    styled,
)

SEGMENTS_SHOWN = 25
BACKING = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # keeps a number readable on a line
NAMES = {"auc": "AUC", "average_precision": "average precision", "log_loss": "log loss", "brier": "Brier score"}


@styled
def auc_by_segment(table: pd.DataFrame) -> Plot:
    """The AUC of candidate and champion within each segment of `metrics.by_segment`, or within the worst."""
    models = [name for name in ("candidate", "champion") if f"{name}_auc" in table]
    scored = table.dropna(subset=[f"{name}_auc" for name in models])
    if scored.empty:
        return blank("No segment has enough customers of both classes to be scored")
    # beside a champion the worst segment is where the candidate falls furthest behind, as in the gate
    badness = scored["candidate_auc"] - (scored["champion_auc"] if len(models) > 1 else 0)
    shown = scored.loc[badness.nsmallest(SEGMENTS_SHOWN).index].sort_index(ascending=False)
    figure = plot(_weakest(scored), height=rows_height(len(shown)))
    ax = figure.subplots()
    rows = np.arange(len(shown))
    values = shown[[f"{name}_auc" for name in models]]
    ax.hlines(rows, values.min(axis=1), values.max(axis=1), color=PALE, linewidth=3, zorder=1)
    for name in reversed(models):
        ax.plot(shown[f"{name}_auc"], rows, "o", color=colour(name), markersize=8, label=name, zorder=2)
    name_rows(ax, [f"{_where(row)} ({row['customers']:,} customers)" for _, row in shown.iterrows()])
    hidden = len(table) - len(shown)
    ax.set_xlabel("AUC" + (f" ({hidden} more not shown)" if hidden else ""))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.grid(True, axis="x")
    ax.margins(x=0.08)
    if len(models) > 1:
        figure.legend(*_legend(ax, models), loc="outside lower center", ncols=2)
    return figure


@styled
def score_intervals(table: pd.DataFrame, metric: str = "auc") -> Plot:
    """The bootstrap intervals of one metric for each model and, beside them, for the difference."""
    rows = table[table["metric"] == metric].set_index("model")
    models, name = rows.drop(index="difference", errors="ignore"), NAMES.get(metric, metric)
    if models.empty:
        return blank("This version was never evaluated")
    paired = "difference" in rows.index
    figure = plot(_difference(rows, name) if paired else _interval(models, name), height=2.6)
    axes = figure.subplots(1, 2 if paired else 1, squeeze=False, width_ratios=[3, 2] if paired else None)[0]
    _forest(axes[0], models)
    axes[0].set_xlabel(f"{name} (test rows)")
    if paired:
        _forest(axes[1], rows.loc[["difference"]])
        axes[1].axvline(0, color=GREY, linewidth=1, linestyle="--")
        axes[1].set(xlabel=f"Difference in {name}", yticks=[])
        axes[1].set_title(" minus ".join(models.index), loc="left", fontsize=9)
    return figure


@styled
def auc_over_runs(runs: pd.DataFrame) -> Plot:
    """The metric of each run of the experiment on its train and test rows, oldest first: is it declining, or overfit?

    Columns: run, started, auc_train, auc_test, low, high (the test interval), version (missing where none).
    """
    if runs.empty or runs["auc_test"].isna().all():
        return blank("No run has a test AUC yet")
    runs = runs.sort_values("started", ignore_index=True)
    figure = plot(_trend(runs))
    ax = figure.subplots()
    at = np.arange(len(runs))
    ax.vlines(at, runs["low"].astype(float), runs["high"].astype(float), color=CANDIDATE, alpha=0.35, linewidth=5)
    train, test = runs["auc_train"].astype(float), runs["auc_test"].astype(float)
    ax.plot(at, train, "o--", color=GREY, markerfacecolor="white", linewidth=1.2, label="train")
    ax.plot(at, test, "o-", color=CANDIDATE, linewidth=1.5, label="test, with its interval")
    ax.set(xlabel="Run of the experiment (version, start in UTC), oldest first", ylabel="AUC")
    ax.set_xlim(-0.6, len(at) - 0.4)
    step = -(-len(runs) // 6)  # more than six labels would overlap
    ax.set_xticks(at[::-1][::step], [_run_label(runs.loc[row]) for row in at[::-1][::step]])
    ax.yaxis.set_major_locator(MaxNLocator(6))
    ax.grid(True, axis="y")
    ax.margins(y=0.2)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _forest(ax, rows: pd.DataFrame) -> None:
    at = np.arange(len(rows))[::-1]
    for y, (model, row) in zip(at, rows.iterrows(), strict=True):
        tint = "black" if model == "difference" else colour(model)
        sign = "+" if model == "difference" else ""
        ax.plot([row["low"], row["high"]], [y, y], color=tint, linewidth=3, solid_capstyle="butt")
        ax.plot(row["estimate"], y, "o", color=tint, markersize=9)
        text = f"{row['estimate']:{sign}.3f}  ({row['low']:{sign}.3f} to {row['high']:{sign}.3f})"
        above = {"xytext": (0, 10), "textcoords": "offset points", "ha": "center", "fontsize": 9}
        ax.annotate(text, (row["estimate"], y), bbox=BACKING, **above)
    ax.set_yticks(at, [short(model, 24) for model in rows.index])
    ax.set_ylim(-0.6, len(rows) - 0.25)
    ax.margins(x=0.35)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _weakest(scored: pd.DataFrame) -> str:
    if "champion_auc" not in scored:
        worst = scored.loc[scored["candidate_auc"].idxmin()]
        return f"The weakest segment is {_where(worst)}: AUC {worst['candidate_auc']:.3f}"
    gaps = scored["candidate_auc"] - scored["champion_auc"]
    if gaps.min() >= 0:
        return f"The candidate is at least as good as the champion in all {len(scored)} segments"
    where = _where(scored.loc[gaps.idxmin()])
    behind = f"The candidate is behind the champion in {(gaps < 0).sum()} of {len(scored)} segments"
    return f"{behind}, at most by {-gaps.min():.3f} ({where})"


def _difference(rows: pd.DataFrame, name: str) -> str:
    low, high, estimate = rows.loc["difference", ["low", "high", "estimate"]]
    first, second = rows.index.drop("difference")
    if low <= 0 <= high:
        return f"No clear difference in {name}: the interval of {first} minus {second} contains zero"
    side = "higher" if estimate > 0 else "lower"
    return f"The {first}'s {name} is clearly {side} than the {second}'s, by {abs(estimate):.3f}"


def _interval(models: pd.DataFrame, name: str) -> str:
    row = models.iloc[0]
    return f"The {models.index[0]}'s {name} lies between {row['low']:.3f} and {row['high']:.3f}"


def _trend(runs: pd.DataFrame) -> str:
    scored = runs.dropna(subset=["auc_test"])
    test, train = scored["auc_test"].astype(float), float(scored["auc_train"].iloc[-1])
    last, best = test.iloc[-1], test.max()
    gap = f"{abs(train - last):.3f} {'below' if last <= train else 'above'} training"
    if len(scored) == 1:
        return f"The first run: test AUC {last:.3f}, {gap}"
    standing = "the best so far" if last == best else f"{best - last:.3f} below the best so far"
    return f"Test AUC {last:.3f} in the latest of {len(scored)} runs: {standing}, {gap}"


def _run_label(run: pd.Series) -> str:
    version = "no version" if pd.isna(run["version"]) else f"v{run['version']:.0f}"
    return f"{version}\n{pd.Timestamp(run['started']):%d %b %H:%M}"


def _where(row: pd.Series) -> str:
    return f"{short(row['segment'], 18)} = {short(row['value'], 22)}"


def _legend(ax, models: list[str]) -> tuple[list, list]:
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    return [handles[name] for name in models], models
