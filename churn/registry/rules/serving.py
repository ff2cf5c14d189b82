"""Whether what was measured is what will be served."""

from __future__ import annotations

from collections.abc import Mapping

from churn.registry.rules.result import RuleResult


def online_equals_offline(parity: Mapping | None) -> RuleResult:
    """A sample of customers has the same features online as offline."""
    why = "A model that is served other features than it learnt from answers confidently and wrongly."
    if not parity or not parity["customers"]:
        return RuleResult(
            "parity", None, None, "not compared", False, "offline and online features were not compared", why
        )
    different = parity["different"]
    text = f"{different} of {parity['customers']} customers have other features online than offline"
    observed = text if not different else f"{text}, for example {parity['example']}"
    return RuleResult("parity", 0.0, float(different), observed, different == 0, text, why)


def can_be_fed(contract: Mapping | None) -> RuleResult:
    """The feature service holds every column that the model takes."""
    why = "Serving can only feed a model the features that the feature service holds."
    if not contract:
        return RuleResult("signature", None, None, "not compared", False, "the signature was not compared", why)
    missing = ", ".join(contract["missing"])
    observed = f"{contract['service']} lacks {missing}" if missing else f"{contract['service']} holds every column"
    return RuleResult(
        "signature", 0.0, float(len(contract["missing"])), observed, not missing, f"signature: {observed}", why
    )
