"""The rules of the gate: what passes, what fails, and what it says."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.registry.gate import Decision, decide, judge

RULES = {
    "min_auc": 0.75,
    "baseline_margin": 0.005,
    "champion_margin": 0.005,
    "max_calibration_error": 0.08,
    "segment_margin": 0.05,
    "min_profit": 0.0,
    "parity": True,
    "signature": True,
}
LIMITED = ["min_auc", "baseline_margin", "champion_margin", "max_calibration_error", "segment_margin"]
SERVED = {
    "profit": 1.5,
    "parity": {"customers": 200, "different": 0, "example": ""},
    "contract": {"service": "churn_ab12", "missing": []},
}
GOOD = {"auc": 0.81, "calibration_error": 0.02}
BASELINES = {"nobody leaves": {"auc": 0.5}, "best single feature: recency": {"auc": 0.795}}
CHAMPION = {"auc": 0.80, "calibration_error": 0.02}
BETTER = {"auc": {"estimate": 0.010, "low": 0.004, "high": 0.016}}
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
NUMBERS = st.floats(-1, 1)


def decision(**changed) -> Decision:
    """The gate's answer on a good candidate with a champion, but for what is changed."""
    good = {"candidate": GOOD, "baselines": BASELINES, "champion": CHAMPION, "difference": BETTER}
    return decide(**(good | SERVED | {"segments": SEGMENTS, "rules": RULES} | changed))


def check(found: Decision, rule: str):
    return next(check for check in found.checks if check.rule == rule)


def test_a_candidate_that_holds_every_rule_is_promoted():
    found = decision()
    assert (True, [], list(RULES)) == (found.promote, found.failed, [check.rule for check in found.checks])


def test_gate_names_the_failed_limit():
    found = decision(candidate={"auc": 0.71, "calibration_error": 0.02}, rules=RULES | {"baseline_margin": None})
    assert (found.promote, found.failed) == (False, ["auc 0.710 is below the floor 0.750"])


def test_a_near_miss_is_written_with_the_decimals_that_show_it():
    found = decision(candidate={"auc": 0.74996, "calibration_error": 0.02}, rules=RULES | {"baseline_margin": None})
    assert found.failed == ["auc 0.74996 is below the floor 0.75000"]


def test_a_candidate_must_beat_the_best_baseline_by_the_margin():
    found = decision(candidate={"auc": 0.797, "calibration_error": 0.02})
    text = "auc is +0.002 against the best baseline (best single feature: recency), less than the margin +0.005"
    assert [text] == found.failed


def test_a_gate_without_a_baseline_does_not_pass():
    assert decision(baselines={}).failed == ["no baseline was scored to compare with"]


def test_a_candidate_that_may_be_worse_than_the_champion_by_more_than_the_margin_fails():
    found = decision(difference={"auc": {"estimate": 0.001, "low": -0.006, "high": 0.008}})
    assert found.failed == ["auc against the champion is at worst -0.006, beyond the allowed -0.005"]


def test_the_first_model_has_no_champion_to_beat():
    found = decision(champion=None, difference=None)
    assert found.promote
    assert tuple(check(found, rule).observed for rule in ("champion_margin", "segment_margin")) == (
        "no champion",
        "no champion",
    )


def test_a_champion_that_could_not_be_scored_blocks_the_promotion_and_says_so():
    found = decision(difference=None, segments=SEGMENTS.drop(columns="champion_auc"))
    assert found.failed == [
        "the champion could not be scored on the same rows, so nothing shows that the candidate is no worse",
        "the champion could not be scored by segment, so nothing shows that no segment is worse",
    ]


def test_a_badly_calibrated_candidate_fails():
    found = decision(candidate=GOOD | {"calibration_error": 0.12})
    assert found.failed == ["calibration error 0.120 is above the ceiling 0.080"]


def test_the_segment_that_lost_most_is_named():
    found = decision(segments=SEGMENTS.assign(candidate_auc=[0.70, 0.72]))
    assert found.failed == ["auc against the champion in plan = basic is -0.090, beyond the allowed -0.050"]


@pytest.mark.parametrize(
    ("segments", "observed"),
    [
        (None, "no segments"),
        (SEGMENTS.head(0), "no segments"),
        (SEGMENTS.assign(candidate_auc=math.nan, champion_auc=math.nan), "segments too small"),
    ],
)
def test_data_without_comparable_segments_passes_and_says_so(segments, observed):
    found = check(decision(segments=segments), "segment_margin")
    assert (True, observed, None) == (found.passed, found.observed, found.value)


def test_a_rule_switched_off_is_not_in_the_table():
    assert [check.rule for check in decision(rules=dict.fromkeys(RULES) | {"max_calibration_error": 0.08}).checks] == [
        "max_calibration_error"
    ]


