"""Tables as the reports show them: nothing cut off, dates without a time, numbers that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markupsafe import Markup
from markupsafe import escape as escape_html
from pandas.io.formats.style import Styler

from churn.reports.small_figures import histogram

if TYPE_CHECKING:
    from churn.registry.gate import Decision


def table(
    rows: pd.DataFrame,
    *,
    percent: tuple[str, ...] = (),
    digits: int = 3,
    headings: bool = True,
    meanings: Mapping[str, str] | None = None,
) -> Styler:
    """A table for people; a plain numbered index is left out. Without `headings` the columns are called after data.
    What stands in a column `feature` is told by its meaning, where that is among `meanings`."""
    shown = rows.map(_shown).rename(index=_shown)
    # so that a long heading can wrap
    shown.columns = [str(name).replace("_", " ") if headings else _shown(str(name)) for name in shown.columns]
    styler = Styler(shown, cell_ids=False).format(precision=digits, na_rep="", thousands=",")
    shares = [name.replace("_", " ") for name in percent]
    styler = styler.format(lambda v: "" if pd.isna(v) else f"{v:.1%}", subset=shares) if shares else styler
    if meanings:
        told = {escape(name, quote=False): _meant(name, meanings) for name in rows.feature}
        styler = styler.format(told.get, subset=["feature"])
    return styler.hide(axis="index") if isinstance(rows.index, pd.RangeIndex) else styler


def _meant(name: str, meanings: Mapping[str, str]) -> Markup:
    """A feature's meaning, with its name in small letters; the name alone where nothing is known."""
    said = meanings.get(name, name)
    return escape_html(name) if said == name else Markup("{}<br><small><code>{}</code></small>").format(said, name)


def _shown(value: object) -> object:
    """A date without a time, and text as text, whatever it looks like in HTML."""
    if isinstance(value, str):
        return escape(value, quote=False)
    return f"{value:%Y-%m-%d}" if isinstance(value, date) and not pd.isna(value) else value


def features(profile: pd.DataFrame, meanings: Mapping[str, str]) -> Styler:
    """What each feature means and how its values are spread, the line being how they were in training; `profile` as
    manifest.profile has it."""
    change = profile["mean"] / profile.mean_before - 1
    shown = pd.DataFrame(
        {
            "feature": [_meant(name, meanings) for name in profile.feature],
            "unit": profile.unit.map(escape),
            "values": [histogram(*counts) for counts in zip(profile.counts, profile.counts_before, strict=True)],
            "mean": profile["mean"],
            "since training": [f"{share:+.0%}".replace("-", "−") if np.isfinite(share) else "" for share in change],
            "lowest": profile.low,
            "highest": profile.high,
            "missing": [f"{share:.1%}" if share else "" for share in profile.missing_share],
        }
    )
    return Styler(shown, cell_ids=False).format(precision=2, na_rep="", thousands=",").hide(axis="index")


def gate(verdict: Decision) -> Styler:
    """The gate's table, each outcome in its colour."""
    colours = {
        "pass": "var(--good, #0b6e4f)",
        "FAIL": "var(--bad, #b00020)",
        "undecided": "var(--bad, #b00020)",
        "advisory": "var(--warn, #7a4f00)",
    }
    styler = table(verdict.table())
    return styler.map(lambda value: f"color: {colours[value]}; font-weight: 700", subset=["outcome"])


def came_true(figures: pd.DataFrame) -> Styler:
    """What was promised and what came true, a row a list (or the log's answers of a snapshot), a number with its
    interval in a cell; `figures` as matured.figures has it."""
    rows = [
        {
            "snapshot": row.snapshot,
            "version": row.version,
            "from": f"{row.came_from}{', superseded' if row.superseded else ''}",
            "customers": row.customers,
            "AUC": _within(row.auc, row.auc_low, row.auc_high, ".3f"),
            "promised": _within(row.auc_promised, row.auc_promised_low, row.auc_promised_high, ".3f"),
            "log loss": _within(row.log_loss, row.log_loss_low, row.log_loss_high, ".3f"),
            "promised ": _within(row.log_loss_promised, None, None, ".3f"),
            "expected to leave": _within(row.predicted, row.expected_low, row.expected_high, ".1%"),
            "left": _within(row.observed, row.observed_low, row.observed_high, ".1%"),
            "AUC uncontacted": _within(row.auc_uncontacted, None, None, ".3f"),
            "left uncontacted": _within(row.observed_uncontacted, None, None, ".1%"),
        }
        for row in figures.rename(columns={"from": "came_from"}).itertuples()
    ]
    return table(pd.DataFrame(rows))


def _within(value: float | None, low: float | None, high: float | None, form: str) -> str:
    if pd.isna(value):
        return ""
    return f"{value:{form}}" + ("" if pd.isna(low) else f" ({low:{form}} to {high:{form}})")
