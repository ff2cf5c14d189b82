"""Whether the probabilities mean what they say: level, slope and shape, of what evaluation/calibration.py measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from churn.registry.rules.result import RuleResult, at_least, figures, number

NOT_MEASURED = "the probabilities were not compared with what happened"


def level(calibration: Mapping | None, limit: float) -> RuleResult:
    """The mean prediction is that of what happened, but for chance, over the known origins."""
    why = "A level that is off makes every threshold wrong: too many are contacted, or too few."
    rule = "max_level_error"
    if not calibration:
        return RuleResult(rule, limit, None, "not measured", False, NOT_MEASURED, why)
    value, origins = number(calibration["level"]), calibration["origins"]
    passed = at_least(-value, -limit)
    miss, ceiling = figures(value, limit)
    where = f"over {len(origins)} known snapshots" if len(origins) > 1 else f"at {origins[0]['snapshot']}"
    verdict = f"{'within' if passed else 'beyond'} the allowed {ceiling}"
    text = f"predicted churn misses the observed by {miss} beyond chance {where}, {verdict}"
    last = origins[-1]
    observed = f"{miss} {where}; {last['predicted']:.1%} predicted, {last['observed']:.1%} observed in the test"
    return RuleResult(rule, limit, value, observed, passed, text, why)


def slope(calibration: Mapping | None, limit: Sequence[float]) -> RuleResult:
    """The slope lies in the range, give or take its standard error."""
    why = "Below 1 the probabilities are too extreme, above 1 too timid, and both misjudge whom to contact."
    limits = [float(end) for end in limit]
    if not calibration:
        return RuleResult("slope", limits, None, "not measured", False, NOT_MEASURED, why)
    found = {name: number(value) for name, value in calibration["slope"].items()}
    value, error = found["estimate"], found["error"]
    if math.isnan(value):
        text = "the slope cannot be told: all predictions are alike, or they part leavers from stayers without an error"
        return RuleResult("slope", limits, None, "cannot be told", False, text, why)
    passed = at_least(value + error, limits[0]) and at_least(-(value - error), -limits[1])
    observed = f"{value:.2f} ± {error:.2f}"
    verdict = "touches" if passed else "lies outside"
    text = f"the slope of the log-odds, {observed}, {verdict} {limits[0]:g} to {limits[1]:g}"
    return RuleResult("slope", limits, value, observed, passed, text, why)


def shape(calibration: Mapping | None, limit: float) -> RuleResult:
    """The calibration error that is left once the level is mended is small, or no larger than chance makes it."""
    why = "With the right mean and slope, some groups of customers can still be misjudged."
    rule = "max_shape_error"
    if not calibration:
        return RuleResult(rule, limit, None, "not measured", False, NOT_MEASURED, why)
    value, perfect = (number(calibration["shape"][name]) for name in ("value", "perfect"))
    allowed = max(limit, perfect)
    passed = at_least(-value, -allowed)
    error, ceiling = figures(value, allowed)
    of_chance = "" if allowed == limit else ", which chance alone makes of a perfect model"
    text = f"calibration error without the level {error} is {'within' if passed else 'above'} {ceiling}{of_chance}"
    return RuleResult(rule, limit, value, f"{error}, allowed {ceiling}", passed, text, why)
