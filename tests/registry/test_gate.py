"""The rules of the gate: what passes, what fails, and what it says."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.registry.gate import Decision, Evidence, decide, judge

RULES = {
    "min_auc": 0.75,
    "max_level_error": 0.05,
    "slope": [0.8, 1.25],
    "max_shape_error": 0.03,
    "log_loss": True,
    "min_leavers": 200,
    "champion_margin": 0.005,
    "best_margin": 0.005,
    "segment_margin": 0.05,
    "min_profit": 0.0,
    "parity": True,
    "signature": True,
}


def interval(estimate: float, low: float, high: float) -> dict:
    return {"estimate": estimate, "low": low, "high": high}


AUC = interval(0.81, 0.80, 0.82)
ORIGIN = {"snapshot": "2024-01-01", "customers": 1000, "left": 300, "predicted": 0.31, "observed": 0.3,
          "low": -0.02, "high": 0.04}  # fmt: skip
SLOPE = {"estimate": 0.95, "error": 0.04, "low": 0.87, "high": 1.03}
CALIBRATION = {"origins": [ORIGIN], "level": 0.01, "slope": SLOPE, "shape": {"value": 0.02, "perfect": 0.025}}
RATE, FEATURE = interval(-0.1, -0.12, -0.08), interval(-0.014, -0.017, -0.011)
LOSSES = {"nobody leaves": RATE, "best single feature: recency": FEATURE}
REFRESH = {"same_recipe": True, "as_new": True, "simpler": False}
OTHER = REFRESH | {"same_recipe": False}
BETTER = {"auc": interval(0.01, 0.004, 0.016), "log_loss": interval(-0.004, -0.006, -0.002), "customers": 1800}
TIE = {"auc": interval(0.001, -0.004, 0.006), "log_loss": interval(-0.001, -0.003, 0.001), "customers": 1800}
WORSE_AUC, WORSE_LOSS = {"auc": interval(-0.01, -0.016, -0.004)}, {"log_loss": interval(0.004, 0.002, 0.006)}
CHAMPION = BETTER | {"relation": OTHER}
EARLIER = [{"version": 3} | interval(0.002, -0.001, 0.005), {"version": 2} | interval(-0.001, -0.004, 0.002)]
UNSCORED = {"version": 1} | dict.fromkeys(("estimate", "low", "high"))
SEGMENTS = pd.DataFrame(
    {
        "segment": ["plan", "plan"],
        "value": ["basic", "gold"],
        "customers": [500, 300],
        "churn_rate": [0.3, 0.2],
        "candidate_auc": [0.80, 0.78],
        "champion_auc": [0.79, 0.80],
    }
)
PROFIT = interval(1.5, 1.0, 2.0)
GOOD = {
    "auc": AUC,
    "calibration": CALIBRATION,
    "log_loss": LOSSES,
    "champion": CHAMPION,
    "earlier": EARLIER,
    "segments": SEGMENTS,
    "profit": PROFIT,
    "parity": {"customers": 200, "different": 0, "example": ""},
    "contract": {"service": "churn_ab12", "missing": []},
}


def decision(*, rules: dict | None = None, advisory: tuple = (), **changed) -> Decision:
    """The gate's answer on a good candidate with a champion, but for what is changed."""
    return decide(Evidence(**(GOOD | changed)), rules=RULES | (rules or {}), advisory=advisory)


def check(found: Decision, rule: str):
    return next(check for check in found.checks if check.rule == rule)


def calibrated(**changed) -> dict:
    return {"calibration": CALIBRATION | changed}


def sloped(estimate: float, error: float) -> dict:
    return calibrated(slope={"estimate": estimate, "error": error, "low": estimate, "high": estimate})


def against(**changed) -> dict:
    return {"champion": CHAMPION | changed}


def tied(relation: dict, **changed) -> dict:
    return {"champion": TIE | {"relation": relation} | changed}


def test_a_candidate_that_holds_every_rule_is_promoted():
    found = decision()
    assert (True, [], list(RULES)) == (found.promote, found.failed, [check.rule for check in found.checks])


