"""Candidate, champion and trivial baselines, scored on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churn.errors import FeatureStoreUnavailable
from churn.evaluation import metrics
from churn.features import store
from churn.training import dataset, estimators

if TYPE_CHECKING:
    from churn.registry.versions import Loaded

METRICS = [
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "calibration_error",
    "f1_top",
    "precision_top",
    "recall_top",
    "lift_top",
]


def with_features_of(rows: pd.DataFrame, champion: Loaded | None) -> pd.DataFrame:
    """The rows with what the champion takes beside, through its own feature service; as they are where that is gone."""
    if champion is None or can_score(champion, rows):
        return rows
    feast = store.open_store(champion.version.name)
    try:
        joined = store.join_service(feast, champion.metadata["feature_service"], rows[["customer_id", "snapshot"]])
    except FeatureStoreUnavailable:
        return rows  # the champion stays unscored, and the gate says what follows from that
    return dataset.beside(rows, joined, [name for name in champion.columns if name not in rows])


def can_score(loaded: Loaded | None, rows: pd.DataFrame) -> bool:
    """Whether there is such a version, and the rows hold every column that it takes."""
    return loaded is not None and loaded.can_score(rows)


def predictions(
    rows: pd.DataFrame, part: str, candidate: Loaded, champion: Loaded | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels y, shape (n,), and each model's probabilities on the same rows: "candidate", "champion" if it can."""
    versions = {"candidate": candidate} | ({"champion": champion} if can_score(champion, rows) else {})
    scored = {
        name: estimators.probability(v.pipeline, dataset.matrix(rows, part, v.columns)[0])
        for name, v in versions.items()
    }
    return dataset.matrix(rows, part, [])[1], scored


def baselines(rows: pd.DataFrame, part: str, features: list[str]) -> dict[str, np.ndarray]:
    """Probabilities of the trivial models, fitted on the training rows, for the rows of one part."""
    X, y = dataset.matrix(rows, "train", features)
    return metrics.baselines(X, y, dataset.matrix(rows, part, features)[0])


def scores(rows: pd.DataFrame, candidate: Loaded, champion: Loaded | None, *, top_fraction: float) -> pd.DataFrame:
    """Every score of every model on train and test: columns model, part, then the metrics."""
    table = []
    for part in ("train", "test"):
        y, scored = predictions(rows, part, candidate, champion)
        for name, p in (scored | baselines(rows, part, candidate.columns)).items():
            table.append({"model": name, "part": part} | metrics.scores(y, p, top_fraction=top_fraction))
    return pd.DataFrame(table)


def with_profit(intervals: pd.DataFrame, profit: float, bounds: tuple[float, float]) -> pd.DataFrame:
    """The intervals and, as a last row, that of the candidate's `profit_per_customer`."""
    low, high = bounds
    own = {"model": "candidate", "metric": "profit_per_customer", "estimate": profit, "low": low, "high": high}
    return pd.concat([intervals, pd.DataFrame([own])], ignore_index=True)


def document(
    *,
    candidate: Loaded,
    champion: Loaded | None,
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    intervals: pd.DataFrame,
    segments: pd.DataFrame,
    threshold: float,
    profit: float,
    top_fraction: float,
    parity: dict,
    contract: dict,
) -> dict:
    """All of it as `evaluation.json` holds it: plain JSON values, a score that is not a number as null."""
    plain = {"scores": scores, "intervals": intervals, "segments": segments}
    return {
        "experiment": candidate.version.name,
        "version": candidate.version.version,
        "champion": champion.version.version if champion else None,
        "champion_scored": can_score(champion, rows),
        "rows": {part: int(n) for part, n in rows.part.value_counts().items()},
        "test_auc": float(scores.set_index(["model", "part"]).auc["candidate", "test"]),
        "top_fraction": top_fraction,
        "threshold": threshold,
        "profit_per_customer": profit,
        "parity": parity,
        "contract": contract,
    } | {name: table.astype(object).where(table.notna(), None).to_dict("records") for name, table in plain.items()}


def flat(scores: pd.DataFrame, intervals: pd.DataFrame) -> dict[str, float]:
    """The metrics as MLflow takes them: `test_auc`, `champion_test_auc`, `difference_test_auc_low`, ..."""
    own = scores[scores.model.isin(["candidate", "champion"])]
    named = {f"{_prefix(s.model)}{s.part}_{m}": getattr(s, m) for s in own.itertuples() for m in METRICS}
    for i in intervals[intervals.model != "champion"].itertuples():
        named |= {f"{_prefix(i.model)}test_{i.metric}_low": i.low, f"{_prefix(i.model)}test_{i.metric}_high": i.high}
    return named


def _prefix(model: str) -> str:
    return "" if model == "candidate" else f"{model}_"


def scored(rows: pd.DataFrame, predictions: dict[str, np.ndarray]) -> pd.DataFrame:
    """Every test customer with the label and each model's probability."""
    test = rows.loc[rows.part == "test", ["customer_id", "snapshot", "churned"]]
    return test.reset_index(drop=True).assign(**predictions)


def sample(scored: pd.DataFrame, *, seed: int, size: int = 1000) -> pd.DataFrame:
    """Some of the scored customers."""
    return scored.sample(min(size, len(scored)), random_state=seed).sort_values("customer_id")