def test_a_forgotten_rule_is_an_error_and_not_switched_off():
    with pytest.raises(KeyError, match="min_auc"):
        decision(rules={rule: limit for rule, limit in RULES.items() if rule != "min_auc"})


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("min_auc", {"candidate": GOOD | {"auc": math.nan}}),
        ("baseline_margin", {"candidate": GOOD | {"auc": math.nan}}),
        ("baseline_margin", {"baselines": BASELINES | {"broken": {"auc": math.nan}}}),
        ("champion_margin", {"difference": {"auc": {"estimate": 0.0, "low": math.nan, "high": 0.0}}}),
        ("max_calibration_error", {"candidate": GOOD | {"calibration_error": math.nan}}),
        ("segment_margin", {"segments": SEGMENTS.assign(candidate_auc=[0.8, math.nan])}),
    ],
)
def test_what_is_not_a_number_never_passes_and_becomes_null_in_json(rule, changed):
    found = decision(**changed)
    assert not check(found, rule).passed
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [entry["value"] for entry in written["checks"] if entry["rule"] == rule] == [None]


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("min_auc", {"candidate": GOOD | {"auc": 0.75}, "baselines": {"nobody leaves": {"auc": 0.5}}}),
        ("baseline_margin", {"candidate": GOOD | {"auc": 0.80}}),
        ("champion_margin", {"difference": {"auc": {"estimate": 0.0, "low": -0.005, "high": 0.0}}}),
        ("max_calibration_error", {"candidate": GOOD | {"calibration_error": 0.08}}),
        ("segment_margin", {"segments": SEGMENTS.assign(candidate_auc=[0.70, 0.75], champion_auc=[0.70, 0.80])}),
    ],
)
def test_a_limit_met_exactly_is_met(rule, changed):
    assert check(decision(**changed), rule).passed


@settings(deadline=None)
@given(auc=NUMBERS, low=NUMBERS, error=NUMBERS, limit=NUMBERS, stricter=st.floats(0, 1), rule=st.sampled_from(LIMITED))
def test_a_stricter_limit_never_turns_a_failed_rule_into_a_pass(auc, low, error, limit, stricter, rule):
    changed = {
        "candidate": {"auc": auc, "calibration_error": error},
        "difference": {"auc": {"estimate": low, "low": low, "high": low}},
        "segments": SEGMENTS.assign(candidate_auc=auc),
    }
    tighter = limit + stricter if rule in ("min_auc", "baseline_margin") else limit - stricter
    loose, strict = (check(decision(rules=RULES | {rule: value}, **changed), rule) for value in (limit, tighter))
    assert loose.passed or not strict.passed


