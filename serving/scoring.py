"""From customers to answers: one champion, read once, answers a whole request."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from serving import prometheus
from serving.champion import Champion
from serving.feature_lookup import FeatureLookup, Features
from serving.problems import Problem


@dataclass(frozen=True)
class Score:
    """A customer's churn probability, the features that it was computed from, and the level (log-odds) it stands at."""

    customer_id: str
    probability: float
    features: Features
    level: float
    threshold: float | None
    out_of_range: list[str]

    def document(self) -> dict:
        """The score as the API answers it."""
        return {
            "customer_id": self.customer_id,
            "churn_probability": self.probability,
            "features_as_of": utc(self.features.as_of),
            "level_as_of": f"{self.features.as_of:%Y-%m-%d}",
            "threshold": self.threshold,
            "flagged": None if self.threshold is None else self.probability >= self.threshold,
            "out_of_range": self.out_of_range,
        }


def score(champion: Champion, lookup: FeatureLookup, customer_ids: list[str]) -> list[Score | Problem]:
    """Per customer, in order, the score or why there is none. Raises Problem when the feature store does not answer."""
    looked_up = [_with_level(champion, features) for features in lookup.look_up(champion, customer_ids)]
    usable = [features for features in looked_up if isinstance(features, Features)]
    began = time.perf_counter()
    level = [champion.level(features.as_of) for features in usable]
    scored = champion.score([f.values for f in usable], np.array(level)).tolist() if usable else []
    prometheus.MODEL_SECONDS.observe(time.perf_counter() - began)
    answers = zip(scored, usable, level, strict=True)
    scores = [
        features if isinstance(features, Problem) else _score(champion, customer, *next(answers))
        for customer, features in zip(customer_ids, looked_up, strict=True)
    ]
    _count(champion, scores)
    return scores


def _score(champion: Champion, customer: str, probability: float, features: Features, level: float) -> Score:
    values = features.values
    return Score(customer, probability, features, level, champion.threshold_of(values), champion.out_of_range(values))


def _with_level(champion: Champion, features: Features | Problem) -> Features | Problem:
    """The features, or a problem where the champion has no level for their snapshot: nothing is scored at another's."""
    if isinstance(features, Problem) or champion.level(features.as_of) is not None:
        return features
    return Problem(
        "model-unavailable",
        f"version {champion.version.version} has no level for the snapshot {features.as_of:%Y-%m-%d} that is online; "
        "run the pipeline: its features stage finds the level out",
        retry_after=5,
    )


def utc(moment: datetime) -> str:
    """A moment in ISO 8601 with a Z."""
    return moment.isoformat().replace("+00:00", "Z")


def _count(champion: Champion, scores: list[Score | Problem]) -> None:
    probability = prometheus.PROBABILITY.labels(champion.version.version)
    for score in scores:
        if isinstance(score, Problem):
            prometheus.REFUSED.labels(score.kind).inc()
        else:
            probability.observe(score.probability)
            for name in score.out_of_range:
                prometheus.OUT_OF_RANGE.labels(name).inc()
