"""A list of customers: where their probabilities lie, and what contacting so many of them is expected to earn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn.reports.plots.style import CHAMPION, GREY, PALE, SHARE, Plot, blank, plot, styled


@styled
def distribution(cells: pd.DataFrame, threshold: float | None, *, bins: int) -> Plot:
    """Customers by probability and whether they are flagged; columns bin (counts steps of 1 / `bins`), flagged,
    customers. `threshold` None: each customer has an own one, or none is known."""
    if cells.empty:
        return blank("Nobody is scored")
    counts = cells.pivot_table(index="bin", columns="flagged", values="customers", aggfunc="sum", fill_value=0)
    counts = counts.reindex(index=range(bins), columns=[False, True], fill_value=0)
    people, flagged = counts.to_numpy().sum(), counts[True].sum()
    whence = "from each one's own threshold" if threshold is None else f"from {min(threshold, 1):.2f}"
    figure = plot(f"{flagged:,} of {people:,} customers ({flagged / people:.0%}) are flagged, {whence} on")
    ax = figure.subplots()
    below = np.zeros(bins)
    for label, chosen, tint in (("not flagged", counts[False], GREY), ("flagged", counts[True], CHAMPION)):
        share, name = chosen.to_numpy() / people, f"{label} ({chosen.sum():,})"
        ax.bar(counts.index / bins, share, bottom=below, width=1 / bins, align="edge", color=tint, label=name)
        below = below + share
    if threshold is not None:
        ax.axvline(min(threshold, 1), color="black", linewidth=1.2, linestyle="--", label=f"threshold {threshold:.3f}")
    ax.set(xlabel="Probability of leaving", ylabel="Share of customers", xlim=(0, 1))
    ax.yaxis.set_major_formatter(SHARE)
    ax.legend(loc="best")
    return figure


@styled
def profit_by_number(curve: pd.DataFrame, *, flagged: int, budget: int | None) -> Plot:
    """Expected profit against the number of customers contacted, those with the most to gain first; columns contacted
    (customers), profit (money). How many are `flagged` and the budget are marked."""
    if curve.empty:
        return blank("What contacting earns is not known: the version has no economics on record")
    best = curve.loc[curve.profit.idxmax()]
    figure = plot(
        f"Contacting {best.contacted:,.0f} customers is expected to earn most, {best.profit:+,.0f}"
        if best.profit > 0
        else "No number of contacts is expected to pay"
    )
    ax = figure.subplots()
    ax.axhline(0, color=GREY, linewidth=1)
    ax.plot(curve.contacted, curve.profit, color=CHAMPION)
    marks = {"flagged": (flagged, ":")} | ({} if budget is None else {"budget": (budget, "--")})
    for name, (customers, dashes) in marks.items():
        earned = np.interp(customers, curve.contacted, curve.profit)
        label = f"{name}, {customers:,}: {earned:+,.0f}"
        ax.axvline(min(customers, curve.contacted.max()), color="black", linewidth=1.2, linestyle=dashes, label=label)
    ax.set(xlabel="Customers contacted, most to gain first", ylabel="Expected profit (money)")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.grid(True, color=PALE, alpha=0.5)
    ax.legend(loc="best")
    return figure
