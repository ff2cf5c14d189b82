"""What can be told before labels mature: how good the newest list is by its own probabilities, what has moved since
training, and what that does to the scores. It explains, and raises no alarm.

How far a feature has moved is the Jensen-Shannon distance between what it was in training and what it is now (Endres &
Schindelin 2003, IEEE Trans Inf Theory 49:1858): 0 for the same, 1 for nothing in common. Numbers are counted in tenths
of the training rows, nulls by themselves. What it does to the score is how the mean score changes when the feature is
put back: each customer gets the training value of the same rank, all else as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churn import state
from churn.monitoring import matured

if TYPE_CHECKING:
    from churn.registry.versions import Loaded, Version
    from churn.scoring.lists import ScoreList

DRIFT = ["feature", "moved", "on_score", "before", "now", "missing_before", "missing_now"]
SCORE = "the score itself"
DRAWS = 200  # of an estimate: as many tell an interval, and more take seconds
BINS, REMEMBERED, LOOKED_AT = 10, 20_000, 5_000  # customers kept of training, and looked at of this month


def estimated(
    lists: Sequence[ScoreList], came: Sequence[matured.Matured], *, horizon_days: int, seed: int, replicates: int
) -> dict:
    """What the newest list says of itself while its outcome is open: snapshot, version, known_on, auc and log_loss, as
    estimate.estimate has them; {} where none is open."""
    known = {(m.snapshot, m.version) for m in came if m.came_from == matured.LIST}
    newest = lists[-1] if lists else None
    if newest is None or (newest.snapshot, newest.version) in known:
        return {}
    from churn.monitoring import estimate

    p, document = newest.rows(["probability"]).probability.to_numpy(), newest.document
    known_on = str(date.fromisoformat(newest.snapshot) + timedelta(days=horizon_days))
    named = {"snapshot": newest.snapshot, "version": newest.version, "known_on": known_on}
    told = {"margin": (document.get("level") or {}).get("margin"), "slope": document.get("slope")}
    return named | estimate.estimate(p, seed=seed, replicates=min(replicates, DRAWS), **told)


def keep_reference(version: Version | None) -> Path | None:
    """Keep what a version learnt from for as long as it may be in production: the next training writes over it. Where
    it lies; None where that is gone already."""
    if version is None:
        return None
    kept = state.path(version.name, "monitoring", "learnt_from", f"{version.version}.parquet")
    if kept.exists():
        return kept
    from churn import engine

    rows = _training_set(version)
    if rows is None:
        return None
    rows = rows[rows.part == "train"].drop(columns=["customer_id", "snapshot", "churned", "part"])
    return engine.frame_to_parquet(rows.sample(min(REMEMBERED, len(rows)), random_state=0), kept)


def _training_set(version: Version) -> pd.DataFrame | None:
    """The training set that lies in the state folder, where it is the one that the version's run recorded."""
    from churn import engine, fingerprint
    from churn.registry import runs

    lies = state.path(version.name, "training", "training_set.parquet")
    if not lies.exists():
        return None
    recorded = {d["name"]: d.get("fingerprint") for d in runs.get(version.run_id)["datasets"]}
    rows = engine.frame(lies)
    return rows if fingerprint.of_frame(rows) == recorded.get("training_set") else None


def since_training(version: Version | None, manifest: dict, snapshot: str, *, seed: int) -> tuple[pd.DataFrame, str]:
    """Every feature that the version in production takes, and its score, by what they do to the score: DRIFT; and why
    there is nothing to compare, where there is not."""
    nothing = pd.DataFrame(columns=DRIFT)
    if version is None:
        return nothing, "nothing is in production yet"
    kept = keep_reference(version)
    if kept is None:
        return nothing, f"what version {version.version} learnt from is kept no more"
    if version.tags.get("feature_service") != manifest["service"]:
        return nothing, f"version {version.version} takes other features than those of this run"
    from churn import engine
    from churn.registry import versions

    loaded, before = versions.load_production(version.name), engine.frame(kept)
    return compare(loaded, before, population(manifest, snapshot, loaded.columns, seed=seed)), ""


