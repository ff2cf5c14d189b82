"""Whether a candidate may take the place of the version in production, and of those before it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from churn.registry.rules.result import Interval, RuleResult, at_least, figures, number, numbers, spelled

ITSELF = "the version is in production itself, and is not compared with itself"
NOT_SCORED = (
    "the champion could not be scored on the same rows, so nothing shows that the candidate is no worse; look at both "
    "and `churn approve` it, or train the champion's recipe again and compare with that"
)


def holds_against_champion(champion: Mapping | None, limit: float, *, itself: bool) -> RuleResult:
    """Not worse beyond doubt, in AUC or in log loss; and where neither is better, a refresh or simpler.

    `champion`: None where there is none, {} where it could not be scored; else its differences "auc" and "log_loss"
    (candidate - champion), the number of `customers`, and the `relation` of the two recipes.
    """
    why = "A change must not make things worse, and another recipe must make them better: each costs trust and upkeep."
    rule = "champion_margin"
    if itself:
        return RuleResult(rule, limit, None, "is the champion", True, ITSELF, why)
    if champion is None:
        return RuleResult(rule, limit, None, "no champion", True, "there is no champion to be worse than", why)
    if not champion:
        return RuleResult(rule, limit, None, "champion not scored", False, NOT_SCORED, why, undecided=True)
    auc, loss = (numbers(champion[name]) for name in ("auc", "log_loss"))
    found = f"auc {spelled(auc)}, log loss {spelled(loss, 4)}"
    passed, verdict = _verdict(auc, loss, champion["relation"])
    resolution = _resolution(auc, limit, champion["customers"]) if passed else ""
    text = f"against the champion {found}: {verdict}{resolution}"
    return RuleResult(rule, limit, auc["low"], f"{found}{resolution}", passed, text, why)


def _verdict(auc: Interval, loss: Interval, relation: Mapping) -> tuple[bool, str]:
    if any(math.isnan(d[end]) for d in (auc, loss) for end in ("low", "high")):
        return False, "could not be measured"
    if auc["high"] < 0 or loss["low"] > 0:
        return False, "worse beyond doubt"
    if auc["low"] > 0 or loss["high"] < 0:
        return True, "better beyond doubt"
    if relation["same_recipe"]:
        if relation["as_new"]:
            return True, "as good, and the same recipe on data as new or newer"
        return False, "no better, and the same recipe on older data"
    return (True, "as good, and simpler") if relation["simpler"] else (False, "no better, and another recipe")


def _resolution(auc: Interval, limit: float, customers: int) -> str:
    """What the sample is too small to rule out, and how large it would have to be: a half-width falls as 1/sqrt(n)."""
    half = (auc["high"] - auc["low"]) / 2
    if half <= limit or auc["low"] >= -limit or limit == 0:
        return ""
    needed = customers * (half / limit) ** 2
    rounded = math.ceil(needed / (unit := 10 ** max(0, math.floor(math.log10(needed)) - 1))) * unit
    return f"; {customers:,} customers cannot rule out a loss of {limit:g}, about {rounded:,} could"


def holds_against_the_best(earlier: Sequence[Mapping], limit: float) -> RuleResult:
    """No more than the margin, or no more than chance, below the best of the versions that were in production before.

    `earlier`: version, and the interval of the candidate's AUC minus its; None where it could not be scored.
    """
    why = "Losses that are each too small to be seen add up; the best of the last twelve remembers."
    rule = "best_margin"
    scored = [one | {"estimate": number(one["estimate"])} for one in earlier if one["low"] is not None]
    if not scored:
        text = "no version before the champion can be compared with"
        return RuleResult(rule, limit, None, "no earlier version", True, text, why)
    best = min(scored, key=lambda one: (not math.isnan(one["estimate"]), one["estimate"]))
    value, found, of = best["estimate"], spelled(best), f"the best of {len(scored)}"
    within, chance = at_least(value, -limit), not number(best["high"]) < 0
    passed = not math.isnan(value) and (within or chance)
    (loss, allowed), observed = figures(value, -limit, signed=True), f"against version {best['version']}"
    verdict = f"within the allowed {allowed}" if within else "which may be chance" if passed else f"beyond {allowed}"
    return RuleResult(rule, limit, value, f"{loss} {observed}", passed, f"auc {found} {observed}, {of}: {verdict}", why)


def no_segment_worse(segments: pd.DataFrame | None, limit: float, *, champion: Mapping | None) -> RuleResult:
    """No segment with enough customers loses more AUC than the limit against the champion."""
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
    return _worst_segment(scored, limit, why)


def _worst_segment(scored: pd.DataFrame, limit: float, why: str) -> RuleResult:
    gaps = (scored["candidate_auc"] - scored["champion_auc"]).sort_values(na_position="first")
    worst, value = scored.loc[gaps.index[0]], float(gaps.iloc[0])
    passed = at_least(value, -limit)
    gap, allowed = figures(value, -limit, signed=True)
    where = f"{worst['segment']} = {worst['value']}"
    text = f"auc against the champion in {where} is {gap}, {'within' if passed else 'beyond'} the allowed {allowed}"
    return RuleResult("segment_margin", limit, value, f"{gap} in {where}", passed, text, why)