def test_a_rule_switched_off_is_not_in_the_table():
    only = decide(Evidence(**GOOD), rules=dict.fromkeys(RULES) | {"max_level_error": 0.08, "log_loss": False})
    assert ["max_level_error"] == [check.rule for check in only.checks]


def test_a_forgotten_rule_is_an_error_and_not_switched_off():
    with pytest.raises(KeyError, match="min_auc"):
        decide(Evidence(**GOOD), rules={rule: limit for rule, limit in RULES.items() if rule != "min_auc"})


def test_a_near_miss_is_written_with_the_decimals_that_show_it():
    found = decision(auc=interval(0.74, 0.73, 0.74996))
    assert ["auc 0.740, at best 0.74996, is below the floor 0.75000"] == found.failed


SEVERAL = {"origins": [ORIGIN | {"snapshot": "2023-12-01"}, ORIGIN]}
AT = "at 2024-01-01; 31.0% predicted, 30.0% observed in the test"
OVER = "over 2 known snapshots; 31.0% predicted, 30.0% observed in the test"
OF_CHANCE = "which chance alone makes of a perfect model"
FOUND_BETTER = "auc +0.010 (+0.004 to +0.016), log loss -0.0040 (-0.0060 to -0.0020)"
FOUND_TIE = "auc +0.001 (-0.004 to +0.006), log loss -0.0010 (-0.0030 to +0.0010)"
WIDE = {"auc": interval(0.001, -0.010, 0.012)}
FOUND_WIDE = FOUND_TIE.replace("(-0.004 to +0.006)", "(-0.010 to +0.012)")
SMALL = "; 1,800 customers cannot rule out a loss of 0.005, about 8,800 could"
NOT_SCORED = (
    "the champion could not be scored on the same rows, so nothing shows that the candidate is no worse; look at both "
    "and `churn approve` it, or train the champion's recipe again and compare with that"
)
UNSCORED_SEGMENTS = SEGMENTS.drop(columns="champion_auc")
TOO_SMALL = SEGMENTS.assign(candidate_auc=math.nan, champion_auc=math.nan)
WORSE = SEGMENTS.assign(candidate_auc=[0.70, 0.72])
UNEQUAL = {"customers": 200, "different": 2, "example": "customer 7: tenure_days is 3.0 offline, 4.0 online"}
BEST = "the best of 2"
OUTCOMES = [  # what is changed, the rule, then what it writes down: value, observed, outcome, text
    ({}, "min_auc", 0.82, "0.810, at best 0.820", "pass", "auc 0.810, at best 0.820, reaches the floor 0.750"),
    ({"auc": interval(0.74, 0.72, 0.76)}, "min_auc", 0.76, "0.740, at best 0.760", "pass",
     "auc 0.740, at best 0.760, reaches the floor 0.750"),
    ({"auc": interval(0.7, 0.68, 0.72)}, "min_auc", 0.72, "0.700, at best 0.720", "FAIL",
     "auc 0.700, at best 0.720, is below the floor 0.750"),
    ({}, "max_level_error", 0.01, f"0.010 {AT}", "pass",
     "predicted churn misses the observed by 0.010 beyond chance at 2024-01-01, within the allowed 0.050"),
    (calibrated(level=0.07, **SEVERAL), "max_level_error", 0.07, f"0.070 {OVER}", "FAIL",
     "predicted churn misses the observed by 0.070 beyond chance over 2 known snapshots, beyond the allowed 0.050"),
    ({"calibration": None}, "max_level_error", None, "not measured", "FAIL",
     "the probabilities were not compared with what happened"),
    ({}, "slope", 0.95, "0.95 ± 0.04", "pass", "the slope of the log-odds, 0.95 ± 0.04, touches 0.8 to 1.25"),
    (sloped(0.77, 0.04), "slope", 0.77, "0.77 ± 0.04", "pass",
     "the slope of the log-odds, 0.77 ± 0.04, touches 0.8 to 1.25"),
    (sloped(0.75, 0.04), "slope", 0.75, "0.75 ± 0.04", "FAIL",
     "the slope of the log-odds, 0.75 ± 0.04, lies outside 0.8 to 1.25"),
    (sloped(1.28, 0.04), "slope", 1.28, "1.28 ± 0.04", "pass",
     "the slope of the log-odds, 1.28 ± 0.04, touches 0.8 to 1.25"),
    (sloped(1.31, 0.04), "slope", 1.31, "1.31 ± 0.04", "FAIL",
     "the slope of the log-odds, 1.31 ± 0.04, lies outside 0.8 to 1.25"),
    (sloped(None, None), "slope", None, "cannot be told", "FAIL",
     "the slope cannot be told: all predictions are alike, or they part leavers from stayers without an error"),
    ({"calibration": None}, "slope", None, "not measured", "FAIL",
     "the probabilities were not compared with what happened"),
    ({}, "max_shape_error", 0.02, "0.020, allowed 0.030", "pass",
     "calibration error without the level 0.020 is within 0.030"),
    (calibrated(shape={"value": 0.04, "perfect": 0.025}), "max_shape_error", 0.04, "0.040, allowed 0.030", "FAIL",
     "calibration error without the level 0.040 is above 0.030"),
    (calibrated(shape={"value": 0.04, "perfect": 0.05}), "max_shape_error", 0.04, "0.040, allowed 0.050", "pass",
     f"calibration error without the level 0.040 is within 0.050, {OF_CHANCE}"),
    (calibrated(shape={"value": 0.06, "perfect": 0.05}), "max_shape_error", 0.06, "0.060, allowed 0.050", "FAIL",
     f"calibration error without the level 0.060 is above 0.050, {OF_CHANCE}"),
    ({"calibration": None}, "max_shape_error", None, "not measured", "FAIL",
     "the probabilities were not compared with what happened"),
    ({}, "log_loss", -0.011, "-0.0140 (-0.0170 to -0.0110) against best single feature: recency", "pass",
     "log loss -0.0140 (-0.0170 to -0.0110) against best single feature: recency: lower beyond doubt"),
    ({"log_loss": LOSSES | {"BG/NBD": interval(-0.001, -0.003, 0.001)}}, "log_loss", 0.001,
     "-0.0010 (-0.0030 to +0.0010) against BG/NBD", "undecided",
     "log loss -0.0010 (-0.0030 to +0.0010) against BG/NBD: which may be chance"),
    ({"log_loss": LOSSES | {"BG/NBD": interval(0.001, -0.001, 0.003)}}, "log_loss", 0.003,
     "+0.0010 (-0.0010 to +0.0030) against BG/NBD", "undecided",
     "log loss +0.0010 (-0.0010 to +0.0030) against BG/NBD: which may be chance"),
    ({"log_loss": {"wide": interval(0.001, -0.1, 0.2), "BG/NBD": interval(0.003, 0.001, 0.005)}}, "log_loss", 0.005,
     "+0.0030 (+0.0010 to +0.0050) against BG/NBD", "FAIL",
     "log loss +0.0030 (+0.0010 to +0.0050) against BG/NBD: higher beyond doubt"),
    ({"log_loss": LOSSES | {"even": interval(-0.001, -0.002, 0.0)}}, "log_loss", 0.0,
     "-0.0010 (-0.0020 to +0.0000) against even", "undecided",
     "log loss -0.0010 (-0.0020 to +0.0000) against even: which may be chance"),
    ({"log_loss": {"even": interval(0.001, 0.0, 0.002)}}, "log_loss", 0.002,
     "+0.0010 (+0.0000 to +0.0020) against even", "undecided",
     "log loss +0.0010 (+0.0000 to +0.0020) against even: which may be chance"),
    ({"log_loss": {}}, "log_loss", None, "no baseline", "FAIL", "no baseline was scored to compare with"),
    ({}, "min_leavers", 300.0, "300 leavers, 700 stayers", "pass",
     "300 leavers, 700 stayers in the test: enough, for 200 of each are needed"),
    (calibrated(origins=[ORIGIN, ORIGIN | {"left": 199}]), "min_leavers", 199.0, "199 leavers, 801 stayers",
     "undecided", "199 leavers, 801 stayers in the test: too few, for 200 of each are needed"),
    (calibrated(origins=[ORIGIN | {"left": 900, "customers": 1050}]), "min_leavers", 150.0,
     "900 leavers, 150 stayers", "undecided",
     "900 leavers, 150 stayers in the test: too few, for 200 of each are needed"),
    ({"calibration": None}, "min_leavers", None, "not counted", "FAIL", "the leavers of the test were not counted"),
    ({}, "champion_margin", 0.004, FOUND_BETTER, "pass", f"against the champion {FOUND_BETTER}: better beyond doubt"),
    (against(log_loss=TIE["log_loss"]), "champion_margin", 0.004,
     "auc +0.010 (+0.004 to +0.016), log loss -0.0010 (-0.0030 to +0.0010)", "pass",
     "against the champion auc +0.010 (+0.004 to +0.016), log loss -0.0010 (-0.0030 to +0.0010): better beyond doubt"),
    (against(auc=TIE["auc"]), "champion_margin", -0.004,
     "auc +0.001 (-0.004 to +0.006), log loss -0.0040 (-0.0060 to -0.0020)", "pass",
     "against the champion auc +0.001 (-0.004 to +0.006), log loss -0.0040 (-0.0060 to -0.0020): better beyond doubt"),
    (against(**WORSE_AUC), "champion_margin", -0.016,
     "auc -0.010 (-0.016 to -0.004), log loss -0.0040 (-0.0060 to -0.0020)", "FAIL",
     "against the champion auc -0.010 (-0.016 to -0.004), log loss -0.0040 (-0.0060 to -0.0020): worse beyond doubt"),
    (against(**WORSE_LOSS), "champion_margin", 0.004,
     "auc +0.010 (+0.004 to +0.016), log loss +0.0040 (+0.0020 to +0.0060)", "FAIL",
     "against the champion auc +0.010 (+0.004 to +0.016), log loss +0.0040 (+0.0020 to +0.0060): worse beyond doubt"),
    (tied(REFRESH), "champion_margin", -0.004, FOUND_TIE, "pass",
     f"against the champion {FOUND_TIE}: as good, and the same recipe on data as new or newer"),
    (tied(REFRESH | {"as_new": False}), "champion_margin", -0.004, FOUND_TIE, "FAIL",
     f"against the champion {FOUND_TIE}: no better, and the same recipe on older data"),
    (tied(OTHER | {"simpler": True}), "champion_margin", -0.004, FOUND_TIE, "pass",
     f"against the champion {FOUND_TIE}: as good, and simpler"),
    (tied(OTHER), "champion_margin", -0.004, FOUND_TIE, "FAIL",
     f"against the champion {FOUND_TIE}: no better, and another recipe"),
    (tied(REFRESH, **WIDE), "champion_margin", -0.01, FOUND_WIDE + SMALL, "pass",
     f"against the champion {FOUND_WIDE}: as good, and the same recipe on data as new or newer{SMALL}"),
    (tied(OTHER, **WIDE), "champion_margin", -0.01, FOUND_WIDE, "FAIL",
     f"against the champion {FOUND_WIDE}: no better, and another recipe"),
    (against(auc=interval(0.01, None, 0.02)), "champion_margin", None,
     "auc +0.010 (+nan to +0.020), log loss -0.0040 (-0.0060 to -0.0020)", "FAIL",
     "against the champion auc +0.010 (+nan to +0.020), log loss -0.0040 (-0.0060 to -0.0020): could not be measured"),
    ({"champion": None}, "champion_margin", None, "no champion", "pass", "there is no champion to be worse than"),
    ({"champion": {}}, "champion_margin", None, "champion not scored", "undecided", NOT_SCORED),
    ({"in_production": True}, "champion_margin", None, "is the champion", "pass",
     "the version is in production itself, and is not compared with itself"),
    ({}, "best_margin", -0.001, "-0.001 against version 2", "pass",
     f"auc -0.001 (-0.004 to +0.002) against version 2, {BEST}: within the allowed -0.005"),
    ({"earlier": [*EARLIER, UNSCORED]}, "best_margin", -0.001, "-0.001 against version 2", "pass",
     f"auc -0.001 (-0.004 to +0.002) against version 2, {BEST}: within the allowed -0.005"),
    ({"earlier": [EARLIER[0], {"version": 1} | interval(-0.008, -0.012, -0.004)]}, "best_margin", -0.008,
     "-0.008 against version 1", "FAIL",
     f"auc -0.008 (-0.012 to -0.004) against version 1, {BEST}: beyond -0.005"),
    ({"earlier": [{"version": 1} | interval(-0.008, -0.018, 0.002)]}, "best_margin", -0.008,
     "-0.008 against version 1", "pass",
     "auc -0.008 (-0.018 to +0.002) against version 1, the best of 1: which may be chance"),
    ({"earlier": [{"version": 1} | interval(-0.004, -0.006, -0.002)]}, "best_margin", -0.004,
     "-0.004 against version 1", "pass",
     "auc -0.004 (-0.006 to -0.002) against version 1, the best of 1: within the allowed -0.005"),
    ({"earlier": [UNSCORED]}, "best_margin", None, "no earlier version", "pass",
     "no version before the champion can be compared with"),
    ({}, "segment_margin", -0.02, "-0.020 in plan = gold", "pass",
     "auc against the champion in plan = gold is -0.020, within the allowed -0.050"),
    ({"segments": SEGMENTS.head(1)}, "segment_margin", 0.01, "+0.010 in plan = basic", "pass",
     "auc against the champion in plan = basic is +0.010, within the allowed -0.050"),
    ({"segments": WORSE}, "segment_margin", -0.09, "-0.090 in plan = basic", "FAIL",
     "auc against the champion in plan = basic is -0.090, beyond the allowed -0.050"),
    ({"champion": None}, "segment_margin", None, "no champion", "pass", "no segment can be worse without a champion"),
    ({"in_production": True}, "segment_margin", None, "no champion", "pass",
     "no segment can be worse without a champion"),
    ({"segments": None}, "segment_margin", None, "no segments", "pass", "the data has no segments to compare"),
    ({"segments": SEGMENTS.head(0)}, "segment_margin", None, "no segments", "pass",
     "the data has no segments to compare"),
    ({"segments": UNSCORED_SEGMENTS}, "segment_margin", None, "champion not scored", "undecided",
     "the champion could not be scored by segment, so nothing shows that no segment is worse"),
    ({"segments": TOO_SMALL}, "segment_margin", None, "segments too small", "pass",
     "no segment has enough customers of both classes to be compared"),
    ({}, "min_profit", 2.0, "+1.500 per customer, at best +2.000", "pass",
     "profit +1.500 per customer, at best +2.000, reaches +0.000"),
    ({"profit": interval(-0.1, -0.3, 0.1)}, "min_profit", 0.1, "-0.100 per customer, at best +0.100", "pass",
     "profit -0.100 per customer, at best +0.100, reaches +0.000"),
    ({"profit": interval(-0.25, -0.4, -0.1)}, "min_profit", -0.1, "-0.250 per customer, at best -0.100", "FAIL",
     "profit -0.250 per customer, at best -0.100, is below +0.000"),
    ({"profit": None}, "min_profit", None, "+nan per customer, at best +nan", "FAIL",
     "profit +nan per customer, at best +nan, is below +0.000"),
    ({}, "parity", 0.0, "0 of 200 customers have other features online than offline", "pass",
     "0 of 200 customers have other features online than offline"),
    ({"parity": UNEQUAL}, "parity", 2.0, "2 of 200 customers have other features online than offline, "
     "for example customer 7: tenure_days is 3.0 offline, 4.0 online", "FAIL",
     "2 of 200 customers have other features online than offline"),
    ({"parity": None}, "parity", None, "not compared", "FAIL", "offline and online features were not compared"),
    ({}, "signature", 0.0, "churn_ab12 holds every column", "pass", "signature: churn_ab12 holds every column"),
    ({"contract": {"service": "churn_ab12", "missing": ["a", "b"]}}, "signature", 2.0, "churn_ab12 lacks a, b", "FAIL",
     "signature: churn_ab12 lacks a, b"),
    ({"contract": None}, "signature", None, "not compared", "FAIL", "the signature was not compared"),
]  # fmt: skip
EXACT = {"parity": 0.0, "signature": 0.0, "log_loss": 0.0}  # rules that allow no difference at all


