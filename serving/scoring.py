"""From customers to answers: one champion, read once, answers a whole request."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from serving import metrics
from serving.champion import Champion
from serving.online import Features, Online
from serving.problems import Problem


@dataclass(frozen=True)
class Score:
    """A customer's churn probability, and the features that it was computed from."""

    customer_id: str
    probability: float
    features: Features
    threshold: float | None
    out_of_range: list[str]

    def document(self) -> dict:
        """The score as the API answers it."""
        return {
            "customer_id": self.customer_id,
            "churn_probability": self.probability,
            "features_as_of": utc(self.features.as_of),
            "threshold": self.threshold,
            "flagged": None if self.threshold is None else self.probability >= self.threshold,
            "out_of_range": self.out_of_range,
        }


def score(champion: Champion, online: Online, customer_ids: list[str]) -> list[Score | Problem]:
    """Per customer, in order, the score or why there is none. Raises Problem when the feature store does not answer."""
    found = online.look_up(champion, customer_ids)
    usable = [features.values for features in found if isinstance(features, Features)]
    began = time.perf_counter()
    probabilities = iter(champion.score(usable).tolist() if usable else [])
    metrics.MODEL_SECONDS.observe(time.perf_counter() - began)
    scores = [
        features
        if isinstance(features, Problem)
        else Score(customer, next(probabilities), features, champion.threshold, champion.out_of_range(features.values))
        for customer, features in zip(customer_ids, found, strict=True)
    ]
    _count(champion, scores)
    return scores


def utc(moment: datetime) -> str:
    """A moment in ISO 8601 with a Z."""
    return moment.isoformat().replace("+00:00", "Z")


def _count(champion: Champion, scores: list[Score | Problem]) -> None:
    probability = metrics.PROBABILITY.labels(champion.version.version)
    for one in scores:
        if isinstance(one, Problem):
            metrics.REFUSED.labels(one.kind).inc()
        else:
            probability.observe(one.probability)
            for name in one.out_of_range:
                metrics.OUT_OF_RANGE.labels(name).inc()
