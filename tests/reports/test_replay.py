"""What is told of a replay: sentences, tables and figures, of a whole one and of one without anything to compare."""

from __future__ import annotations

import copy
import re

import pytest

from churn.reports import replay_sentences, replay_tables
from churn.reports.plots import replay as plots
from churn.reports.plots import text_form

SCORES = {"customers": 100, "flagged": 30, "contacted": 27, "auc": 0.75, "auc_low": 0.7, "auc_high": 0.8,
          "log_loss": 0.4, "predicted": 0.2, "observed": 0.21, "profit": 100.0}  # fmt: skip


def month(policy: str, as_of: str, **more) -> dict:
    told = {
        "policy": policy, "as_of": as_of, "known_on": "2024-12-31", "judged": True, "listed": True, "stopped": False,
        "production": 1, "before": 1, "candidate": 0, "decision": None, "trained": False, "why": "no alarm stands",
        "alarm": False, "failed": [], "said": "",
    }  # fmt: skip
    return told | SCORES | more


def policy(name: str, **more) -> dict:
    told = {
        "policy": name, "horizon_days": 30, "trainings": 3, "promoted": 2, "refused": 1, "waits": 0, "stopped": 0,
        "alarms": [], "lists": 3, "judged": 2, "contacted": 54, "profit": 512.4, "auc": 0.75, "log_loss": 0.4,
    }  # fmt: skip
    return told | more


def difference(policy: str, against: str, profit: float, low: float, high: float) -> dict:
    told = {"policy": policy, "against": against, "profit": profit, "low": low, "high": high}
    return told | {"customers": 120, "months": 2}


def other(role: str, verdict: str, **more) -> dict:
    told = {
        "policy": "always", "as_of": "2024-02-01", "role": role, "version": 2, "ruling": 1, "failed": ["min_auc"],
        "profit": -12.0, "profit_low": -20.0, "profit_high": -4.0, "log_loss": 0.01, "log_loss_low": 0.004,
        "log_loss_high": 0.016, "auc": 0.7, "auc_ruling": 0.75, "verdict": verdict,
    }  # fmt: skip
    return told | more


RULE = {"rule": "min_auc", "months": ["2024-02-01"], "profit": 12.0, "profit_low": 4.0, "profit_high": 20.0,
        "log_loss": 0.01, "log_loss_low": 0.004, "log_loss_high": 0.016}  # fmt: skip
UNJUDGED = {"judged": False} | dict.fromkeys(SCORES)
WHOLE = {
    "experiment": "shop", "from": "2024-01-01", "to": "2024-03-01", "log_ends": "2024-04-30", "check": None,
    "policies": [policy("always"), policy("alarm", alarms=["2024-02-01", "2024-03-01"]), policy("never", profit=200.0)],
    "months": [
        month("always", "2024-01-01", production=1, before=0, candidate=1, decision="promoted", trained=True),
        month("always", "2024-02-01", candidate=2, decision="refused", trained=True, failed=["auc 0.6 is below 0.7"]),
        month("always", "2024-03-01", **UNJUDGED | {"listed": False}),
        month("alarm", "2024-01-01"), month("alarm", "2024-02-01", alarm=True),
        month("alarm", "2024-03-01", **UNJUDGED),
        month("never", "2024-01-01"), month("never", "2024-02-01", profit=60.0),
        month("never", "2024-03-01", **UNJUDGED),
    ],
    "differences": [
        difference("alarm", "always", 0.0, 0.0, 0.0),
        difference("always", "never", 312.4, -40.2, 660.0),
        difference("alarm", "never", -312.4, -400.0, -200.0),
    ],
    "others": [other("refused", "worse"), other("replaced", "better", as_of="2024-03-01")],
    "rules": [RULE],
}  # fmt: skip
ALONE = WHOLE | {
    "policies": [policy("bg", profit=None, judged=0, lists=0, auc=None, log_loss=None)], "differences": [], "rules": [],
    "others": [],
    "months": [month("bg", "2024-01-01", **UNJUDGED | {"stopped": True, "listed": False, "why": "too few"})],
}  # fmt: skip


def test_a_policy_that_earned_more_by_chance_is_told_with_its_interval():
    told = "Retraining at every date would have earned 312 more than never (95%: -40 to 660), which may be chance."
    assert told in replay_sentences.finding(WHOLE)


def test_less_is_told_as_less_with_the_interval_turned():
    assert (
        "Retraining on an alarm would have earned 312 less than never (95%: 200 to 400)."
        in replay_sentences.finding(WHOLE)
    )


