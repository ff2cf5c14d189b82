"""Whether a candidate may replace the champion: a table of rules, each with its limit, what was seen, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pandas as pd

Scores = Mapping[str, float]
ROUNDING = 1e-12  # 0.70 - 0.75 is a hair below -0.05 in floating point; a limit that is met exactly is met


@dataclass(frozen=True)
class Check:
    """One rule applied: `value` is what was measured, None when there was nothing to measure or to compare with."""

    rule: str
    limit: float
    value: float | None
    observed: str
    passed: bool
    text: str
    why: str


@dataclass(frozen=True)
class Decision:
    """All rules applied to one candidate; it is promoted when every one of them holds."""

    promote: bool
    checks: list[Check]

    @property
    def failed(self) -> list[str]:
        """What went wrong, one sentence a failed rule, such as "auc 0.710 is below the floor 0.750"."""
        return [check.text for check in self.checks if not check.passed]

    def table(self) -> pd.DataFrame:
        """The rules for people: columns rule, limit, observed, passed, why."""
        columns = ["rule", "limit", "observed", "passed", "why"]
        return pd.DataFrame([asdict(check) for check in self.checks], columns=columns)

    def to_dict(self) -> dict:
        """The decision in plain JSON types; a value that was not a number becomes null."""
        return {"promote": self.promote, "failed": self.failed, "checks": [_jsonable(check) for check in self.checks]}


def decide(
    candidate: Scores,
    baselines: Mapping[str, Scores],
    champion: Scores | None,
    difference: Mapping[str, Scores] | None,
    segments: pd.DataFrame | None,
    *,
    rules: Mapping[str, float | None],
) -> Decision:
    """Apply every rule whose limit is not None; what could not be measured never passes.

    `candidate`, `champion` and each of `baselines` are `metrics.scores` on the same test rows; `difference` is the
    bootstrap of candidate minus champion, {"auc": {"estimate", "low", "high"}}; `segments` is `metrics.by_segment`.
    `rules`: min_auc, baseline_margin, champion_margin, max_calibration_error, segment_margin.
    """
    applied = {
        "min_auc": lambda limit: _floor(candidate, limit),
        "baseline_margin": lambda limit: _beats_baselines(candidate, baselines, limit),
        "champion_margin": lambda limit: _holds_against_champion(champion, difference, limit),
        "max_calibration_error": lambda limit: _calibrated(candidate, limit),
        "segment_margin": lambda limit: _no_segment_worse(champion, segments, limit),
    }
    checks = [check(rules[rule]) for rule, check in applied.items() if rules[rule] is not None]
    return Decision(promote=all(check.passed for check in checks), checks=checks)


def _floor(candidate: Scores, limit: float) -> Check:
    value = candidate["auc"]
    passed = _at_least(value, limit)
    observed, floor = _figures(value, limit)
    text = f"auc {observed} {'reaches' if passed else 'is below'} the floor {floor}"
    why = "A model that ranks customers poorly wastes the money spent on contacting them."
    return Check("min_auc", limit, value, observed, passed, text, why)


def _beats_baselines(candidate: Scores, baselines: Mapping[str, Scores], limit: float) -> Check:
    why = "A model has to earn its upkeep: one feature alone, or no model at all, is cheaper to run and to explain."
    if not baselines:
        text = "no baseline was scored to compare with"
        return Check("baseline_margin", limit, None, "no baseline", False, text, why)
    # one that could not be scored sorts first, so that it fails the rule instead of hiding
    best = max(baselines, key=lambda name: (math.isnan(baselines[name]["auc"]), baselines[name]["auc"]))
    value = candidate["auc"] - baselines[best]["auc"]
    passed = _at_least(value, limit)
    gain, margin = _figures(value, limit, signed=True)
    verdict = "at least" if passed else "less than"
    text = f"auc is {gain} against the best baseline ({best}), {verdict} the margin {margin}"
    return Check("baseline_margin", limit, value, f"{gain} against {best}", passed, text, why)


def _holds_against_champion(champion: Scores | None, difference: Mapping[str, Scores] | None, limit: float) -> Check:
    why = "A change must not make things worse; the lower end of the interval allows for the luck of the test sample."
    rule = "champion_margin"
    if champion is None:
        return Check(rule, limit, None, "no champion", True, "there is no champion to be worse than", why)
    if difference is None:
        text = "the champion could not be scored on the same rows, so nothing shows that the candidate is no worse"
        return Check(rule, limit, None, "champion not scored", False, text, why)
    value = difference["auc"]["low"]
    passed = _at_least(value, -limit)
    low, allowed = _figures(value, -limit, signed=True)
    text = f"auc against the champion is at worst {low}, {'within' if passed else 'beyond'} the allowed {allowed}"
    estimate = f"{difference['auc']['estimate']:+.3f}"
    return Check(rule, limit, value, f"{estimate}, at worst {low}", passed, text, why)


def _calibrated(candidate: Scores, limit: float) -> Check:
    value = candidate["calibration_error"]
    passed = _at_least(-value, -limit)
    observed, ceiling = _figures(value, limit)
    text = f"calibration error {observed} is {'within' if passed else 'above'} the ceiling {ceiling}"
    why = "Costs and thresholds are computed from the probabilities, so these have to mean what they say."
    return Check("max_calibration_error", limit, value, observed, passed, text, why)


def _no_segment_worse(champion: Scores | None, segments: pd.DataFrame | None, limit: float) -> Check:
    why = "A better average can hide a group of customers who are now served worse."
    rule = "segment_margin"
    if champion is None:
        return Check(rule, limit, None, "no champion", True, "no segment can be worse without a champion", why)
    if segments is None or segments.empty:
        return Check(rule, limit, None, "no segments", True, "the data has no segments to compare", why)
    if "champion_auc" not in segments:
        text = "the champion could not be scored by segment, so nothing shows that no segment is worse"
        return Check(rule, limit, None, "champion not scored", False, text, why)
    scored = segments.dropna(subset=["candidate_auc", "champion_auc"], how="all")
    if scored.empty:
        text = "no segment has enough customers of both classes to be compared"
        return Check(rule, limit, None, "segments too small", True, text, why)
    gaps = (scored["candidate_auc"] - scored["champion_auc"]).sort_values(na_position="first")
    worst, value = scored.loc[gaps.index[0]], float(gaps.iloc[0])
    passed = _at_least(value, -limit)
    gap, allowed = _figures(value, -limit, signed=True)
    where = f"{worst['segment']} = {worst['value']}"
    text = f"auc against the champion in {where} is {gap}, {'within' if passed else 'beyond'} the allowed {allowed}"
    return Check(rule, limit, value, f"{gap} in {where}", passed, text, why)


def _at_least(value: float, limit: float) -> bool:
    """False for NaN: what could not be measured never passes."""
    return bool(value >= limit - ROUNDING)


def _figures(value: float, limit: float, *, signed: bool = False) -> tuple[str, str]:
    """Both numbers with three decimals, or with as many more as it takes to tell them apart."""
    for decimals in range(3, 10):
        texts = tuple(f"{number:{'+' if signed else ''}.{decimals}f}" for number in (value, limit))
        if texts[0] != texts[1] or abs(value - limit) <= ROUNDING:
            break
    return texts


def _jsonable(check: Check) -> dict:
    unmeasured = check.value is None or math.isnan(check.value)
    return asdict(check) | {"value": None if unmeasured else float(check.value), "limit": float(check.limit)}
