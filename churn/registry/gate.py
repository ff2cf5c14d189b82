"""Whether a candidate may replace the champion: a table of rules, each with its limit, what was seen, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

Scores = Mapping[str, float]
ROUNDING = 1e-12  # 0.70 - 0.75 is a hair below -0.05 in floating point; a limit that is met exactly is met


@dataclass(frozen=True)
class RuleResult:
    """One rule applied: `value` is what was measured, None when there was nothing to measure or to compare with.

    A failed `advisory` rule is shown and refuses nothing; an `undecided` one could not be applied, so that a person
    has to decide.
    """

    rule: str
    limit: float | None
    value: float | None
    observed: str
    passed: bool
    text: str
    why: str
    advisory: bool = False
    undecided: bool = False

    @property
    def outcome(self) -> str:
        """pass, FAIL, advisory or undecided, as the report shows it."""
        if self.passed:
            return "pass"
        return "advisory" if self.advisory else "undecided" if self.undecided else "FAIL"


@dataclass(frozen=True)
class Decision:
    """All rules applied to one candidate; it is promoted when every one of them holds."""

    promote: bool
    checks: list[RuleResult]

    @property
    def failed(self) -> list[str]:
        """What went wrong, one sentence a failed rule, such as "auc 0.710 is below the floor 0.750"."""
        return [check.text for check in self.checks if check.outcome in ("FAIL", "undecided")]

    @property
    def undecided(self) -> bool:
        """Whether nothing failed, but something could not be compared: a person has to decide."""
        return {c.outcome for c in self.checks} & {"FAIL", "undecided"} == {"undecided"}

    def table(self) -> pd.DataFrame:
        """The rules for people: columns rule, limit, observed, outcome, why."""
        columns = ["rule", "limit", "observed", "outcome", "why"]
        return pd.DataFrame([asdict(check) | {"outcome": check.outcome} for check in self.checks], columns=columns)

    def to_dict(self) -> dict:
        """The decision in plain JSON types; a value that was not a number becomes null."""
        return {"promote": self.promote, "failed": self.failed, "checks": [_jsonable(check) for check in self.checks]}


def judge(evaluation: Mapping, *, rules: Mapping[str, float | bool | None], advisory: Sequence[str]) -> Decision:
    """`decide` on what `evaluation.json` holds; a version that was never evaluated passes nothing."""
    if not evaluation:
        text = "the version was never evaluated: its run ended before"
        why = "What was not measured cannot be promoted."
        return Decision(promote=False, checks=[RuleResult("evaluation", None, None, "none", False, text, why)])
    on_test = {scores["model"]: scores for scores in evaluation["scores"] if scores["part"] == "test"}
    difference = {i["metric"]: i for i in evaluation["intervals"] if i["model"] == "difference"}
    return decide(
        candidate=on_test["candidate"],
        baselines={name: scores for name, scores in on_test.items() if name not in ("candidate", "champion")},
        champion=on_test.get("champion") or ({} if evaluation["champion"] else None),
        difference=difference or None,
        segments=pd.DataFrame(evaluation["segments"]) if evaluation["segments"] else None,
        rules=rules,
        profit=evaluation["profit_per_customer"],
        parity=evaluation["parity"],
        contract=evaluation["contract"],
        advisory=advisory,
    )


def decide(
    candidate: Scores,
    baselines: Mapping[str, Scores],
    champion: Scores | None,
    difference: Mapping[str, Scores] | None,
    segments: pd.DataFrame | None,
    *,
    rules: Mapping[str, float | bool | None],
    profit: float | None = None,
    parity: Mapping | None = None,
    contract: Mapping | None = None,
    advisory: Sequence[str] = (),
) -> Decision:
    """Apply every rule whose limit is not None; what could not be measured never passes.

    `candidate`, `champion` and each of `baselines` are scores on the same test rows (auc, lift_top and others, see
    `metrics.scores`); `difference` is the
    bootstrap of candidate minus champion, {"auc": {"estimate", "low", "high"}}; `segments` is `metrics.by_segment`.
    `profit` is money per test customer at the chosen threshold; `parity` {"customers", "different", "example"} compares
    offline with online features; `contract` {"service", "missing"} the columns that the feature service lacks.
    `rules`: the fields of `params.schema.Rules`; `advisory` names those whose failure is only shown.
    """
    applied = {
        "min_auc": lambda limit: _floor(candidate, limit),
        "baseline_margin": lambda limit: _beats_baselines(candidate, baselines, limit),
        "champion_margin": lambda limit: _holds_against_champion(champion, difference, limit),
        "max_calibration_error": lambda limit: _calibrated(candidate, limit),
        "segment_margin": lambda limit: _no_segment_worse(champion, segments, limit),
        "min_profit": lambda limit: _earns(profit, limit),
        "parity": lambda _: _online_equals_offline(parity),
        "signature": lambda _: _can_be_fed(contract),
    }
    active = [rule for rule in applied if rules[rule] is not None and rules[rule] is not False]
    checks = [replace(applied[rule](rules[rule]), advisory=rule in advisory) for rule in active]
    return Decision(promote=all(check.passed or check.advisory for check in checks), checks=checks)


def _floor(candidate: Scores, limit: float) -> RuleResult:
    value = candidate["auc"]
    passed = _at_least(value, limit)
    observed, floor = _figures(value, limit)
    text = f"auc {observed} {'reaches' if passed else 'is below'} the floor {floor}"
    why = "A model that ranks customers poorly wastes the money spent on contacting them."
    return RuleResult("min_auc", limit, value, observed, passed, text, why)


def _beats_baselines(candidate: Scores, baselines: Mapping[str, Scores], limit: float) -> RuleResult:
    why = "A model has to earn its upkeep: one feature alone, or no model at all, is cheaper to run and to explain."
    if not baselines:
        text = "no baseline was scored to compare with"
        return RuleResult("baseline_margin", limit, None, "no baseline", False, text, why)
    # one that could not be scored sorts first, so that it fails the rule instead of hiding
    best = max(baselines, key=lambda name: (math.isnan(baselines[name]["auc"]), baselines[name]["auc"]))
    value = candidate["auc"] - baselines[best]["auc"]
    passed = _at_least(value, limit)
    gain, margin = _figures(value, limit, signed=True)
    verdict = "at least" if passed else "less than"
    text = f"auc is {gain} against the best baseline ({best}), {verdict} the margin {margin}"
    return RuleResult("baseline_margin", limit, value, f"{gain} against {best}", passed, text, why)


def _holds_against_champion(
    champion: Scores | None, difference: Mapping[str, Scores] | None, limit: float
) -> RuleResult:
    why = "A change must not make things worse; the lower end of the interval allows for the luck of the test sample."
    rule = "champion_margin"
    if champion is None:
        return RuleResult(rule, limit, None, "no champion", True, "there is no champion to be worse than", why)
    if difference is None:
        text = "the champion could not be scored on the same rows, so nothing shows that the candidate is no worse"
        return RuleResult(rule, limit, None, "champion not scored", False, text, why, undecided=True)
    value = difference["auc"]["low"]
    passed = _at_least(value, -limit)
    low, allowed = _figures(value, -limit, signed=True)
    text = f"auc against the champion is at worst {low}, {'within' if passed else 'beyond'} the allowed {allowed}"
    estimate = f"{difference['auc']['estimate']:+.3f}"
    return RuleResult(rule, limit, value, f"{estimate}, at worst {low}", passed, text, why)


def _calibrated(candidate: Scores, limit: float) -> RuleResult:
    value = candidate["calibration_error"]
    passed = _at_least(-value, -limit)
    observed, ceiling = _figures(value, limit)
    text = f"calibration error {observed} is {'within' if passed else 'above'} the ceiling {ceiling}"
    why = "Costs and thresholds are computed from the probabilities, so these have to mean what they say."
    return RuleResult("max_calibration_error", limit, value, observed, passed, text, why)


def _no_segment_worse(champion: Scores | None, segments: pd.DataFrame | None, limit: float) -> RuleResult:
    why = "A better average can hide a group of customers who are now served worse."
    rule = "segment_margin"
    if champion is None:
        return RuleResult(rule, limit, None, "no champion", True, "no segment can be worse without a champion", why)
    if segments is None or segments.empty:
        return RuleResult(rule, limit, None, "no segments", True, "the data has no segments to compare", why)
    if "champion_auc" not in segments:
        text = "the champion could not be scored by segment, so nothing shows that no segment is worse"
        return RuleResult(rule, limit, None, "champion not scored", False, text, why, undecided=True)
    scored = segments.dropna(subset=["candidate_auc", "champion_auc"], how="all")
    if scored.empty:
        text = "no segment has enough customers of both classes to be compared"
        return RuleResult(rule, limit, None, "segments too small", True, text, why)
    gaps = (scored["candidate_auc"] - scored["champion_auc"]).sort_values(na_position="first")
    worst, value = scored.loc[gaps.index[0]], float(gaps.iloc[0])
    passed = _at_least(value, -limit)
    gap, allowed = _figures(value, -limit, signed=True)
    where = f"{worst['segment']} = {worst['value']}"
    text = f"auc against the champion in {where} is {gap}, {'within' if passed else 'beyond'} the allowed {allowed}"
    return RuleResult(rule, limit, value, f"{gap} in {where}", passed, text, why)


def _earns(profit: float | None, limit: float) -> RuleResult:
    why = "Acting on the model has to bring more than it costs, at the threshold that will be used."
    value = math.nan if profit is None else profit
    passed = _at_least(value, limit)
    earned, least = _figures(value, limit, signed=True)
    text = f"expected profit {earned} per customer is {'at least' if passed else 'less than'} {least}"
    return RuleResult("min_profit", limit, value, f"{earned} per customer", passed, text, why)


def _online_equals_offline(parity: Mapping | None) -> RuleResult:
    why = "A model that is served other features than it learnt from answers confidently and wrongly."
    if not parity or not parity["customers"]:
        return RuleResult(
            "parity", None, None, "not compared", False, "offline and online features were not compared", why
        )
    different = parity["different"]
    text = f"{different} of {parity['customers']} customers have other features online than offline"
    observed = text if not different else f"{text}, for example {parity['example']}"
    return RuleResult("parity", 0.0, float(different), observed, different == 0, text, why)


def _can_be_fed(contract: Mapping | None) -> RuleResult:
    why = "Serving can only feed a model the features that the feature service holds."
    if not contract:
        return RuleResult("signature", None, None, "not compared", False, "the signature was not compared", why)
    missing = ", ".join(contract["missing"])
    observed = f"{contract['service']} lacks {missing}" if missing else f"{contract['service']} holds every column"
    return RuleResult(
        "signature", 0.0, float(len(contract["missing"])), observed, not missing, f"signature: {observed}", why
    )


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


def _jsonable(check: RuleResult) -> dict:
    unmeasured = check.value is None or math.isnan(check.value)
    limit = None if check.limit is None else float(check.limit)
    return asdict(check) | {
        "value": None if unmeasured else float(check.value),
        "limit": limit,
        "outcome": check.outcome,
    }
