"""Candidate, champion and baselines, scored on the same rows."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churn.errors import FeatureStoreUnavailable
from churn.evaluation import baselines, metrics, resampling
from churn.features import store
from churn.training import dataset, estimators, levels

if TYPE_CHECKING:
    from churn.registry.versions import Loaded


@dataclass(frozen=True)
class Predictions:
    """Outcomes y, shape (n,), and probabilities by model name on the same rows, each of shape (n,).

    `versions` holds "candidate", and "champion" where it can score the rows; `trivial` the baselines.
    """

    y: np.ndarray
    versions: dict[str, np.ndarray]
    trivial: dict[str, np.ndarray]

    @property
    def of_all(self) -> dict[str, np.ndarray]:
        """The probabilities of every model."""
        return self.versions | self.trivial


def with_features_of(rows: pd.DataFrame, versions: Sequence[Loaded | None]) -> pd.DataFrame:
    """The rows with what each version takes beside, through its own feature service; left away where that is gone."""
    return functools.reduce(_with_features_of, versions, rows)


def _with_features_of(rows: pd.DataFrame, champion: Loaded | None) -> pd.DataFrame:
    if champion is None or can_score(champion, rows):
        return rows
    feast = store.open_store(champion.version.name)
    try:
        joined = store.join_service(feast, champion.metadata["feature_service"], rows[["customer_id", "snapshot"]])
    except FeatureStoreUnavailable:
        return rows  # the champion stays unscored, and the gate says what follows from that
    return dataset.with_columns(rows, joined, [name for name in champion.columns if name not in rows])


def can_score(loaded: Loaded | None, rows: pd.DataFrame) -> bool:
    """Whether there is such a version, and the rows hold every column that it takes."""
    return loaded is not None and loaded.can_score(rows)


def scorable(candidate: Loaded, champion: Loaded | None, rows: pd.DataFrame) -> dict[str, Loaded]:
    """The versions that can score the rows, by name: "candidate", and "champion" where it can."""
    return {"candidate": candidate} | ({"champion": champion} if can_score(champion, rows) else {})


def levels_of(versions: dict[str, Loaded], known: pd.DataFrame, rule: levels.Rule) -> dict[str, levels.Levels]:
    """The levels of each version, by the same rule and from the same labels."""
    return {name: levels.of_model(v.pipeline, known, v.columns, rule) for name, v in versions.items()}


def fit_baselines(rows: pd.DataFrame, candidate: Loaded) -> baselines.Baselines:
    """What the candidate has to beat, fitted to the training rows."""
    return baselines.fit(*dataset.matrix(rows, "train", candidate.columns))


def predict(
    rows: pd.DataFrame,
    part: str,
    candidate: Loaded,
    champion: Loaded | None,
    fitted: baselines.Baselines,
    *,
    level: dict[str, float] | None = None,
) -> Predictions:
    """The rows of one part scored by all models, each version at its `level` (log-odds; that of its training rows where
    none is given), and by the `fitted` baselines."""
    scored = {
        name: estimators.probability(v.pipeline, dataset.matrix(rows, part, v.columns)[0], (level or {}).get(name, 0.0))
        for name, v in scorable(candidate, champion, rows).items()
    }
    X, y = dataset.matrix(rows, part, candidate.columns)
    label = candidate.metadata.get("label", {})
    silent = label["horizon_days"] if label.get("rule") == "inactivity" else None
    trivial = fitted.probabilities(X, silent_days=silent)
    trivial.pop(getattr(candidate.pipeline[-1], "name", None), None)  # nothing has to beat itself
    return Predictions(y, scored, trivial)


def scores(predictions: dict[str, Predictions], *, top_fraction: float) -> pd.DataFrame:
    """Every score of every model on each part: columns model, part, then the metrics."""
    return pd.DataFrame(
        {"model": model, "part": part} | metrics.scores(on.y, p, top_fraction=top_fraction)
        for part, on in predictions.items()
        for model, p in on.of_all.items()
    )


def origins(
    of_candidate: levels.Levels, test_snapshot: str, test: Predictions
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outcomes and the candidate's probabilities at the last known snapshots, the test last: each at the level that the
    rule gave it by what was known then."""
    return of_candidate.origins(test_snapshot) | {test_snapshot: (test.y, test.versions["candidate"])}


def against_baselines(test: Predictions, *, replicates: int, seed: int) -> dict[str, dict]:
    """The candidate's log loss minus that of each baseline: estimate, low and high by name."""
    p = test.versions["candidate"]
    found = resampling.log_loss_differences(test.y, p, test.trivial, replicates=replicates, seed=seed)
    return {name: asdict(interval) for name, interval in found.items()}


def against_earlier(rows: pd.DataFrame, test: Predictions, earlier: Sequence[Loaded]) -> list[dict]:
    """The candidate's AUC minus that of versions that were in production before: version, estimate, low and high.

    None of a version that takes features which are gone. Only the ranking is compared: an earlier version's level was
    that of another snapshot.
    """
    unscored = dict.fromkeys(("estimate", "low", "high"))
    known = sum(can_score(v, rows) for v in earlier)  # the best of many looks better than it is
    return [{"version": v.version.version} | (_auc_against(rows, test, v, known) or unscored) for v in earlier]


def _auc_against(rows: pd.DataFrame, test: Predictions, earlier: Loaded, known: int) -> dict | None:
    if not can_score(earlier, rows):
        return None
    p = estimators.probability(earlier.pipeline, dataset.matrix(rows, "test", earlier.columns)[0])
    return asdict(resampling.auc_difference(test.y, test.versions["candidate"], p, of=known))


def scored_customers(rows: pd.DataFrame, test: Predictions) -> pd.DataFrame:
    """Every test customer with the label and the probability by each version."""
    customers = rows.loc[rows.part == "test", ["customer_id", "snapshot", "churned"]]
    return customers.reset_index(drop=True).assign(**test.versions)


def sample(scored: pd.DataFrame, *, seed: int, size: int = 1000) -> pd.DataFrame:
    """Some of the scored customers."""
    return scored.sample(min(size, len(scored)), random_state=seed).sort_values("customer_id")
