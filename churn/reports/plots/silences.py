"""Silences of customers: how long they stay away, and who comes back; with the label's horizon in each figure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.ticker import NullLocator

from churn.log import silence
from churn.reports.plots.style import LEFT, SERIES, SHARE, Plot, blank, plot, styled

COLOURS = {silence.ALL: "#333333"} | dict(zip(silence.VISITS, SERIES, strict=False))
TICKS = (1, 2, 7, 14, 30, 60, 90, 180, 365, 730)  # days


@styled
def gaps(found: pd.DataFrame, label: Mapping) -> Plot:
    """Share of the gaps between two days with events of a customer that last at most so many days, by how often the
    customer had come. `found` as silence.silences gives it."""
    ended = found[found.returned]
    if ended.empty:
        return blank("Nobody has come on a second day")
    half = silence.usual(found, 0.5)
    figure = plot(f"Half of the gaps between two days with events last at most {half:.0f} days", height=3.4)
    ax = figure.subplots()
    for name in (*silence.VISITS, silence.ALL):
        days = (ended if name == silence.ALL else ended[ended.visits == name]).groupby("days").silences.sum()
        if len(days):
            _line(ax, name, days.index, days.cumsum() / days.sum(), marker="")
    _horizon(ax, label)
    _days(ax, longest=int(ended.days.max()))
    ax.set(xlabel="Days until the next day with events (log scale)", ylabel="Share of gaps", ylim=(0, 1.02))
    _legend(ax)
    return figure


@styled
def returning(curve: pd.DataFrame, label: Mapping) -> Plot:
    """Share that comes back within a year, by days of silence, of all and by how often they had come; the horizon and
    the active window are marked. `curve` as silence.curve gives it."""
    if curve.empty:
        return blank("The log is too short to tell who comes back")
    figure = plot(_coming_back(curve), height=3.6)
    ax = figure.subplots()
    for name in (*silence.VISITS, silence.ALL):
        rows = curve[(curve.group == name) & curve.share.notna()]
        if len(rows):
            _line(ax, name, rows.days, rows.share, marker="o")
    _horizon(ax, label)
    _days(ax, longest=int(curve.days.max()))
    ax.set(xlabel="Days of silence (log scale)", ylabel="Share that comes back\nwithin a year", ylim=(0, 1.02))
    _legend(ax)
    return figure


def _coming_back(curve: pd.DataFrame) -> str:
    rows = curve[(curve.group == silence.ALL) & curve.share.notna()]
    if rows.empty:
        return "Nobody has been silent for long enough"
    first, last = rows.iloc[0], rows.iloc[-1]
    return (
        f"{first.share:.0%} come back after {first.days} {'day' if first.days == 1 else 'days'} of silence, "
        f"{last.share:.0%} after {last.days}"
    )


def _line(ax, name: str, x: pd.Series, y: pd.Series, *, marker: str) -> None:
    width = 2.4 if name == silence.ALL else 1.5
    said = name if name in (silence.ALL, "1 event") else f"{name} events"
    ax.plot(
        x, y, color=COLOURS[name], linewidth=width, marker=marker, markersize=3.5, label=said.replace("event", "day")
    )


def _horizon(ax, label: Mapping) -> None:
    marks = {"horizon_days": ("horizon", "--"), "active_within_days": ("active window", ":")}
    for name, (said, style) in marks.items():
        if name in label:
            ax.axvline(label[name], color=LEFT, linestyle=style, label=f"{said}, {label[name]} days", zorder=1)


def _days(ax, *, longest: int) -> None:
    shown = [days for days in TICKS if days <= max(longest, 2)]
    ax.set_xscale("log")
    ax.set_xticks(shown, [f"{days}" for days in shown])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(SHARE)
    ax.grid(True)


def _legend(ax) -> None:
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="Days with events so far", alignment="left")