@pytest.mark.parametrize(("changed", "rule", "value", "observed", "outcome", "text"), OUTCOMES)
def test_a_rule_writes_down_its_limit_what_it_saw_and_a_sentence(changed, rule, value, observed, outcome, text):
    written = json.loads(json.dumps(decision(**changed).to_dict(), allow_nan=False))["checks"]
    found = next(check for check in written if check["rule"] == rule)
    limit = None if observed == "not compared" else EXACT.get(rule, RULES[rule])
    assert {
        "rule": rule, "limit": limit, "value": pytest.approx(value), "observed": observed, "outcome": outcome,
        "passed": outcome == "pass", "text": text, "advisory": False, "undecided": outcome == "undecided",
    } == {name: value for name, value in found.items() if name != "why"}  # fmt: skip


@pytest.mark.parametrize(("changed", "rule"), [case[:2] for case in OUTCOMES])
def test_a_rule_gives_the_same_reason_whatever_its_outcome(changed, rule):
    why = check(decision(**changed), rule).why
    assert check(decision(), rule).why == why
    assert (why[0].upper(), ".") == (why[0], why[-1])
    assert why != why.upper()


@pytest.mark.parametrize(("changed", "rule"), [(case[0], case[1]) for case in OUTCOMES if case[4] == "FAIL"])
def test_what_fails_refuses_and_is_said(changed, rule):
    found = decision(**changed)
    assert (False, False) == (found.promote, found.undecided)
    assert check(found, rule).text in found.failed


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("min_auc", {"auc": interval(0.7, 0.6, 0.75)}),
        ("max_level_error", calibrated(level=0.05)),
        ("slope", sloped(0.75, 0.05)),
        ("slope", sloped(1.30, 0.05)),
        ("max_shape_error", calibrated(shape={"value": 0.03, "perfect": 0.0})),
        ("max_shape_error", calibrated(shape={"value": 0.05, "perfect": 0.05})),
        ("min_leavers", calibrated(origins=[ORIGIN | {"left": 200}])),
        ("min_leavers", calibrated(origins=[ORIGIN | {"left": 800}])),
        ("champion_margin", tied(REFRESH, auc=interval(-0.01, -0.02, 0.0), log_loss=interval(0.1, 0.0, 0.2))),
        ("best_margin", {"earlier": [{"version": 1} | interval(-0.005, -0.006, -0.004)]}),
        ("best_margin", {"earlier": [{"version": 1} | interval(-0.01, -0.02, 0.0)]}),
        ("segment_margin", {"segments": SEGMENTS.assign(candidate_auc=[0.70, 0.75], champion_auc=[0.70, 0.80])}),
        ("min_profit", {"profit": interval(-1, -2, 0.0)}),
    ],
)
def test_a_limit_met_exactly_is_met(rule, changed):
    assert check(decision(**changed), rule).passed


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_difference_from_the_champion_whose_end_is_zero_is_no_difference(end):
    better = {"auc": interval(0.01, 0.0, 0.02), "log_loss": interval(-0.01, -0.02, 0.0)}
    worse = {"auc": interval(-0.01, -0.02, 0.0), "log_loss": interval(0.01, 0.0, 0.02)}
    found = check(decision(**tied(OTHER, **(better if end == "low" else worse))), "champion_margin")
    assert found.text.endswith("no better, and another recipe")


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("min_auc", {"auc": interval(math.nan, math.nan, math.nan)}),
        ("max_level_error", calibrated(level=None)),
        ("slope", sloped(1.0, None)),
        ("max_shape_error", calibrated(shape={"value": None, "perfect": 0.01})),
        ("log_loss", {"log_loss": LOSSES | {"broken": interval(math.nan, math.nan, math.nan)}}),
        ("champion_margin", against(log_loss=interval(None, None, None))),
        ("best_margin", {"earlier": [*EARLIER, {"version": 1} | interval(math.nan, math.nan, math.nan)]}),
        ("segment_margin", {"segments": SEGMENTS.assign(candidate_auc=[0.8, math.nan])}),
        ("min_profit", {"profit": interval(None, None, None)}),
    ],
)
def test_what_is_not_a_number_never_passes(rule, changed):
    found = decision(**changed)
    assert "FAIL" == check(found, rule).outcome
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("half", "customers", "told"),
    [
        (0.0049, 1000, ""),
        (0.01, 1000, "; 1,000 customers cannot rule out a loss of 0.005, about 4,000 could"),
        (0.0123, 999, "; 999 customers cannot rule out a loss of 0.005, about 6,100 could"),
        (0.1, 30_000, "; 30,000 customers cannot rule out a loss of 0.005, about 12,000,000 could"),
    ],
)
def test_a_margin_that_the_sample_cannot_resolve_is_said_with_the_customers_that_would_do(half, customers, told):
    tie = tied(REFRESH, auc=interval(0.0, -half, half), customers=customers)
    assert check(decision(**tie), "champion_margin").text.endswith(f"as new or newer{told}")


