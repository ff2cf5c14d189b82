"""What the prediction log says of the service, and whether what was answered is found again to the last bit.

The log knows what was answered about a customer, refusals too. What was no such question (malformed, without a key, too
many at once) only /metrics counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churn.errors import ModelUnavailable, RegistryError

if TYPE_CHECKING:
    from churn.registry.versions import Loaded

ANSWERED = ["version", "requests", "predictions", "customers", "flagged", "begins", "ends"]
COUNTS = [*ANSWERED, "out_of_range", "compared", "differing"]
OUT_OF_RANGE = ["version", "feature", "predictions", "share"]
REFUSED = ["version", "refused", "answers", "customers"]
NEWEST = 20_000  # logged predictions of a version that are recomputed


@dataclass(frozen=True)
class Service:
    """`counts`, a row a version: COUNTS, where `out_of_range`, `compared` and `differing` are of the NEWEST logged.
    `out_of_range`: OUT_OF_RANGE, the most frequent first. `unread`: version -> why its answers are not recomputed.
    """

    counts: pd.DataFrame
    out_of_range: pd.DataFrame
    unread: dict[int, str]

    @property
    def differing(self) -> int:
        """How many logged predictions are not what their version makes of the logged features."""
        return int(self.counts.differing.sum())


def of_log(experiment: str) -> Service:
    """What is in the log of an experiment's API."""
    from churn.monitoring import prediction_log

    files = prediction_log.files(experiment)
    if not files:
        return Service(pd.DataFrame(columns=COUNTS), pd.DataFrame(columns=OUT_OF_RANGE), {})
    columns = ["request_id", "scored_at", "customer_id", "model_version", "churn_probability", "threshold"]
    rows = prediction_log.read(experiment, columns)
    versions = {int(version): of for version, of in rows.groupby("model_version")}
    again = {version: _recomputed(experiment, version, files) for version in versions}
    counts = pd.DataFrame([_counts(v, of) | again[v].counts for v, of in versions.items()], columns=COUNTS)
    outside = [
        {"version": v, "feature": name, "predictions": n, "share": n / found.counts["compared"]}
        for v, found in again.items()
        for name, n in found.features.items()
    ]
    outside = pd.DataFrame(outside, columns=OUT_OF_RANGE)
    outside = outside.sort_values(["predictions", "feature"], ascending=[False, True], ignore_index=True)
    return Service(counts, outside, {v: found.why for v, found in again.items() if found.why})


def refusals(experiment: str) -> pd.DataFrame:
    """Who was refused and why: REFUSED, a row a version and kind of problem, the most frequent first."""
    from churn.monitoring import prediction_log

    by = prediction_log.refusals(experiment).groupby(["model_version", "refused"])
    counts = by.customer_id.agg(answers="size", customers="nunique").reset_index()
    counts = counts.rename(columns={"model_version": "version"})[REFUSED]
    return counts.sort_values(["answers", *REFUSED[:2]], ascending=[False, True, True], ignore_index=True)


def _counts(version: int, of: pd.DataFrame) -> dict:
    told = of.threshold.notna()
    flagged = float((of.churn_probability >= of.threshold)[told].mean()) if told.any() else None
    counted = {"version": version, "requests": of.request_id.nunique(), "predictions": len(of)}
    when = {"begins": of.scored_at.min(), "ends": of.scored_at.max()}
    return counted | {"customers": of.customer_id.nunique(), "flagged": flagged} | when


@dataclass(frozen=True)
class _Again:
    """Answers of a version made again: out_of_range, compared and differing, how many are out of range by feature, and
    why none were made."""

    counts: dict
    features: dict[str, int]
    why: str = ""


def _recomputed(experiment: str, version: int, files: list[Path]) -> _Again:
    from churn.registry import versions

    try:
        loaded = versions.load(versions.get(experiment, version))
    except (ModelUnavailable, RegistryError) as error:
        return _Again({"out_of_range": None, "compared": 0, "differing": 0}, {}, str(error))
    from churn.scoring import compiled

    rows = newest(files, version)
    features = rows.features.tolist()
    probability = compiled.scorer(loaded)[0](features, rows.level.to_numpy())
    outside = _outside(loaded, pd.DataFrame(features))
    differing = int((probability != rows.churn_probability.to_numpy()).sum())
    counts = {"out_of_range": int(outside.any(axis=1).sum()), "compared": len(rows), "differing": differing}
    return _Again(counts, {name: int(n) for name, n in outside.sum().items() if n})


def newest(files: list[Path], version: int) -> pd.DataFrame:
    """The NEWEST answers of a version with the features and the level that they were made from."""
    from churn import engine

    columns, parts, count = ["churn_probability", "level", "features", "scored_at"], [], 0
    for file in reversed(files):
        parts.append(engine.frame(file, columns=columns, filters=[("model_version", "==", version)]))
        count += len(parts[-1])
        if count >= NEWEST:
            break
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values("scored_at", kind="stable").tail(NEWEST).reset_index(drop=True)


def _outside(loaded: Loaded, features: pd.DataFrame) -> pd.DataFrame:
    """Whether each value lies outside what the version saw in training, as the API tells it; a null never does."""
    ranges = loaded.metadata["training_ranges"]
    return pd.DataFrame({name: _beyond(features[name], seen) for name, seen in ranges.items()})


def _beyond(values: pd.Series, seen: dict) -> np.ndarray:
    if "values" in seen:
        return (values.notna() & ~values.isin(seen["values"])).to_numpy()
    values = values.astype("float64")
    return (values.notna() & ~values.between(seen["low"], seen["high"])).to_numpy()
