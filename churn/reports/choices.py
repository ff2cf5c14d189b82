"""Contact so many customers: what it would have caught, cost and earned, by a slider or, without a script, a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from churn.evaluation import metrics, profit
from churn.evaluation.profit import Policy
from churn.reports.tables import table

SCRIPT = Path(__file__).parent / "templates" / "report" / "choice.js"
STEPS, ROWS, TOP = 100, 10, 3  # of the slider; of the table; features on the index page
COLUMNS = ["contacted", "leavers", "cost", "profit"]


def choices(y: np.ndarray, p: np.ndarray, X: pd.DataFrame, *, economics: Mapping) -> pd.DataFrame:
    """A row a number of customers contacted, those with the most to gain first: contacted and leavers (customers),
    cost and profit (money, with these outcomes). From nobody to everybody in at most 100 steps."""
    worth = profit.worths(economics, X)
    order = np.argsort(-profit.gain(p, economics, worth), kind="stable")
    contacted = np.unique(np.linspace(0, len(p), STEPS + 1).round().astype(int))
    leavers, earned = (np.append(0, np.cumsum(each[order])) for each in (y, profit.gain(y, economics, worth)))
    rows = {"contacted": contacted, "leavers": leavers[contacted], "cost": economics["contact_cost"] * contacted}
    return pd.DataFrame(rows | {"profit": earned[contacted]})


class Slider:
    """The choices to slide along, at first where the policy stands."""

    def __init__(self, rows: pd.DataFrame, policy: Policy) -> None:
        self.rows = rows
        share = (rows.contacted / max(rows.contacted.iloc[-1], 1) - policy.contacted).abs()
        self.first = int(share.to_numpy().argmin())

    def __repr__(self) -> str:
        best = self.rows.loc[self.rows.profit.idxmax()]
        return f"Of {len(self.rows)} choices contacting {best.contacted:,.0f} customers earns most: {best.profit:,.0f}"

    def _repr_html_(self) -> str:
        known = self.rows.round(2).to_numpy().tolist()
        data = json.dumps({"rows": known, "leavers": int(self.rows.leavers.iloc[-1])}).replace("<", "\\u003c")
        few = self.rows.iloc[np.unique(np.linspace(0, len(self.rows) - 1, ROWS + 1).round().astype(int))].reset_index(
            drop=True
        )
        shown = few.assign(cost=few.cost.round().astype(int), profit=few.profit.round().astype(int))
        figures = "".join(
            f'<div><dt>{name}</dt><dd data-of="{of}"></dd></div>'
            for of, name in zip(COLUMNS, ("contacted", "leavers caught", "cost", "profit"), strict=True)
        )
        return (
            '<div class="choice"><div class="slide" hidden>'
            '<label for="choice">Customers contacted, those with the most to gain first</label>'
            f'<input type="range" id="choice" min="0" max="{len(known) - 1}" value="{self.first}">'
            f"<dl>{figures}</dl></div><details open><summary>as a table</summary>{table(shown).to_html()}</details>"
            f'<script type="application/json" id="choices">{data}</script><script>{SCRIPT.read_text()}</script></div>'
        )


def pictures(y: np.ndarray, versions: Mapping, curve: pd.DataFrame, lost: pd.DataFrame, meanings: Mapping) -> dict:
    """What the index page of a run draws small: the bins of each version's calibration, the profit by the share
    contacted, and the features that matter most, each with its `meaning` and its `share` of the first's importance."""
    bins = {name: metrics.calibration(y, p)[["predicted", "observed"]] for name, p in versions.items()}
    most = lost[lost.importance > 0].nlargest(TOP, "importance")
    return {
        "calibration": {name: rows.round(4).to_numpy().tolist() for name, rows in bins.items()},
        "profit": curve.iloc[:: max(1, len(curve) // 40)][["contacted", "profit"]].round(4).to_numpy().tolist(),
        "features": [
            {"name": name, "meaning": meanings.get(name, name), "share": lost_by_it / most.importance.max()}
            for name, lost_by_it in zip(most.feature, most.importance, strict=True)
        ],
    }