def test_without_a_margin_nothing_is_said_of_what_the_sample_resolves():
    found = check(decision(rules={"champion_margin": 0.0}, **tied(REFRESH, **WIDE)), "champion_margin")
    assert found.text.endswith("as new or newer")


def test_a_loss_that_is_ruled_out_is_not_doubted_however_wide_the_interval():
    found = check(decision(**tied(REFRESH, auc=interval(0.01, -0.004, 0.024))), "champion_margin")
    assert found.text.endswith("as new or newer")


NUMBERS = st.floats(-1, 1)


@settings(deadline=None)
@given(
    value=NUMBERS, limit=NUMBERS, stricter=st.floats(0, 1),
    rule=st.sampled_from(["min_auc", "max_level_error", "max_shape_error", "best_margin", "segment_margin"]),
)  # fmt: skip
def test_a_stricter_limit_never_turns_a_failed_rule_into_a_pass(value, limit, stricter, rule):
    changed = {
        "auc": interval(value, value, value),
        "calibration": CALIBRATION | {"level": value, "shape": {"value": value, "perfect": -1.0}},
        "earlier": [{"version": 1} | interval(value, value, value)],
        "segments": SEGMENTS.assign(candidate_auc=value),
    }
    tighter = limit + stricter if rule == "min_auc" else limit - stricter
    loose, strict = (check(decision(rules={rule: each}, **changed), rule) for each in (limit, tighter))
    assert loose.passed or not strict.passed


