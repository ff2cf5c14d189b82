"""The features: what matters, and how each goes with churn."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import EngFormatter

from churn.evaluation import metrics
from churn.reports.plots.style import (
    CANDIDATE,
    GREY,
    LEFT,
    NONE,
    SHARE,
    Plot,
    blank,
    name_features,
    plot,
    rows_height,
    short,
    styled,
)

PANELS = 6


@styled
def feature_importance(
    table: pd.DataFrame,
    top: int = 15,
    *,
    measure: str = "drop in AUC when shuffled",
    meanings: Mapping[str, str] = NONE,
) -> Plot:
    """The `top` features by size of importance; columns feature, importance and optionally std (the whiskers).

    `meanings` are what features are called for people, as in every figure of them."""
    table = table.sort_values("importance", key=abs, ascending=False)
    shown = table.head(top).iloc[::-1]
    figure = plot(_leader(table, meanings), height=rows_height(len(shown), lines=2 if meanings else 1))
    ax = figure.subplots()
    whiskers = {"xerr": shown["std"], "error_kw": {"ecolor": GREY, "elinewidth": 1.5}} if "std" in shown else {}
    ax.barh(range(len(shown)), shown["importance"], color=CANDIDATE, height=0.7, **whiskers)
    ax.axvline(0, color=GREY, linewidth=1)
    name_features(ax, list(shown["feature"]), meanings)
    rest = len(table) - len(shown)
    more = f" ({rest} more features not shown)" if rest else ""
    figure.supxlabel(f"Importance: {measure}{more}", fontsize=10)
    ax.grid(True, axis="x")
    return figure


@styled
def feature_against_churn(
    train: pd.DataFrame, y: np.ndarray, features: list[str], *, meanings: Mapping[str, str] = NONE
) -> Plot:
    """The churn rate in five bins of equal count of each of the first six `features`; the line is the overall rate."""
    shown = features[:PANELS]
    if not shown:
        return blank("There is no numeric feature to show")
    tables = {name: _binned(train[name], np.asarray(y)) for name in shown}
    spreads = {name: table["churn"].max() - table["churn"].min() for name, table in tables.items()}
    widest = max(spreads, key=spreads.get)
    extremes = tables[widest]["churn"]
    title = f"Churn ranges from {extremes.min():.0%} to {extremes.max():.0%} across {_quoted(widest, meanings)}"
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = plot(title, height=0.9 + (2.5 if meanings else 2.2) * rows)
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, shown, strict=False):
        _panel(ax, _headed(name, meanings), tables[name], np.mean(y))
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    figure.supxlabel("Median of each bin (bins hold about as many customers each)", fontsize=10)
    figure.supylabel("Churn rate of the bin", fontsize=10)
    return figure


def _leader(table: pd.DataFrame, meanings: Mapping[str, str]) -> str:
    sizes = table["importance"].abs().to_numpy()
    names = [_quoted(name, meanings) for name in table["feature"]]
    if not len(sizes) or sizes[0] == 0:
        return "No feature matters on its own"
    if len(sizes) == 1 or sizes[1] == 0:
        return f"Only {names[0]} matters"
    return f"{names[0]} matters most, {sizes[0] / sizes[1]:.1f}x as much as {names[1]}"


def _quoted(name: str, meanings: Mapping[str, str]) -> str:
    """A meaning of several words in quotation marks, so that the sentence around it can be read."""
    said = short(meanings.get(name, name), 46)
    return f"“{said}”" if name in meanings and " " in said else said


def _binned(values: pd.Series, y: np.ndarray) -> pd.DataFrame:
    """Churn rate and label of each bin, low to high, and of the rows without a value; columns label, churn."""
    known = values.notna().to_numpy()
    frame = pd.DataFrame({"value": values.to_numpy()[known].astype(float), "churn": y[known]})
    groups = frame.groupby(metrics.equal_count_bins(frame["value"].to_numpy(), 5))
    table = groups.agg(value=("value", "median"), churn=("churn", "mean"))
    bins = pd.DataFrame({"label": [_compact(value) for value in table["value"]], "churn": table["churn"].to_list()})
    unknown = [] if known.all() else [{"label": "none", "churn": y[~known].mean()}]
    return pd.DataFrame([*bins.to_dict("records"), *unknown])


def _compact(value: float) -> str:
    """Two or three digits, so that five labels fit side by side: 0.13, 42, 2.1k."""
    value += 0.0  # -0 reads 0
    return f"{value:.2g}" if abs(value) < 10 else EngFormatter(places=0 if abs(value) < 1000 else 1, sep="")(value)


def _headed(name: str, meanings: Mapping[str, str]) -> str:
    """A panel's title: the meaning on two lines at most, the name below; the name alone where nothing is known."""
    said = meanings.get(name, name)
    return short(name, 24) if said == name else f"{textwrap.fill(short(said, 54), 30)}\n{short(name, 30)}"


def _panel(ax, name: str, table: pd.DataFrame, overall: float) -> None:
    at = np.arange(len(table))
    ax.axhline(overall, color=GREY, linewidth=1, linestyle=":")
    ax.bar(at, table["churn"], color=[GREY if label == "none" else LEFT for label in table["label"]], width=0.75)
    ax.set_xticks(at, table["label"], fontsize=8)
    ax.set_title(name, fontsize=8 if "\n" in name else 9, loc="left")
    ax.yaxis.set_major_formatter(SHARE)
    ax.tick_params(axis="x", length=0)