def test_how_often_the_alarm_fired():
    told = "The alarm fired twice (2024-02-01, 2024-03-01); it trained 3 models."
    assert told in replay_sentences.finding(WHOLE)


@pytest.mark.parametrize(
    ("name", "said"),
    [("always", "Retraining at every date"), ("months=3", "Retraining every 3 months"), ("never", "Never retraining"),
     ("train.model=bg_nbd", "The policy train.model=bg_nbd")],
)  # fmt: skip
def test_a_policy_begins_a_sentence_in_words(name, said):
    row = WHOLE["differences"][1] | {"policy": name}
    assert said in " ".join(replay_sentences.finding(WHOLE | {"differences": [row]}))


def test_equal_lives_are_told_as_equal():
    row = WHOLE["differences"][0]
    assert "would have earned as much as always, customer by customer" in " ".join(
        replay_sentences.finding(WHOLE | {"differences": [row]})
    )


def test_the_gate_is_judged_by_what_came_true():
    assert (
        "The gate: of 1 refused candidate 0 would have foretold its month better than what stayed, 1 worse, beyond "
        "chance; of 1 promoted one 1 turned out worse than what it replaced, beyond chance."
    ) == replay_sentences.gate(WHOLE)


def test_a_date_without_a_list_is_told_with_its_reason():
    assert (
        "At 1 date there was no list: 1 because the version in production could not score the features of then."
    ) in replay_sentences.finding(WHOLE)


def test_a_run_that_would_have_stopped_is_told():
    assert "1 run would have stopped, first as of 2024-01-01: too few." in replay_sentences.finding(ALONE)


@pytest.mark.parametrize(
    ("equal", "told"),
    [(True, "1 date was run for real on a log cut there, and equals the replay to the last bit."),
     (False, "The replay does not equal a run on a log cut at 2024-02-01: threshold is 0.1 in the replay")],
)  # fmt: skip
def test_the_check_is_told(equal, told):
    row = {"as_of": "2024-02-01", "what": "threshold", "replayed": "0.1", "fresh": "0.2", "equal": equal}
    assert told in " ".join(replay_sentences.finding(WHOLE | {"check": [row]}))


def test_the_worth_of_a_rule_is_told_with_its_interval():
    assert "Refusing by **min_auc** was worth 12 (95%: 4 to 20) over 1 date." == replay_sentences.rules(WHOLE)


def test_the_tables_hold_each_decision_and_each_date():
    assert ["refused"] == replay_tables.not_promoted(WHOLE).decision.tolist()
    assert len(WHOLE["months"]) == len(replay_tables.months(WHOLE))
    assert ["candidate worse"] == replay_tables.refused(WHOLE).verdict.tolist()
    assert ["312 (-40 to 660)"] == replay_tables.differences(WHOLE).profit.tolist()[1:2]


def test_the_check_is_a_row_a_date_and_what_differs_apart():
    row = {"as_of": "2024-02-01", "what": "level at 2024-02-01", "replayed": "0.1", "fresh": "0.2", "equal": False}
    told = WHOLE | {"check": [row, row | {"what": "scores", "equal": True}]}
    assert [{"as_of": "2024-02-01", "level": "DIFFERS", "scores": "equal"}] == replay_tables.check(told).to_dict(
        "records"
    )
    assert ["level at 2024-02-01"] == replay_tables.differing(told).what.tolist()


def test_the_figure_has_a_lane_a_policy_and_what_each_earned_beyond_never():
    told = text_form.described(plots.lives(WHOLE))
    assert re.search(r"always would have earned most: 512 by 2 lists that came true", told)
    assert "line always: x 2024-01-01, 2024-02-01; y 0, 40" in told  # 100 and 200 against 100 and 160 of never
    assert {"promoted", "refused", "alarm stands"} <= set(re.findall(r"line (promoted|refused|alarm stands):", told))


def test_the_differences_are_told_beyond_chance_only():
    assert "never earned 312 more than alarm, beyond chance" in text_form.described(plots.differences(WHOLE))


def test_a_replay_with_nothing_to_compare_is_told_all_the_same():
    told = copy.deepcopy(ALONE)
    assert "The gate had nothing to choose from that has come true." in replay_sentences.finding(told)
    assert "No list of any policy has come true" in text_form.described(plots.lives(told))
    assert "nothing to compare it with" in text_form.described(plots.differences(told))
    for table in (replay_tables.refused, replay_tables.replaced, replay_tables.rules, replay_tables.check):
        assert table(told).empty
