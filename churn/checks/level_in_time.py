"""Whether a level knows what nobody could know: with the labels that were open then turned round, it stays the same."""

from __future__ import annotations

from datetime import date, timedelta

from churn.checks.result import Check
from churn.training.levels import Level, Levels

NAME, RULE = "level known in time", "a level follows from labels that were known at its snapshot"


def checks(made: list[Level], of_model: Levels) -> list[Check]:
    """Each level of a model is found again from labels of which those that were open at its snapshot are others."""
    return [_check(level, of_model) for level in made]


def _check(level: Level, of_model: Levels) -> Check:
    name = f"{NAME}: {level.snapshot}"
    known_by = date.fromisoformat(level.snapshot) - timedelta(days=of_model.rule.horizon_days)
    opened = {s: customers for s, customers in of_model.customers.items() if date.fromisoformat(s) > known_by}
    if not opened:
        return Check(name, RULE, None, "no label was open then")
    again, rows = of_model.turned(opened).at(level.snapshot).log_odds, sum(opened.values())
    found = f"{level.log_odds:+.6f}, and {again:+.6f} with the {rows:,} labels that were open then turned round"
    return Check(name, RULE, level.log_odds == again, found)
