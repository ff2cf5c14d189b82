"""From customers to answers: one champion, read once, answers a whole request."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from churn.features.reader import Rows
from serving import prometheus
from serving.champion import Champion
from serving.feature_lookup import FeatureLookup
from serving.problems import Problem


@dataclass(frozen=True)
class Scores:
    """What the customers of one request are answered: in order, a problem each or a score.

    `places`: those who have a score; of them, shape (m,), the churn probability, the snapshot of the features in
    microseconds since 1970, the level (log-odds) that was added, and the threshold, nan where none is known.
    `out_of_range`: by place. `numbers`, shape (features, m), and `texts` are what was scored. `reasons`: of each, with
    the log-odds, where they were asked for.
    """

    customer_ids: list[str]
    problems: dict[int, Problem]
    places: list[int]
    probability: np.ndarray
    as_of: np.ndarray
    level: np.ndarray
    threshold: np.ndarray
    out_of_range: dict[int, list[str]]
    numbers: np.ndarray
    texts: dict[str, list[str | None]]
    reasons: list[dict]

    def documents(self) -> list[dict | Problem]:
        """Each customer's answer, as the API gives it."""
        moments = {at: _moment(at) for at in set(self.as_of.tolist())}
        stamps = {at: (utc(moment), f"{moment:%Y-%m-%d}") for at, moment in moments.items()}
        known = ~np.isnan(self.threshold)
        threshold = [value if told else None for value, told in zip(self.threshold.tolist(), known, strict=True)]
        flagged = (self.probability >= self.threshold).tolist()
        answers: list[dict | Problem] = [self.problems.get(place) for place in range(len(self.customer_ids))]
        for n, (place, p, as_of) in enumerate(
            zip(self.places, self.probability.tolist(), self.as_of.tolist(), strict=True)
        ):
            answers[place] = {
                "customer_id": self.customer_ids[place],
                "churn_probability": p,
                "features_as_of": stamps[as_of][0],
                "level_as_of": stamps[as_of][1],
                "threshold": threshold[n],
                "flagged": None if threshold[n] is None else flagged[n],
                "out_of_range": self.out_of_range.get(place, []),
                **(self.reasons[n] if self.reasons else {}),
            }
        return answers


def score(champion: Champion, lookup: FeatureLookup, customer_ids: list[str], *, reasons: int = 0) -> Scores:
    """Score customers, with so many reasons each. Raises Problem when the feature store does not answer, or the
    version has no reasons to give."""
    if reasons and champion.explainer is None:
        raise _without_reasons(champion)
    found = lookup.look_up(champion, customer_ids)
    rows, moments = found.rows, {time: _moment(time) for time in set(found.rows.oldest.tolist()) if time}
    levels = {at: champion.level(moment) for at, moment in moments.items()}
    problems = _unsettled(champion, rows, moments, levels) | found.problems
    places = [place for place in range(len(customer_ids)) if place not in problems]
    began = time.perf_counter()
    numbers, texts, as_of = rows.numbers[:, places], _at(rows.texts, places), rows.oldest[places]
    level = np.array([levels[at] for at in as_of.tolist()], dtype=float)
    columns = dict(zip(champion.reader.features, numbers, strict=True)) | texts
    probability = champion.score.of_columns(columns, level) if places else np.empty(0)
    prometheus.MODEL_SECONDS.observe(time.perf_counter() - began)
    threshold = champion.thresholds(columns, len(places))
    outside = {place: names for place, names in champion.ranges.outside(rows).items() if place not in problems}
    told = champion.explainer.of_columns(columns, level, most=reasons) if reasons and places else []
    scores = Scores(customer_ids, problems, places, probability, as_of, level, threshold, outside, numbers, texts, told)
    _count(champion, scores)
    return scores


def _without_reasons(champion: Champion) -> Problem:
    version, way = champion.version.version, champion.scored_by
    said = f"version {version} is scored by {way}, which gives no reasons; ask without them"
    return Problem("invalid-request", f"reasons: {said}", errors=[{"field": "reasons", "message": said}])


def _at(texts: dict[str, list[str | None]], places: list[int]) -> dict[str, list[str | None]]:
    return {name: [values[place] for place in places] for name, values in texts.items()}


def _unsettled(champion: Champion, rows: Rows, moments: dict, levels: dict) -> dict[int, Problem]:
    """Who cannot be scored as the champion has no level for their snapshot: nothing is scored at another's."""
    return {
        place: Problem(
            "model-unavailable",
            f"version {champion.version.version} has no level for the snapshot {moments[at]:%Y-%m-%d} that is "
            "online; run the pipeline: its features stage finds the level out",
            retry_after=5,
        )
        for at, level in levels.items()
        if level is None
        for place in np.flatnonzero(rows.oldest == at).tolist()
    }


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def utc(moment: datetime) -> str:
    """A moment in ISO 8601 with a Z."""
    return moment.isoformat().replace("+00:00", "Z")


def _count(champion: Champion, scores: Scores) -> None:
    observed = prometheus.PROBABILITY.labels(champion.version.version)
    for probability in scores.probability.tolist():
        observed.observe(probability)
    for problem in scores.problems.values():
        prometheus.REFUSED.labels(problem.kind).inc()
    for names in scores.out_of_range.values():
        for name in names:
            prometheus.OUT_OF_RANGE.labels(name).inc()
