"""Whether a level knows what nobody could know: with the labels that were open then turned round, it stays the same."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from churn.checks.result import Check
from churn.sources.snapshots import instant
from churn.training import levels
from churn.training.levels import Level, Rule
from churn.training.sampling import RATE

NAME, RULE = "level known in time", "a level follows from labels that were known at its snapshot"


def checks(made: list[Level], model: Pipeline, known: pd.DataFrame, rule: Rule, *, features: list[str]) -> list[Check]:
    """Each level of a model is found again, by the same rule, from labels of which those that were open are others.

    `known`: features, snapshot and label of every customer whose label is known by now.
    """
    return [_check(level, model, known, rule, features) for level in made]


def _check(level: Level, model: Pipeline, known: pd.DataFrame, rule: Rule, features: list[str]) -> Check:
    name = f"{NAME}: {level.snapshot}"
    opened = known.snapshot + timedelta(days=rule.horizon_days) > instant(level.snapshot)
    if not opened.any():
        return Check(name, RULE, None, "no label was open then")
    turned = known.assign(churned=np.where(opened, ~known.churned.astype(bool), known.churned.astype(bool)))
    if RATE in known:
        turned[RATE] = np.where(opened, 1 - known[RATE], known[RATE])
    again = levels.of_model(model, turned, features, rule).at(level.snapshot).log_odds
    found = f"{level.log_odds:+.6f}, and {again:+.6f} with the {opened.sum():,} labels that were open then turned round"
    return Check(name, RULE, level.log_odds == again, found)