UNSCORED = SEGMENTS.drop(columns="champion_auc")
TOO_SMALL = SEGMENTS.assign(candidate_auc=math.nan, champion_auc=math.nan)
WORSE = SEGMENTS.assign(candidate_auc=[0.70, 0.72])
BEHIND = {"auc": {"estimate": 0.001, "low": -0.006, "high": 0.008}}
UNEQUAL = {"customers": 200, "different": 2, "example": "customer 7: tenure_days is 3.0 offline, 4.0 online"}
OUTCOMES = [  # what is changed, the rule, then what it writes down: value, observed, outcome, text
    ({}, "min_auc", 0.81, "0.810", "pass", "auc 0.810 reaches the floor 0.750"),
    ({}, "baseline_margin", 0.015, "+0.015 against best single feature: recency", "pass",
     "auc is +0.015 against the best baseline (best single feature: recency), at least the margin +0.005"),
    ({"baselines": {}}, "baseline_margin", None, "no baseline", "FAIL", "no baseline was scored to compare with"),
    ({}, "champion_margin", 0.004, "+0.010, at worst +0.004", "pass",
     "auc against the champion is at worst +0.004, within the allowed -0.005"),
    ({"difference": BEHIND}, "champion_margin", -0.006, "+0.001, at worst -0.006", "FAIL",
     "auc against the champion is at worst -0.006, beyond the allowed -0.005"),
    ({"champion": None}, "champion_margin", None, "no champion", "pass", "there is no champion to be worse than"),
    ({"difference": None}, "champion_margin", None, "champion not scored", "undecided",
     "the champion could not be scored on the same rows, so nothing shows that the candidate is no worse"),
    ({}, "max_calibration_error", 0.02, "0.020", "pass", "calibration error 0.020 is within the ceiling 0.080"),
    ({}, "segment_margin", -0.02, "-0.020 in plan = gold", "pass",
     "auc against the champion in plan = gold is -0.020, within the allowed -0.050"),
    ({"segments": SEGMENTS.head(1)}, "segment_margin", 0.01, "+0.010 in plan = basic", "pass",
     "auc against the champion in plan = basic is +0.010, within the allowed -0.050"),
    ({"segments": WORSE}, "segment_margin", -0.09, "-0.090 in plan = basic", "FAIL",
     "auc against the champion in plan = basic is -0.090, beyond the allowed -0.050"),
    ({"champion": None}, "segment_margin", None, "no champion", "pass",
     "no segment can be worse without a champion"),
    ({"segments": None}, "segment_margin", None, "no segments", "pass", "the data has no segments to compare"),
    ({"segments": UNSCORED}, "segment_margin", None, "champion not scored", "undecided",
     "the champion could not be scored by segment, so nothing shows that no segment is worse"),
    ({"segments": TOO_SMALL}, "segment_margin", None, "segments too small", "pass",
     "no segment has enough customers of both classes to be compared"),
    ({}, "min_profit", 1.5, "+1.500 per customer", "pass", "expected profit +1.500 per customer is at least +0.000"),
    ({"profit": None}, "min_profit", None, "+nan per customer", "FAIL",
     "expected profit +nan per customer is less than +0.000"),
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
EXACT = {"parity": 0.0, "signature": 0.0}  # rules that allow no difference at all


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


def test_the_decision_is_plain_json_and_its_table_is_for_people():
    found = decision(profit=-1.0)
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(written) == ["promote", "failed", "checks"]
    assert (False, found.failed) == (written["promote"], written["failed"])
    assert list(found.table()) == ["rule", "limit", "observed", "outcome", "why"]
    assert [(check.rule, check.limit, check.observed, check.outcome, check.why) for check in found.checks] == list(
        found.table().itertuples(index=False, name=None)
    )


def test_a_model_that_costs_more_than_it_brings_is_refused():
    found = decision(profit=-0.25)
    assert ["expected profit -0.250 per customer is less than +0.000"] == found.failed


def test_features_that_differ_online_are_named_with_an_example():
    example = "customer 7: tenure_days is 3.0 offline, 4.0 online"
    found = decision(parity={"customers": 200, "different": 2, "example": example})
    assert ["2 of 200 customers have other features online than offline"] == found.failed
    assert check(found, "parity").observed.endswith(example)


def test_features_that_were_not_compared_refuse():
    assert "FAIL" == check(decision(parity=None), "parity").outcome
    assert "FAIL" == check(decision(contract=None), "signature").outcome


def test_a_column_that_the_feature_service_lacks_is_named():
    found = decision(contract={"service": "churn_ab12", "missing": ["days_since_ticket"]})
    assert ["signature: churn_ab12 lacks days_since_ticket"] == found.failed


def test_an_advisory_rule_is_shown_and_refuses_nothing():
    found = decision(profit=-1.0, advisory=["min_profit"])
    assert (True, [], "advisory") == (found.promote, found.failed, check(found, "min_profit").outcome)


def test_a_champion_that_cannot_be_scored_leaves_the_decision_to_a_person():
    found = decision(champion={}, difference=None, segments=SEGMENTS.drop(columns="champion_auc"))
    assert (False, True) == (found.promote, found.undecided)
    assert ["undecided", "undecided"] == [check(found, rule).outcome for rule in ("champion_margin", "segment_margin")]


def test_a_failed_rule_beside_an_unscored_champion_still_refuses():
    found = decision(champion={}, difference=None, segments=None, profit=-1.0)
    assert (False, False) == (found.promote, found.undecided)


def evaluation(**changed) -> dict:
    """The document of a good candidate beside a champion, but for what is changed."""
    models = {"candidate": GOOD, "champion": CHAMPION, **BASELINES}
    scores = [{"model": name, "part": part} | s for name, s in models.items() for part in ("train", "test")]
    difference = [{"model": "difference", "metric": "auc"} | BETTER["auc"]]
    served = {"profit_per_customer": SERVED["profit"], "parity": SERVED["parity"], "contract": SERVED["contract"]}
    good = {"scores": scores, "intervals": difference, "champion": 3, "segments": SEGMENTS.to_dict("records")}
    return good | served | changed


def without(model: str) -> list[dict]:
    return [scores for scores in evaluation()["scores"] if scores["model"] != model]


def test_an_evaluation_is_judged_as_its_numbers_are():
    document = json.loads(json.dumps(evaluation()))
    assert decision().to_dict() == judge(document, rules=RULES, advisory=[]).to_dict()


def test_only_the_test_rows_are_judged():
    scores = [s | ({"auc": 0.1} if s["part"] == "train" else {}) for s in evaluation()["scores"]]
    assert judge(evaluation(scores=scores), rules=RULES, advisory=[]).promote


def test_an_evaluation_without_a_champion_has_none_to_beat():
    found = judge(evaluation(scores=without("champion"), intervals=[], champion=None), rules=RULES, advisory=[])
    assert "no champion" == check(found, "champion_margin").observed


def test_a_champion_without_scores_in_the_evaluation_leaves_the_decision_to_a_person():
    segments = SEGMENTS.drop(columns="champion_auc").to_dict("records")
    found = judge(evaluation(scores=without("champion"), intervals=[], segments=segments), rules=RULES, advisory=[])
    assert found.undecided


def test_a_version_that_was_never_evaluated_passes_nothing():
    found = judge({}, rules=RULES, advisory=[])
    assert (False, ["the version was never evaluated: its run ended before"]) == (found.promote, found.failed)


def test_an_advisory_rule_of_an_evaluation_refuses_nothing():
    assert judge(evaluation(profit_per_customer=-1.0), rules=RULES, advisory=["min_profit"]).promote
