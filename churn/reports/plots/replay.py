"""A replay in one figure: who was champion when, and by policy what came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from churn.reports.plots.style import (
    CANDIDATE,
    CHAMPION,
    GREY,
    LEFT,
    PALE,
    SERIES,
    Plot,
    blank,
    name_rows,
    plot,
    short,
    styled,
)

COLOURS = [CANDIDATE, CHAMPION, *SERIES[1:]]
PROMOTED, REFUSED = "promoted", "refused"
MARKS = {  # of a decision: marker, whether filled, and what the legend calls it
    PROMOTED: ("^", True, "promoted"),
    REFUSED: ("x", True, "refused"),
    "needs approval": ("o", False, "waits for a person"),
    "stopped": ("s", True, "run stopped"),
}
BANDS = ("auc", "log_loss", "so_far")


@styled
def lives(told: Mapping) -> Plot:
    """Of each policy the version in production by date, with its decisions and alarms; below by date the realised AUC,
    log loss and the profit so far. `told` is replay.json."""
    months, policies = pd.DataFrame(told["months"]), [policy["policy"] for policy in told["policies"]]
    if months.empty:
        return blank("Nothing was lived")
    months["at"] = pd.to_datetime(months.as_of)
    figure = plot(_title(told), height=5.4 + 0.45 * len(policies))
    heights = [0.9 + 0.45 * len(policies), 1.5, 1.5, 1.7]
    lanes, *others = figure.subplots(4, 1, sharex=True, gridspec_kw={"height_ratios": heights})
    _lanes(lanes, months, policies)
    base = _base(policies)
    ahead = f"Earned more than\n{short(base, 16)} so far" if base else "Profit so far"
    months["so_far"] = _so_far(months, base)
    for ax, name, label in zip(others, BANDS, ("AUC", "Log loss", ahead), strict=True):
        _over_time(ax, months, policies, name)
        ax.set_ylabel(label)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.grid(True, axis="y")
    if months.judged.any():
        others[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    dates = months.drop_duplicates("as_of").sort_values("at")
    shown = np.unique(np.linspace(0, len(dates) - 1, min(len(dates), 9)).round().astype(int))
    others[-1].set_xticks(dates["at"].iloc[shown], dates.as_of.iloc[shown], rotation=30, ha="right")
    others[-1].set_xlabel("As of")
    return figure


def _title(told: Mapping) -> str:
    best = max((p for p in told["policies"] if p["profit"] is not None), key=lambda p: p["profit"], default=None)
    if best is None:
        return "No list of any policy has come true"
    most = " most:" if len(told["policies"]) > 1 else ""
    return f"{best['policy']} would have earned{most} {best['profit']:,.0f} by {best['judged']} lists that came true"


def _lanes(ax, months: pd.DataFrame, policies: Sequence[str]) -> None:
    """A lane a policy: a bar as long as a version is in production, pale where it made no list."""
    end = months["at"].max() + _step(months)
    for lane, policy in enumerate(reversed(policies)):
        of = months[months.policy == policy].sort_values("at")
        until = [*of["at"].iloc[1:], end]
        runs = (of.production != of.production.shift()).cumsum()
        for _, run in of.assign(until=until).groupby(runs):
            if version := int(run.production.iloc[0]):
                _bar(ax, lane, run, version)
        _decisions(ax, lane, of)
    name_rows(ax, [short(policy, 30) for policy in reversed(policies)])
    names = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    if names:
        ax.legend(names.values(), names.keys(), loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)


def _bar(ax, lane: int, run: pd.DataFrame, version: int) -> None:
    begins, ends = run["at"].iloc[0], run.until.iloc[-1]
    ax.hlines(lane, begins, ends, color=PALE if version % 2 else "#EFEFEF", linewidth=17, zorder=1)
    ax.text(begins, lane - 0.02, f" v{version}", va="center", ha="left", fontsize=8, color="#555555", zorder=3)
    unlisted = run[run.profit.isna() & ~run.listed]
    for row in unlisted.itertuples():
        ax.hlines(lane - 0.36, row.at, row.until, color=LEFT, linewidth=2.5, label="no list was made", zorder=2)


def _decisions(ax, lane: int, of: pd.DataFrame) -> None:
    decided = of.decision.where(~of.stopped, "stopped")
    for name, (marker, filled, label) in MARKS.items():
        at = of["at"][decided == name]
        face = {} if filled else {"markerfacecolor": "white"}
        if len(at):
            ax.plot(
                at,
                np.full(len(at), lane + 0.24),
                marker,
                color="black",
                markersize=5,
                linestyle="",
                label=label,
                **face,
            )
    if of.alarm.any():
        at = of["at"][of.alarm]
        ax.plot(
            at, np.full(len(at), lane + 0.24), "*", color=CHAMPION, markersize=8, linestyle="", label="alarm stands"
        )


def _step(months: pd.DataFrame) -> pd.Timedelta:
    days = months["at"].drop_duplicates().sort_values().diff().median()
    return pd.Timedelta(days=30) if pd.isna(days) else days


def _base(policies: Sequence[str]) -> str:
    """The policy that profits are told against: `never` where it was lived, else the first; "" where there is one."""
    return "never" if "never" in policies and len(policies) > 1 else policies[0] if len(policies) > 1 else ""


def _so_far(months: pd.DataFrame, base: str) -> pd.Series:
    """What each policy has earned by each date, beyond what another has: by that one's date."""
    so_far = months.sort_values("at").assign(profit=lambda m: m.profit.astype("float64").fillna(0.0))
    so_far["profit"] = so_far.groupby("policy").profit.cumsum()
    of_base = so_far[so_far.policy == base].set_index("as_of").profit
    return (so_far.profit - so_far.as_of.map(of_base).fillna(0.0)).reindex(months.index)


def _over_time(ax, months: pd.DataFrame, policies: Sequence[str], name: str) -> None:
    for number, policy in enumerate(policies):
        of = months[(months.policy == policy) & months.judged].sort_values("at")
        if of.empty:
            continue
        values = of[name].astype("float64")
        look = {
            "color": COLOURS[number % len(COLOURS)],
            "linewidth": 1.6,
            "markersize": 3.5,
            "label": short(policy, 24),
        }
        ax.plot(of["at"], values, marker="o", linestyle=("-", "--", "-.", ":")[number % 4], **look)


@styled
def differences(told: Mapping) -> Plot:
    """What each policy earned more than another, with its 95% interval by resampling customers."""
    rows = told["differences"]
    if not rows:
        return blank("There is one policy, and nothing to compare it with")
    figure = plot(_most_certain(rows), height=1.6 + 0.38 * len(rows))
    ax = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        decided = row["low"] > 0 or row["high"] < 0
        colour = CANDIDATE if decided else GREY
        ax.hlines(place, row["low"], row["high"], color=colour, linewidth=2)
        ax.plot(row["profit"], place, "o", color=colour)
    ax.axvline(0, color="#555555", linewidth=1)
    name_rows(ax, [short(f"{row['policy']} minus {row['against']}", 46) for row in reversed(rows)])
    ax.set_xlabel("Profit of all dates together, and 95%")
    return figure


def _most_certain(rows: Sequence[Mapping]) -> str:
    decided = [row for row in rows if row["low"] > 0 or row["high"] < 0]
    if not decided:
        return "No policy earned more than another beyond chance"
    row = max(decided, key=lambda row: abs(row["profit"]))
    more, less = (row["policy"], row["against"]) if row["profit"] > 0 else (row["against"], row["policy"])
    return f"{more} earned {abs(row['profit']):,.0f} more than {less}, beyond chance"