def test_the_decision_is_plain_json_and_its_table_is_for_people():
    found = decision(profit=interval(-1.0, -2.0, -0.5))
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(written) == ["promote", "failed", "checks"]
    assert (False, found.failed) == (written["promote"], written["failed"])
    assert list(found.table()) == ["rule", "limit", "observed", "outcome", "why"]
    assert [(check.rule, check.limit, check.observed, check.outcome, check.why) for check in found.checks] == list(
        found.table().itertuples(index=False, name=None)
    )


def test_an_advisory_rule_is_shown_and_refuses_nothing():
    found = decision(profit=interval(-1.0, -2.0, -0.5), advisory=("min_profit",))
    assert (True, [], "advisory") == (found.promote, found.failed, check(found, "min_profit").outcome)
    assert not check(found, "min_auc").advisory


@pytest.mark.parametrize(
    "changed",
    [
        {"champion": {}, "segments": UNSCORED_SEGMENTS},
        {"log_loss": {"even": TIE["log_loss"]}},
        calibrated(origins=[ORIGIN | {"left": 20}]),
    ],
)
def test_what_cannot_be_told_leaves_the_decision_to_a_person_unless_a_rule_fails_beside_it(changed):
    found = decision(**changed)
    assert (False, True) == (found.promote, found.undecided)
    beside = decision(**(changed | {"profit": interval(-1.0, -2.0, -0.5)}))
    assert (False, False) == (beside.promote, beside.undecided)


