"""The data: what was logged when, what each snapshot may see, what is missing, and how many customers left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import EngFormatter

from churn.reports.plots.style import (
    GREY,
    LEFT,
    SERIES,
    SHARE,
    STAYED,
    Plot,
    blank,
    name_rows,
    plot,
    rows_height,
    short,
    styled,
)

# greys, because the colours of this figure belong to the kinds of events; what is still unknown is only outlined
BARS = {
    "train": {"color": "#9A9A9A"},
    "test": {"color": "#333333"},
    "serve": {"facecolor": "white", "edgecolor": "#333333", "hatch": "////"},
}


@styled
def events_over_time(
    events: pd.DataFrame, snapshots: Mapping[str, date | str | Sequence[date | str]], horizon_days: int
) -> Plot:
    """The time design: events per month and kind above; below, each snapshot and the days that its label looks at.

    `events` has columns month, kind, events; `snapshots` holds one date or several for train, test and serve;
    `horizon_days` is 0 where the source brings labels of its own.
    """
    if events.empty:
        return blank("The source holds no events")
    dates = {role: pd.to_datetime(np.atleast_1d(days)) for role, days in snapshots.items()}
    marks = [(role, day) for role, days in dates.items() for day in days]
    figure = plot(_embargo(dates, timedelta(days=horizon_days)), height=3.6 + 0.26 * len(marks))
    log, spans = figure.subplots(2, 1, sharex=True, height_ratios=[10, 2 + 1.1 * len(marks)])
    draw_volume(log, events)
    for row, (role, day) in enumerate(reversed(marks)):
        _span(spans, row, role, day, timedelta(days=horizon_days))
        log.axvline(day, color="#555555", linewidth=1, linestyle="--", zorder=1)
    spans.set_yticks(range(len(marks)), [f"{role} {day:%Y-%m-%d}" for role, day in reversed(marks)])
    log_start = pd.Timestamp(events["month"].min())
    spans.hlines(range(len(marks)), log_start, [day for _, day in reversed(marks)], color="#AAAAAA", linewidth=1.5)
    spans.set(ylim=(-0.7, len(marks) - 0.3))
    bars = f", bar: the {horizon_days} days of the label" if horizon_days else ""
    figure.supxlabel(f"Time (UTC); line: what the features see{bars}", fontsize=10)
    locator = AutoDateLocator(minticks=4, maxticks=9)
    spans.xaxis.set_major_locator(locator)
    spans.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    spans.tick_params(axis="y", length=0)
    spans.grid(True, axis="x")
    return figure


@styled
def class_balance(table: pd.DataFrame) -> Plot:
    """The share of customers who left in each part; columns part, snapshot, customers, churn_rate."""
    shown = table.iloc[::-1].reset_index(drop=True)
    figure = plot(_shift(table), height=rows_height(len(shown)))
    ax = figure.subplots()
    ax.barh(shown.index, 1, color=STAYED, alpha=0.25, height=0.65, label="stayed")
    ax.barh(shown.index, shown["churn_rate"], color=LEFT, height=0.65, label="left")
    for row in shown.itertuples():
        ax.text(1.01, row.Index, f"{row.churn_rate:.1%} of {row.customers:,}", va="center", fontsize=9)
    name_rows(ax, [f"{row.part} {pd.Timestamp(row.snapshot):%Y-%m-%d}" for row in shown.itertuples()])
    ax.set(xlabel="Customers who left and who stayed (share)", xlim=(0, 1))
    ax.xaxis.set_major_formatter(SHARE)
    figure.legend(*(part[::-1] for part in ax.get_legend_handles_labels()), loc="outside lower right", ncols=2)
    return figure


@styled
def log_overview(events: pd.DataFrame) -> Plot:
    """Events per month and kind; columns month, kind, events."""
    if events.empty:
        return blank("The source holds no events")
    months, kinds, total = events["month"].nunique(), events["kind"].nunique(), events["events"].sum()
    figure = plot(
        f"{total:,} events of {kinds} {'kind' if kinds == 1 else 'kinds'} in {months} months, "
        f"{total / months:,.0f} a month on average",
        height=3.0,
    )
    ax = figure.subplots()
    draw_volume(ax, events)
    locator = AutoDateLocator(minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set(xlabel="Month (UTC)")
    return figure


def draw_volume(ax, events: pd.DataFrame, *, every: str = "month") -> None:
    """Events per month or week, one line a kind; the kinds beyond the palette are added up as "other"."""
    kinds = events.groupby("kind")["events"].sum().nlargest(len(SERIES)).index
    named = events.assign(kind=events["kind"].where(events["kind"].isin(kinds), "other"))
    monthly = named.pivot_table(index="month", columns="kind", values="events", aggfunc="sum").sort_index()
    for kind, tint in zip([*kinds, *monthly.columns.difference(kinds)], [*SERIES[: len(kinds)], GREY], strict=False):
        look = {"color": tint, "markersize": 4, "label": short(kind, 18), "zorder": 2}
        ax.plot(pd.to_datetime(monthly.index), monthly[kind], "o-", **look)
    ax.set(ylabel=f"Events (per {every})", ylim=(0, None))
    ax.yaxis.set_major_formatter(EngFormatter(sep=""))
    ax.grid(True, axis="y")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=3, columnspacing=1.2, handlelength=1.2)


def _span(ax, row: int, role: str, day: pd.Timestamp, horizon: timedelta) -> None:
    ax.barh(row, horizon, left=day, height=0.6, **BARS.get(role, BARS["train"]))
    ax.plot(day, row, "|", color="black", markersize=12, markeredgewidth=2)
    if role == "serve":
        ax.annotate("not known yet", (day + horizon, row), (6, 0), textcoords="offset points", va="center", fontsize=8)


def _embargo(dates: Mapping[str, pd.DatetimeIndex], horizon: timedelta) -> str:
    """What the title says about the distance between training labels and the test snapshot."""
    if "train" not in dates or "test" not in dates:
        return "Features look back from each snapshot, labels look ahead"
    closed, test = dates["train"].max() + horizon, dates["test"].min()
    if test in dates["train"]:
        return f"Training and test share {test:%Y-%m-%d}, so they must not share customers"
    if not horizon:
        return f"The test snapshot lies {_days(test - closed)} after the last training snapshot"
    if closed > test:
        return f"The last training label closes {_days(closed - test)} after the test snapshot, so it leaks"
    return f"The last training label closes {_days(test - closed)} before the test snapshot"


def _days(span: timedelta) -> str:
    return f"{span.days} day" + ("" if span.days == 1 else "s")


def _shift(table: pd.DataFrame) -> str:
    """The title's finding: the churn rate of train and of test, all their snapshots together."""
    left = (table["churn_rate"] * table["customers"]).groupby(table["part"]).sum()
    rates = left / table.groupby("part")["customers"].sum()
    if "train" not in rates or "test" not in rates:
        return f"{left.sum() / table['customers'].sum():.1%} of the customers left"
    points = 100 * (rates["test"] - rates["train"])
    change = f"{abs(points):.1f} points {'higher' if points > 0 else 'lower'}" if abs(points) >= 0.05 else "the same"
    return f"{rates['train']:.1%} left in training, {rates['test']:.1%} in the test: {change}"
