"""Whether a candidate is worth having at all: the floor, the baselines, enough customers to tell, and the money."""

from __future__ import annotations

import math
from collections.abc import Mapping

from churn.registry.rules.result import Interval, RuleResult, at_least, figures, numbers, spelled


def floor(auc: Interval, limit: float) -> RuleResult:
    """The upper end of the AUC's interval reaches the floor."""
    why = "A model that ranks customers poorly wastes the money spent on contacting them."
    found = numbers(auc)
    value = found["high"]
    passed = at_least(value, limit)
    high, least = figures(value, limit)
    estimate = f"{found['estimate']:.3f}"
    text = f"auc {estimate}, at best {high}, {'reaches' if passed else 'is below'} the floor {least}"
    return RuleResult("min_auc", limit, value, f"{estimate}, at best {high}", passed, text, why)


def beats_baselines(differences: Mapping[str, Interval]) -> RuleResult:
    """The log loss is below that of every baseline, beyond doubt; worse beyond doubt refuses, all else is undecided."""
    why = "A model has to earn its upkeep: one feature alone, or no model at all, is cheaper to run and to explain."
    if not differences:
        text = "no baseline was scored to compare with"
        return RuleResult("log_loss", 0.0, None, "no baseline", False, text, why)
    ends = {name: numbers(interval) for name, interval in differences.items()}
    # one that could not be scored comes first, so that it fails the rule instead of hiding; then the one least beaten
    worse = [name for name, d in ends.items() if d["low"] > 0 or math.isnan(d["low"])]
    end = "low" if worse else "high"
    nearest = max(worse or ends, key=lambda name: (math.isnan(ends[name][end]), ends[name][end]))
    value, passed = ends[nearest]["high"], ends[nearest]["high"] < 0
    found = f"{spelled(ends[nearest], 4)} against {nearest}"
    verdict = "lower beyond doubt" if passed else "higher beyond doubt" if worse else "which may be chance"
    verdict = "could not be measured" if math.isnan(value) else verdict
    text = f"log loss {found}: {verdict}"
    return RuleResult("log_loss", 0.0, value, found, passed, text, why, undecided=not passed and not worse)


def enough(calibration: Mapping | None, limit: int) -> RuleResult:
    """The test holds enough leavers and stayers for the other rules to tell a good model from a bad one."""
    why = "Few leavers, or few stayers, cannot tell a good model from a bad one, whatever the other rules say."
    if not calibration:
        text = "the leavers of the test were not counted"
        return RuleResult("min_leavers", limit, None, "not counted", False, text, why)
    test = calibration["origins"][-1]
    left, stayed = test["left"], test["customers"] - test["left"]
    value = min(left, stayed)
    observed = f"{left:,} leavers, {stayed:,} stayers"
    text = f"{observed} in the test: {'enough' if value >= limit else 'too few'}, for {limit:,} of each are needed"
    return RuleResult("min_leavers", limit, float(value), observed, value >= limit, text, why, undecided=value < limit)


def earns(profit: Interval | None, limit: float) -> RuleResult:
    """The upper end of the profit's interval reaches the least."""
    why = "Acting on the model has to bring more than it costs, at the threshold that will be used."
    found = numbers(profit or {})
    value = found["high"]
    passed = at_least(value, limit)
    high, least = figures(value, limit, signed=True)
    observed = f"{found['estimate']:+.3f} per customer, at best {high}"
    text = f"profit {observed}, {'reaches' if passed else 'is below'} {least}"
    return RuleResult("min_profit", limit, value, observed, passed, text, why)