def evaluation(**changed) -> dict:
    """The document of a good candidate beside a champion, but for what is changed."""
    of = {("candidate", "auc"): AUC, ("candidate", "profit_per_customer"): PROFIT}
    of |= {("difference", metric): BETTER[metric] for metric in ("auc", "log_loss")}
    intervals = [{"model": model, "metric": metric} | found for (model, metric), found in of.items()]
    good = {"intervals": intervals, "champion": 3, "relation": OTHER, "rows": {"train": 900, "test": 1800}}
    good |= {"calibration": CALIBRATION, "against_baselines": LOSSES, "earlier": EARLIER, "in_production": False}
    return good | {n: GOOD[n] for n in ("parity", "contract")} | {"segments": SEGMENTS.to_dict("records")} | changed


def without(model: str) -> list[dict]:
    return [found for found in evaluation()["intervals"] if found["model"] != model]


def judged(**changed) -> Decision:
    return judge(json.loads(json.dumps(evaluation(**changed))), rules=RULES, advisory=[])


def test_an_evaluation_is_judged_as_its_numbers_are():
    assert decision().to_dict() == judged().to_dict()


def test_an_evaluation_without_a_champion_has_none_to_beat():
    found = judged(intervals=without("difference"), champion=None, relation=None, segments=[])
    assert found.promote
    assert ["no champion"] * 2 == [check(found, rule).observed for rule in ("champion_margin", "segment_margin")]


