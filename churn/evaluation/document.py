"""An evaluation on the record: what `evaluation.json` and MLflow hold of it, and how it is read again.

Free of scikit-learn, for a rollback has to be quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from churn.evaluation.profit import Policy
    from churn.registry.versions import Loaded

INTERVAL = ["model", "metric", "estimate", "low", "high"]


@dataclass(frozen=True)
class Evaluation:
    """A candidate on the `rows` of training and test, beside the champion and the trivial models.

    `intervals` are those of the bootstrap; `parity` and `contract` as in parity.py.
    """

    candidate: Loaded
    champion: Loaded | None
    rows: pd.DataFrame
    scores: pd.DataFrame
    intervals: pd.DataFrame
    segments: pd.DataFrame
    policy: Policy
    top_fraction: float
    parity: dict
    contract: dict

    def document(self) -> dict:
        """All of it as `evaluation.json` holds it: plain JSON values, a score that is not a number as null."""
        champion, version = self.champion, self.candidate.version
        tables = {"scores": self.scores, "intervals": self._all_intervals(), "segments": self.segments}
        return {
            "experiment": version.name,
            "version": version.version,
            "champion": champion.version.version if champion else None,
            "champion_scored": champion is not None and champion.can_score(self.rows),
            "rows": {part: int(n) for part, n in self.rows.part.value_counts().items()},
            "test_auc": float(self.scores.set_index(["model", "part"]).auc["candidate", "test"]),
            "top_fraction": self.top_fraction,
            "threshold": self.policy.threshold,
            "profit_per_customer": self.policy.profit,
            "parity": self.parity,
            "contract": self.contract,
        } | {name: table.astype(object).where(table.notna(), None).to_dict("records") for name, table in tables.items()}

    def metrics(self) -> dict[str, float]:
        """The metrics as MLflow takes them: `test_auc`, `champion_test_auc`, `difference_test_auc_low`, ..."""
        versions = self.scores[self.scores.model.isin(["candidate", "champion"])]
        names = versions.columns.drop(["model", "part"])
        named = {f"{_prefix(s.model)}{s.part}_{m}": getattr(s, m) for s in versions.itertuples() for m in names}
        bounds = self._all_intervals().query("model != 'champion'")
        for i in bounds.itertuples():
            test = f"{_prefix(i.model)}test_{i.metric}"
            named |= {f"{test}_low": i.low, f"{test}_high": i.high}
        return named | {"threshold": self.policy.threshold, "test_profit_per_customer": self.policy.profit}

    def _all_intervals(self) -> pd.DataFrame:
        """The intervals and, as a last row, that of the candidate's profit per customer."""
        policy = self.policy
        profit = pd.DataFrame(
            [["candidate", "profit_per_customer", policy.profit, policy.low, policy.high]], columns=INTERVAL
        )
        return pd.concat([self.intervals, profit], ignore_index=True)


def scores(document: dict) -> pd.DataFrame:
    """The scores on the test rows, a row a model."""
    if not document:
        return pd.DataFrame(columns=["model", "auc"]).set_index("model")
    table = pd.DataFrame(document["scores"])
    return table[table.part == "test"].drop(columns="part").set_index("model").astype("float64")


def intervals(document: dict) -> pd.DataFrame:
    """The intervals as a table."""
    return pd.DataFrame(document.get("intervals", []), columns=INTERVAL)


def _prefix(model: str) -> str:
    return "" if model == "candidate" else f"{model}_"
