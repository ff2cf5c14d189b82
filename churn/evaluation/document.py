"""An evaluation on the record: what `evaluation.json` and MLflow hold of it, and how it is read again.

Free of scikit-learn, for a rollback has to be quick.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from churn.evaluation.calibration import Calibration
    from churn.evaluation.empc import Empc
    from churn.evaluation.profit import Policy
    from churn.registry.versions import Loaded

INTERVAL = ["model", "metric", "estimate", "low", "high"]


@dataclass(frozen=True)
class Evaluation:
    """A candidate on the `rows` of training and test, beside the champion and the baselines.

    `intervals` are those of the bootstrap; `against_baselines` and `earlier` as in comparison.py, `relation` as
    versions.relation says it; `parity` and `contract` as in parity.py. `in_production`: the candidate is the champion,
    and is not compared with itself. `empc`: None where it is not defined.
    """

    candidate: Loaded
    champion: Loaded | None
    rows: pd.DataFrame
    scores: pd.DataFrame
    intervals: pd.DataFrame
    segments: pd.DataFrame
    calibration: Calibration
    policy: Policy
    top_fraction: float
    parity: dict
    contract: dict
    against_baselines: dict = field(default_factory=dict)
    earlier: list = field(default_factory=list)
    relation: dict | None = None
    in_production: bool = False
    empc: Empc | None = None

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
            "in_production": self.in_production,
            "relation": self.relation,
            "calibration": self.calibration.document(),
            "against_baselines": plain(self.against_baselines),
            "earlier": plain(self.earlier),
            "threshold": self.policy.threshold,
            "profit_per_customer": self.policy.profit.estimate,
            "policy": self.policy.document(),
            "empc": self.empc and asdict(self.empc),
            "parity": self.parity,
            "contract": self.contract,
        } | {name: plain(table.astype(object).to_dict("records")) for name, table in tables.items()}

    def metrics(self) -> dict[str, float]:
        """The metrics as MLflow takes them: `test_auc`, `champion_test_auc`, `difference_test_auc_low`, ..."""
        versions = self.scores[self.scores.model.isin(["candidate", "champion"])]
        names = versions.columns.drop(["model", "part"])
        named = {f"{_prefix(s.model)}{s.part}_{m}": getattr(s, m) for s in versions.itertuples() for m in names}
        bounds = self._all_intervals().query("model != 'champion'")
        for i in bounds.itertuples():
            test = f"{_prefix(i.model)}test_{i.metric}"
            named |= {f"{test}_low": i.low, f"{test}_high": i.high}
        told = {"level_error": self.calibration.level, "slope": self.calibration.slope.estimate}
        told |= {"shape_error": self.calibration.shape.value, "profit_per_customer": self.policy.profit.estimate}
        told |= {"empc": self.empc.empc} if self.empc else {}
        named |= {f"test_{name}": value for name, value in told.items() if math.isfinite(value)}
        return named | ({} if self.policy.threshold is None else {"threshold": self.policy.threshold})

    def _all_intervals(self) -> pd.DataFrame:
        """The intervals and, as a last row, that of the candidate's profit per customer."""
        earned = asdict(self.policy.profit)
        profit = pd.DataFrame([["candidate", "profit_per_customer", *earned.values()]], columns=INTERVAL)
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


def plain(value: object) -> object:
    """Plain JSON values: a number that is none becomes null."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _prefix(model: str) -> str:
    return "" if model == "candidate" else f"{model}_"
