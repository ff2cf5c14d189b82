"""Reasons for scores: the effects of a version's inputs, added up by what they tell of and put into words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from churn.registry.versions import Loaded
from churn.scoring.compiled import Columns, Compiled, Scorer
from churn.scoring.reasons import words
from churn.scoring.reasons.linear import Linear
from churn.scoring.reasons.subsets import Subsets
from churn.scoring.reasons.trees import Trees
from churn.training.buy_till_you_die.model import BuyTillYouDie


class Effects(Protocol):
    average: float

    def of(self, X: np.ndarray) -> np.ndarray:
        """What each input adds to the average log-odds, shape (k, n), of inputs of that shape."""


@dataclass(frozen=True)
class Explainer:
    """Why a version's scores are what they are. `topics`: topic -> features; `about`: feature -> what it means."""

    compiled: Compiled
    effects: Effects
    topics: dict[str, list[str]]
    about: dict[str, dict]

    def of_columns(self, columns: Columns, level: float | np.ndarray, *, most: int) -> list[dict]:
        """Of each customer `log_odds` and `reasons`, those that move the score most first: `said`, `log_odds` and the
        values of `features`. `log_odds`: the `average` customer's, what all `others` add, and the `score`, which is
        the average, the reasons and the others added up."""
        moves = self._moves(columns)
        average = np.broadcast_to(self.effects.average + level, moves.shape[1])
        order = np.argsort(-np.abs(moves), axis=0, kind="stable")[:most].T
        return [self._told(columns, at, moves[:, at], order[at], float(average[at])) for at in range(moves.shape[1])]

    @cached_property
    def _topic_of_input(self) -> list[int]:
        topic_of = {name: at for at, names in enumerate(self.topics.values()) for name in names}
        return [topic_of[name] for name in self.compiled.input_features]

    @cached_property
    def _features(self) -> list[list[str]]:
        return list(self.topics.values())

    def _moves(self, columns: Columns) -> np.ndarray:
        """What each topic adds to the average log-odds, shape (topics, n)."""
        of_inputs = self.effects.of(self.compiled.inputs(columns))
        moves = np.zeros((len(self.topics), of_inputs.shape[1]))
        np.add.at(moves, self._topic_of_input, of_inputs)
        return moves

    def _told(self, columns: Columns, at: int, moves: np.ndarray, chosen: np.ndarray, average: float) -> dict:
        reasons = []
        for topic in chosen.tolist():
            values, move = {name: _value(columns[name], at) for name in self._features[topic]}, float(moves[topic])
            said = words.said(values, self.about) + (words.STAYS if move < 0 else "")
            reasons.append({"said": said, "log_odds": move, "features": values})
        score = average + float(moves.sum())
        others = score - average - sum(reason["log_odds"] for reason in reasons)
        return {"log_odds": {"average": average, "others": others, "score": score}, "reasons": reasons}


def explainer(loaded: Loaded, score: Scorer) -> Explainer | None:
    """What explains the scores of a version; None for an estimator of which only scikit-learn knows how it scores."""
    if not isinstance(score, Compiled):
        return None
    about = loaded.metadata.get("about", {})
    means = score.means(loaded.metadata.get("average", {}))
    effects = _effects(loaded.pipeline.named_steps["classifier"], score, means)
    looked_at = list(dict.fromkeys(score.input_features))
    return effects and Explainer(score, effects, words.topics(about, looked_at), about)


def _effects(classifier: object, score: Compiled, means: np.ndarray) -> Effects | None:
    if type(classifier) is LogisticRegression:
        return Linear(classifier, means)
    if type(classifier) is HistGradientBoostingClassifier:
        return Trees(classifier)
    return Subsets(score.log_odds, means) if isinstance(classifier, BuyTillYouDie) else None


def _value(column: np.ndarray | pd.Categorical | list, at: int) -> words.Value:
    value = column[at]
    if isinstance(value, str) or value is None:
        return value
    return None if np.isnan(value) else float(value)
