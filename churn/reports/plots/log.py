"""A log before anything is made of it: what came when, by whom, what it is worth, who stays and who leaves."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import EngFormatter

from churn.log import customers as by_number
from churn.reports.plots.event_log import draw_volume
from churn.reports.plots.style import (
    GREY,
    LEFT,
    PALE,
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

COHORTS, AGES = 24, 24  # drawn at most
NEWEST = 0.6  # of black, from which a number on a cell is white


@styled
def over_time(volume: pd.DataFrame, people: pd.DataFrame, hollow: pd.DataFrame, every: str) -> Plot:
    """Events by period and kind with the hollow days marked; below, customers, and those of them who come first.

    The frames are those of churn.log.over_time; a period that the log has not all of is paler.
    """
    if volume.empty:
        return blank("The log holds no events")
    figure = plot(_busiest(volume, every), height=5.0)
    log, customers = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    draw_volume(log, volume.rename(columns={"period": "month"}), every=every)
    _mark_hollow(log, hollow)
    days = {"week": 6.0, "month": 27.0}[every]
    at = pd.to_datetime(people.period) + pd.Timedelta(days=days / 2)
    before = people.customers - people.new
    shade = np.where(people.whole, 1.0, 0.4)
    for values, bottom, tint, label in (
        (before, 0, GREY, "came before"),
        (people.new, before, SERIES[0], "first event"),
    ):
        bars = customers.bar(at, values, days, bottom=bottom, color=tint, label=label)
        for bar, alpha in zip(bars, shade, strict=True):
            bar.set_alpha(alpha)
    customers.set(ylabel=f"Customers (per {every})", xlabel="Time (UTC); paler: the log has not all of it")
    customers.yaxis.set_major_formatter(EngFormatter(sep=""))
    customers.grid(True, axis="y")
    customers.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    _dates(customers)
    return figure


def _mark_hollow(ax, hollow: pd.DataFrame) -> None:
    """A tick on the axis for each."""
    if hollow.empty:
        return
    zero = np.zeros(len(hollow))
    ax.plot(hollow.day, zero, "^", color="#D55E00", markersize=6, clip_on=False, label="hollow day", zorder=4)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=4, columnspacing=1.2, handlelength=1.2)


def _busiest(volume: pd.DataFrame, every: str) -> str:
    total = volume.groupby("period").events.sum()
    most = total.idxmax()
    return f"{total.sum():,} events; the {every} with most begins on {most}, with {total[most]:,}"


def _dates(ax) -> None:
    locator = AutoDateLocator(minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


@styled
def retention(table: pd.DataFrame, unit: str) -> Plot:
    """Share of a cohort with an event so many periods after sign-up, a row a cohort; `table` as cohorts.retention."""
    cells = table.pivot(index="cohort", columns="age", values="share").iloc[-COHORTS:, :AGES]
    if cells.empty or cells.shape[1] < 2:
        return blank(f"No {unit} after that of a sign-up is whole")
    sizes = table.drop_duplicates("cohort").set_index("cohort").customers[cells.index]
    figure = plot(_stays(table, unit), height=rows_height(len(cells)))
    ax = figure.subplots()
    later = cells.iloc[:, 1:]
    top = float(np.nanmax(later.to_numpy()))
    ax.imshow(cells.to_numpy(dtype="float64"), aspect="auto", cmap="Greens", vmin=0, vmax=top or 1.0)
    for (row, column), share in np.ndenumerate(cells.to_numpy(dtype="float64")):
        if np.isfinite(share):
            shade = "white" if share > NEWEST * top else "#333333"
            ax.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, color=shade)
    ax.set_yticks(range(len(cells)), [f"{_cohort(day, unit)} ({n:,})" for day, n in sizes.items()])
    ax.set_xticks(range(cells.shape[1]), [f"{age}" for age in cells.columns])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(
        xlabel=f"{unit.capitalize()}s after that of sign-up; cells: % with an event",
        ylabel=f"{unit.capitalize()} of sign-up",
    )
    return figure


def _cohort(day: date, unit: str) -> str:
    quarter = f"{day.year} Q{(day.month + 2) // 3}"
    return {"week": f"{day}", "month": f"{day:%Y-%m}", "quarter": quarter, "year": f"{day.year}"}[unit]


def _stays(table: pd.DataFrame, unit: str) -> str:
    following = table[table.age == 1]
    return f"{following.active.sum() / following.customers.sum():.0%} of those who sign up come in the next {unit}"


@styled
def customers(groups: pd.DataFrame) -> Plot:
    """Share of customers by their number of events, and of all events that they have; `groups` as customers.grouped."""
    if groups.empty:
        return blank("The log holds no customers")
    most = groups.loc[groups.share.idxmax()]
    figure = plot(f"{most.share:.0%} of the customers have {_of(most.group)}", height=rows_height(len(groups), lines=2))
    ax = figure.subplots()
    rows = np.arange(len(groups))[::-1]
    for name, tint, shift, label in (
        ("share", GREY, 0.19, "of customers"),
        ("share_of_events", SERIES[0], -0.19, "of events"),
    ):
        ax.barh(rows + shift, groups[name], height=0.36, color=tint, label=label)
        for row, share in zip(rows, groups[name], strict=True):
            ax.text(share + 0.005, row + shift, f"{share:.1%}", va="center", fontsize=8)
    name_rows(ax, [f"{group}" for group in reversed(groups.group.tolist())])
    ax.set(
        xlabel="Share", ylabel="Events of a customer", xlim=(0, 1.08 * groups[["share", "share_of_events"]].max().max())
    )
    ax.xaxis.set_major_formatter(SHARE)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _of(group: str) -> str:
    return {by_number.NO_EVENT: "no event", "1": "a single event"}.get(group, f"{group} events")


@styled
def values(table: pd.DataFrame) -> Plot:
    """What events are worth by kind: nine of ten, the middle half, and the median; `table` as customers.values."""
    shown = table.head(12).iloc[::-1].reset_index(drop=True)
    if shown.empty:
        return blank("The log holds no events")
    first = table.iloc[0]
    figure = plot(
        f"Half of the events {short(first.kind)} are worth {first['median']:,.4g} or less",
        height=rows_height(len(shown)),
    )
    ax = figure.subplots()
    ax.hlines(shown.index, shown.low, shown.high, color=PALE, linewidth=3, label="nine of ten")
    ax.hlines(shown.index, shown.quarter, shown.three_quarters, color=STAYED, linewidth=7, label="the middle half")
    ax.plot(shown["median"], shown.index, "o", color="black", label="median")
    low, high = shown[["low", "high"]].abs().replace(0, np.nan).min().min(), shown[["low", "high"]].abs().max().max()
    if np.isfinite(low) and high / low > 200:
        ax.set_xscale("symlog", linthresh=max(low, high / 1e5))
    ax.axvline(0, color="#555555", linewidth=1)
    name_rows(ax, [short(f"{row.kind} ({row.events:,})", 34) for row in shown.itertuples()])
    ax.set(xlabel="Value of an event")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


@styled
def base_rate(rates: pd.DataFrame) -> Plot:
    """Share that left at each date of the grid; below how many counted, and left. `rates` as rates.monthly."""
    known = rates[rates.closed.astype(bool) & (rates.population > 0)]
    if known.empty:
        return blank("At no date do the active window and the horizon lie within the log")
    figure = plot(_left(known), height=4.4)
    share, number = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    at = pd.to_datetime(known.snapshot)
    share.plot(at, known.rate, "o-", color=LEFT, markersize=4, label="left")
    share.set(ylabel="Share that left", ylim=(0, 1.1 * known.rate.max() or 1))
    share.yaxis.set_major_formatter(SHARE)
    number.plot(pd.to_datetime(rates.snapshot), rates.population, color="#333333", label="counted")
    number.plot(at, known.churned, color=LEFT, label="left")
    number.set(ylabel="Customers", xlabel="Date of the snapshot (UTC)", ylim=(0, None))
    number.yaxis.set_major_formatter(EngFormatter(sep=""))
    if open_ := [day for day in rates.snapshot[~rates.closed.astype(bool)]]:
        _not_known(share, number, open_)
    for ax in (share, number):
        ax.grid(True, axis="y")
    number.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    _dates(number)
    return figure


def _left(known: pd.DataFrame) -> str:
    mean, low, high = known.churned.sum() / known.population.sum(), known.rate.min(), known.rate.max()
    if len(known) == 1:
        return f"{mean:.1%} left at the one date that is known"
    return f"{mean:.1%} left on average, between {low:.1%} and {high:.1%} by date"


def _not_known(share, number, open_: list[date]) -> None:
    for ax in (share, number):
        ax.axvspan(pd.Timestamp(open_[0]), pd.Timestamp(open_[-1]), color="#EFEFEF", zorder=0)
    look = {"ha": "right", "va": "bottom", "fontsize": 8, "color": "#555555"}
    share.text(pd.Timestamp(open_[-1]), 0, "not known yet ", **look)
