"""No false alarm: sound businesses go through every check of both stages, each of which has to say so itself."""

from __future__ import annotations

import pytest

from churn import state
from tests.checks.planted import business

SETTINGS = [("temporal", "logistic"), ("temporal", "hist_gradient_boosting"), ("entity", "logistic")]

FIRST = "the log goes on"  # which the log of an earlier run tells; here there was none


def quiet(defined: dict) -> dict[str, str]:
    """The outcome of every check that a stage has made, none of which failed."""
    made = [check for name in ("of_log", "of_features", "of_rows", "of_model") for check in defined.get(name, [])]
    assert [] == [check for check in made if check.outcome == "FAIL"]
    return {check.name: check.outcome for check in made}


def outcomes_but(name: str, defined: dict) -> set[str]:
    return {outcome for check, outcome in quiet(defined).items() if check != name}


@pytest.mark.parametrize(("split", "model"), SETTINGS)
def test_a_sound_business_passes(trained, split, model):
    outcomes = quiet(trained(f"train.split={split}", f"train.model={model}"))
    unchecked = {"within the training range"} if model == "logistic" else set()  # trees alone end at their range
    assert unchecked == {name for name, outcome in outcomes.items() if outcome == "not checked"}
    assert ("no customer on both sides" in outcomes) == (split == "entity")


def test_a_sound_log_passes(given, events, customers):
    outcomes = quiet(business.run(given(events, customers), stages=("features",)))
    log = {"one spelling a customer", "one id a history", "events after sign-up", "times of their own"}
    in_time = {"no hollow days", "the log reaches serve", "every kind goes on", "events, not lines"}
    rules = log | in_time | {"features defined in time", "future invariance"}
    assert dict.fromkeys(rules, "pass") | {FIRST: "not checked"} == outcomes


def test_rows_that_arrive_late_pass_where_they_are_left_out(given, events, customers):
    file = given(business.with_arrivals(events), customers)
    assert {"pass"} == outcomes_but(FIRST, business.run(file, stages=("features",)))


def test_a_log_without_customers_passes(given, events):
    assert {"pass"} == outcomes_but(FIRST, business.run(given(events, None), stages=("features",)))


def test_ready_made_features_pass_and_what_was_not_checked_is_said(tmp_path):
    features, labels = business.ready_made()
    outcomes = quiet(business.run(business.write_tables(tmp_path, {"usage": features}, labels), stages=("features",)))
    assert "not checked" == outcomes["future invariance"] == outcomes["times of their own"]
    assert "pass" == outcomes["one id a history"]


def test_a_feature_that_is_known_to_tell_may(tmp_path):
    """Notice was given before the snapshot: it is no leak that those who gave it leave."""
    features, labels = business.ready_made()
    tables = {"usage": features.assign(notice=labels.gone.astype(int))}
    file = business.write_tables(tmp_path, tables, labels)
    assert "pass" == quiet(business.run(file, "train.trusted_features=[notice]"))["no feature tells by itself"]


@pytest.mark.system
@pytest.mark.parametrize(("name", "less"), [("cdnow", []), ("streaming", ["data.customers=4000"]), ("shop", [])])
def test_the_project_s_own_data_pass(name, less):
    file = state.PROJECT / "params" / f"{name}.yaml"
    quiet(business.run(file, *less, stages=("features",)))
    for split, model in [("temporal", "logistic"), ("entity", "hist_gradient_boosting")]:
        quiet(business.run(file, *less, f"train.split={split}", f"train.model={model}", stages=("train",)))
