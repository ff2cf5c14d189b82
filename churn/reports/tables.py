"""Tables as the reports show them: nothing cut off, dates without a time, numbers that can be read."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
from pandas.io.formats.style import Styler

if TYPE_CHECKING:
    from churn.registry.gate import Decision


def table(rows: pd.DataFrame, *, percent: tuple[str, ...] = (), digits: int = 3) -> Styler:
    """A table for people; a plain numbered index is left out."""
    shown = rows.map(lambda v: f"{v:%Y-%m-%d}" if isinstance(v, date) and not pd.isna(v) else v)
    shown.columns = [str(name).replace("_", " ") for name in shown.columns]  # so that a long heading can wrap
    styler = Styler(shown, cell_ids=False).format(precision=digits, na_rep="", thousands=",")
    shares = [name.replace("_", " ") for name in percent]
    styler = styler.format(lambda v: "" if pd.isna(v) else f"{v:.1%}", subset=shares) if shares else styler
    return styler.hide(axis="index") if isinstance(rows.index, pd.RangeIndex) else styler


def gate(verdict: Decision) -> Styler:
    """The gate's table, each outcome in its colour."""
    colours = {"pass": "#0b6e4f", "FAIL": "#b00020", "undecided": "#b00020", "advisory": "#8a5a00"}
    styler = table(verdict.table())
    return styler.map(lambda value: f"color: {colours[value]}; font-weight: 700", subset=["outcome"])
