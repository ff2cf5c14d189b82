"""Whether a candidate may replace the champion: a table of rules, each with its limit, what was seen, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

from churn.registry.rules import calibration, champion, merit, serving
from churn.registry.rules.result import Interval, RuleResult


@dataclass(frozen=True)
class Evidence:
    """What was measured of a candidate, all of it on the same test rows unless it says otherwise.

    `auc` and `profit` (money per customer at the threshold) have estimate, low and high. `calibration` is that of
    evaluation/calibration.py, over the known origins; `log_loss` baseline -> interval of candidate - baseline.
    `champion` and `earlier` as in rules/champion.py; `in_production`: the candidate is the champion. `segments` is
    `metrics.by_segment`; `parity` {"customers", "different", "example"} compares offline with online features;
    `contract` {"service", "missing"} the columns that the feature service lacks.
    """

    auc: Interval
    calibration: Mapping | None
    log_loss: Mapping[str, Interval]
    champion: Mapping | None = None
    in_production: bool = False
    earlier: Sequence[Mapping] = ()
    segments: pd.DataFrame | None = None
    profit: Interval | None = None
    parity: Mapping | None = None
    contract: Mapping | None = None


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
        """Whether nothing failed, but something could not be told: a person has to decide."""
        return {c.outcome for c in self.checks} & {"FAIL", "undecided"} == {"undecided"}

    def table(self) -> pd.DataFrame:
        """The rules for people: columns rule, limit, observed, outcome, why."""
        columns = ["rule", "limit", "observed", "outcome", "why"]
        return pd.DataFrame([asdict(check) | {"outcome": check.outcome} for check in self.checks], columns=columns)

    def to_dict(self) -> dict:
        """The decision in plain JSON types; a value that was not a number becomes null."""
        return {"promote": self.promote, "failed": self.failed, "checks": [_jsonable(check) for check in self.checks]}


def judge(evaluation: Mapping, *, rules: Mapping, advisory: Sequence[str]) -> Decision:
    """`decide` on what `evaluation.json` holds; a version that was never evaluated passes nothing."""
    if not evaluation:
        text = "the version was never evaluated: its run ended before"
        why = "What was not measured cannot be promoted."
        return Decision(promote=False, checks=[RuleResult("evaluation", None, None, "none", False, text, why)])
    return decide(_evidence(evaluation), rules=rules, advisory=advisory)


def decide(evidence: Evidence, *, rules: Mapping, advisory: Sequence[str] = ()) -> Decision:
    """Apply every rule whose limit is not None; what could not be measured never passes.

    `rules`: the fields of `params.decision.Rules`; `advisory` names those whose failure is only shown.
    """
    seen, rival = evidence, None if evidence.in_production else evidence.champion
    applied = {
        "min_auc": lambda limit: merit.floor(seen.auc, limit),
        "max_level_error": lambda limit: calibration.level(seen.calibration, limit),
        "slope": lambda limit: calibration.slope(seen.calibration, limit),
        "max_shape_error": lambda limit: calibration.shape(seen.calibration, limit),
        "log_loss": lambda _: merit.beats_baselines(seen.log_loss),
        "min_leavers": lambda limit: merit.enough(seen.calibration, limit),
        "champion_margin": lambda limit: champion.holds_against_champion(rival, limit, itself=seen.in_production),
        "best_margin": lambda limit: champion.holds_against_the_best(seen.earlier, limit),
        "segment_margin": lambda limit: champion.no_segment_worse(seen.segments, limit, champion=rival),
        "min_profit": lambda limit: merit.earns(seen.profit, limit),
        "parity": lambda _: serving.online_equals_offline(seen.parity),
        "signature": lambda _: serving.can_be_fed(seen.contract),
    }
    active = [rule for rule in applied if rules[rule] is not None and rules[rule] is not False]
    checks = [replace(applied[rule](rules[rule]), advisory=rule in advisory) for rule in active]
    return Decision(promote=all(check.passed or check.advisory for check in checks), checks=checks)


def _evidence(evaluation: Mapping) -> Evidence:
    """What a document says; one that an earlier version of the project wrote leaves out what was not asked then."""
    bounds = {(i["model"], i["metric"]): i for i in evaluation["intervals"]}
    against = {metric: bounds.get(("difference", metric)) for metric in ("auc", "log_loss")}
    relation = {"relation": evaluation.get("relation"), "customers": evaluation["rows"]["test"]}
    scored = all(against.values()) and relation["relation"]
    return Evidence(
        auc=bounds["candidate", "auc"],
        calibration=evaluation.get("calibration"),
        log_loss=evaluation.get("against_baselines", {}),
        champion=(against | relation if scored else {}) if evaluation["champion"] else None,
        in_production=evaluation.get("in_production", False),
        earlier=evaluation.get("earlier", []),
        segments=pd.DataFrame(evaluation["segments"]) if evaluation["segments"] else None,
        profit=bounds.get(("candidate", "profit_per_customer")),
        parity=evaluation["parity"],
        contract=evaluation["contract"],
    )


def _jsonable(check: RuleResult) -> dict:
    unmeasured = check.value is None or math.isnan(check.value)
    limit = [float(end) for end in check.limit] if isinstance(check.limit, list) else check.limit
    return asdict(check) | {
        "value": None if unmeasured else float(check.value),
        "limit": float(limit) if isinstance(limit, int) else limit,
        "outcome": check.outcome,
    }
