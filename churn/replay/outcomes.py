"""What came true of a list: each customer with what was foretold, whether they left, and what a contact brought."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from churn import engine
from churn.evaluation import metrics
from churn.monitoring import matured
from churn.pipeline import stage_parameters
from churn.replay import record
from churn.replay.record import Life
from churn.scoring import lists
from churn.scoring.control import CONTACT
from churn.sources import contract
from churn.training import labels

LISTED = ["customer_id", "probability", "flagged", "expected_profit", "group"]


@dataclass
class Outcomes:
    """Who counted at a date of the whole log, and who left: of a policy's own label, once a label and date."""

    experiment: str
    over: str  # the first day of which the log knows nothing
    _known: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)

    def known_on(self, life: Life, serve: str) -> str:
        """The day on which it is known what became of a list."""
        horizon = life.settings.horizon_days
        return str(date.fromisoformat(serve) + timedelta(days=horizon))

    def at(self, life: Life, serve: str) -> pd.DataFrame | None:
        """customer_id and churned; None where the horizon has not closed by the end of the log."""
        if self.known_on(life, serve) > self.over:
            return None
        params = life.settings
        label = stage_parameters.label_of(params)
        key = (str(label), serve)
        if key not in self._known:
            source = contract.reopen(engine.embedded(), record.log(self.experiment))
            built = labels.build(source.events, source.customers, source.labels, snapshots=[serve], label=label)
            self._known[key] = built.select("customer_id", "churned").execute()
        return self._known[key]


def came_true(folder: str, outcomes: pd.DataFrame, economics: dict) -> pd.DataFrame:
    """The rows of a list in the order of customers: LISTED, churned (0 or 1), and profit: what its contact brought, 0
    of whom it does not contact. Those kept back are not contacted."""
    rows = engine.frame(Path(folder) / lists.ROWS, columns=LISTED).merge(outcomes, on="customer_id")
    rows = rows.sort_values("customer_id", ignore_index=True)
    rows["churned"] = rows.churned.astype("int64")
    gained = _saved(rows, economics) * rows.churned - economics["contact_cost"]
    return rows.assign(profit=np.where(rows.group == CONTACT, gained, 0.0))


def _saved(rows: pd.DataFrame, economics: dict) -> np.ndarray | float:
    """What a contacted leaver brings: success_rate x saved_value. Of a customer's own value it is what the list
    promised, without the cost, over the probability."""
    value = economics["saved_value"]
    if not isinstance(value, dict):
        return economics["success_rate"] * value
    return ((rows.expected_profit + economics["contact_cost"]) / rows.probability.clip(lower=1e-12)).to_numpy()


def losses(rows: pd.DataFrame) -> np.ndarray:
    """The log loss of each customer, shape (n,)."""
    return metrics.log_losses(rows.churned.to_numpy("int64"), rows.probability.to_numpy("float64"))


def auc(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Estimate, low, high; NaN of customers who all left or all stayed."""
    return matured.auc(rows.churned.to_numpy("int64"), rows.probability.to_numpy("float64"))