@pytest.mark.parametrize("changed", [{"intervals": without("difference")}, {"relation": None}])
def test_a_champion_that_was_not_compared_leaves_the_decision_to_a_person(changed):
    assert judged(segments=UNSCORED_SEGMENTS.to_dict("records"), **changed).undecided


def test_an_evaluation_of_the_version_in_production_is_not_compared_with_itself():
    found = judged(intervals=without("difference"), champion=None, relation=None, in_production=True)
    assert (True, "is the champion") == (found.promote, check(found, "champion_margin").observed)


def test_an_evaluation_of_an_earlier_release_passes_only_what_it_measured():
    new = ("calibration", "against_baselines", "earlier", "relation", "in_production")
    old = {name: value for name, value in evaluation().items() if name not in new}
    failed = [c.rule for c in judge(old, rules=RULES, advisory=[]).checks if c.outcome != "pass"]
    measured_now = ["max_level_error", "slope", "max_shape_error", "log_loss", "min_leavers", "champion_margin"]
    assert measured_now == failed


def test_a_version_that_was_never_evaluated_passes_nothing():
    found = judge({}, rules=RULES, advisory=[])
    assert (False, ["the version was never evaluated: its run ended before"]) == (found.promote, found.failed)
    [written] = found.to_dict()["checks"]
    assert ("evaluation", None, None, "none", "FAIL", "What was not measured cannot be promoted.") == tuple(
        written[name] for name in ("rule", "limit", "value", "observed", "outcome", "why")
    )


def test_an_advisory_rule_of_an_evaluation_refuses_nothing():
    poor = [i | ({"high": -0.1} if i["metric"] == "profit_per_customer" else {}) for i in evaluation()["intervals"]]
    assert not judge(evaluation(intervals=poor), rules=RULES, advisory=[]).promote
    assert judge(evaluation(intervals=poor), rules=RULES, advisory=["min_profit"]).promote