def population(manifest: dict, snapshot: str, columns: list[str], *, seed: int) -> pd.DataFrame:
    """LOOKED_AT of those who count at a snapshot, drawn by `seed`: `customer_id` and features as a model takes them."""
    from churn import engine
    from churn.scoring import batch
    from churn.training import dataset, sampling

    everybody = batch.customers(engine.embedded(), manifest, snapshot, columns)
    chosen = sampling.first(everybody.filter(everybody[batch.WHOLE]), LOOKED_AT, seed=seed)
    return dataset.typed(chosen.drop(batch.WHOLE).order_by("customer_id").execute(), manifest)


def compare(loaded: Loaded, before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The features of a version, and its score at the same level, in two populations: DRIFT, most telling first."""
    from churn.scoring import compiled

    scores = compiled.of_table(loaded)

    def on_score(name: str) -> float:
        back = now.assign(**{name: put_back(before[name], now[name])})
        return today.mean() - scores(back).mean()

    then, today = scores(before), scores(now)
    rows = [_row(name, before[name], now[name], on_score(name)) for name in loaded.columns]
    table = pd.DataFrame(rows, columns=DRIFT)
    table = table.iloc[np.lexsort((table.feature, -table.moved, -table.on_score.abs()))]
    whole = _row(SCORE, pd.Series(then), pd.Series(today), today.mean() - then.mean())
    return pd.concat([pd.DataFrame([whole], columns=DRIFT), table], ignore_index=True)


def put_back(before: pd.Series, now: pd.Series) -> np.ndarray:
    """The values of training in the order of now's ranks, shape (n,): the distribution of then, nulls included; equal
    values of now share what falls to them by place."""
    wanted = _ordered(before)
    places = (np.arange(len(now)) + 0.5) / len(now) * len(before)
    values = np.empty(len(now), dtype=object if now.dtype == object else "float64")
    values[_order(now)] = wanted[places.astype(int)]
    return values


def distance(before: pd.Series, now: pd.Series) -> float:
    """The Jensen-Shannon distance, in [0, 1]."""
    from scipy.spatial.distance import jensenshannon

    shares = [_shares(_cells(values, before)) for values in (before, now)]
    both = pd.concat(shares, axis=1).fillna(0.0)
    found = float(jensenshannon(both.iloc[:, 0], both.iloc[:, 1], base=2))
    return found if found == found else 0.0  # of equal shares rounding may leave a root below zero


def _shares(cells: pd.Series) -> pd.Series:
    return cells.value_counts(normalize=True, sort=False)


def _cells(values: pd.Series, before: pd.Series) -> pd.Series:
    """The cell of each value: its category, its tenth of the training rows, or -1 for a null."""
    if not pd.api.types.is_numeric_dtype(values):
        return values.astype("object").where(values.notna(), "\0").astype(str).reset_index(drop=True)
    edges = np.unique(np.quantile(before.dropna(), np.linspace(0, 1, BINS + 1)[1:-1])) if before.notna().any() else []
    cells = np.searchsorted(edges, values, side="left")
    return pd.Series(np.where(values.isna(), -1, cells))


def _ordered(values: pd.Series) -> np.ndarray:
    return values.to_numpy()[_order(values)]


def _order(values: pd.Series) -> np.ndarray:
    """Places from the lowest to the highest, nulls first, the earlier row first among equals."""
    if pd.api.types.is_numeric_dtype(values):
        return np.argsort(np.where(values.isna(), -np.inf, values), kind="stable")
    return np.argsort(values.astype(str).to_numpy(), kind="stable")


def _row(name: str, before: pd.Series, now: pd.Series, on_score: float) -> dict:
    missing = float(before.isna().mean()), float(now.isna().mean())
    moved = distance(before, now)
    return dict(zip(DRIFT, (name, moved, float(on_score), _told(before), _told(now), *missing), strict=True))


def _told(values: pd.Series) -> str:
    """A mean, or the most frequent category with its share."""
    if pd.api.types.is_numeric_dtype(values):
        return f"{values.mean():.4g}" if values.notna().any() else ""
    shares = values.value_counts(normalize=True)
    return f"{shares.index[0]} {shares.iloc[0]:.0%}"
