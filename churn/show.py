"""Tables as the reports show them: nothing cut off, dates without a time, numbers that can be read."""

from __future__ import annotations

from datetime import date

import pandas as pd
from pandas.io.formats.style import Styler

from churn.gate import Decision


def table(rows: pd.DataFrame, *, percent: tuple[str, ...] = (), digits: int = 3) -> Styler:
    """A table for people; a plain numbered index is left out."""
    shown = rows.map(lambda v: f"{v:%Y-%m-%d}" if isinstance(v, date) and not pd.isna(v) else v)
    styler = shown.style.format(precision=digits, na_rep="", thousands=",")
    styler = styler.format(lambda v: "" if pd.isna(v) else f"{v:.1%}", subset=list(percent)) if percent else styler
    return styler.hide(axis="index") if isinstance(rows.index, pd.RangeIndex) else styler


def gate(verdict: Decision) -> Styler:
    """The gate's table, with what failed in red."""
    rows = (
        verdict.table()
        .assign(passed=lambda t: t.passed.map({True: "pass", False: "FAIL"}))
        .rename(columns={"passed": "outcome"})
    )
    colours = {"pass": "color: #0b6e4f; font-weight: 600", "FAIL": "color: #b00020; font-weight: 700"}
    return table(rows).map(lambda value: colours.get(value, ""), subset=["outcome"])
