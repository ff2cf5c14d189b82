"""Which stages run and which are reused, and what is said about it."""

import pytest

from churn import state
from churn.errors import InvalidParams
from churn.params import schema
from churn.pipeline import cache, cache_key, plan
from churn.pipeline.plan import Selection
from churn.state import PROJECT

GLUED = {
    "features": {"manifest": "/features.json", "features_fingerprint": "ff"},
    "monitor": {"alarm": False, "retrain": True, "why": "each run trains a challenger", "production": 1},
    "train": {
        "version": 1,
        "training_set": "/rows.parquet",
        "known_set": "/known.parquet",
        "levels_file": "/levels.json",
        "training_fingerprint": "tt",
    },
    "evaluate": {"evaluation": "/evaluation.json", "candidate": 1, "champion": 0},
}


def smoke(*overrides: str) -> schema.Params:
    return schema.load(PROJECT / "params" / "smoke.yaml", list(overrides))


def finish(given: schema.Params, *stages: str, **found: object) -> None:
    """Keep stages as if a run had just finished them; `found` is what monitor found."""
    steps, glued = {}, {}
    for stage in stages:
        steps[stage] = step = plan.step(given, stage, steps, glued, Selection(fresh=True))
        glued[stage] = GLUED[stage] | (found if stage == "monitor" else {})
        cache.keep("smoke", cache.Entry(stage, f"run of {stage}", 1.0, 1.0, step.ingredients, glued[stage]), also={})


def told(given: schema.Params, selection: Selection = Selection()) -> list[tuple[str, str]]:  # noqa: B008
    return [("skip" if s.skipped else "reuse" if s.entry else "run", s.why) for s in plan.plan(given, selection)]


EVERY = ("features", "monitor", "train", "evaluate")
LAST = ("promote", "score")


def test_the_first_run_runs_all(state_folder):
    assert [
        ("run", "never ran before"), ("run", "features runs before it"), ("run", "features runs before it"),
        ("run", "features runs before it"), ("run", "features runs before it"), ("run", "promote runs before it"),
    ] == told(smoke())  # fmt: skip


def test_an_unchanged_run_reuses_all_but_the_decision(state_folder):
    finish(smoke(), *EVERY)
    assert [
        ("reuse", "unchanged since run run of features"), ("reuse", "unchanged since run run of monitor"),
        ("reuse", "unchanged since run run of train"), ("reuse", "unchanged since run run of evaluate"),
        ("run", "a decision is always taken anew"), ("run", "promote runs before it"),
    ] == told(smoke())  # fmt: skip


def test_what_monitor_finds_not_to_be_needed_is_skipped_and_says_why(state_folder):
    given = smoke("retrain.when=alarm")
    finish(given, *EVERY[:2], retrain=False, why="no alarm")
    assert ["reuse", "reuse", "skip", "skip", "skip", "run"] == [what for what, _ in told(given)]
    assert ("skip", "no alarm") == told(given)[2]


def test_until_monitor_has_run_nobody_knows_whether_a_challenger_is_trained(state_folder):
    finish(smoke(), *EVERY)
    found = told(smoke("retrain={when: {months: 3}}"))
    assert [("run", "if monitor finds that it is time")] * 3 == found[2:5]
    assert ("reuse", "unchanged since run run of train") == told(smoke())[2]


@pytest.mark.parametrize("selection", [Selection(fresh=True), Selection(only=("train", "evaluate", "promote"))])
def test_training_that_was_asked_for_is_not_skipped(state_folder, selection):
    given = smoke("retrain.when=never")
    finish(given, *EVERY[:2], retrain=False, why="never")
    assert {"train", "evaluate", "promote"} <= {*plan.to_run(plan.plan(given, selection))}


def test_a_list_or_a_logged_prediction_more_lets_monitor_look_again(state_folder):
    finish(smoke(), *EVERY)
    log = state.path("smoke", "predictions", "2023-09-02", "1-1-1.parquet")
    log.parent.mkdir(parents=True)
    log.write_bytes(b"")
    assert ("run", f"{plan.SEEN} has changed") == told(smoke())[1]


@pytest.mark.parametrize(("override", "named"), [
    ("seed=99", ["parameter seed: 7 -> 99"]),
    ("train.logistic.C=0.5", ["parameter settings.C: 1.0 -> 0.5"]),
    ("train={model: hist_gradient_boosting, split: entity, test_fraction: 0.3, trusted_features: [a]}",
     ["parameter split:", "parameter test_fraction:", "parameter trusted_features:", "parameter model:"]),
])  # fmt: skip
def test_a_parameter_that_changed_is_named_before_all_the_modules(state_folder, monkeypatch, override, named):
    finish(smoke(), *EVERY)
    ours = cache_key.ingredients

    def later(stage: str, *given, **more) -> dict[str, str]:
        changed = "?" if stage == "train" else ""
        made = ours(stage, *given, **more)
        return {name: text + changed if name.startswith("module") else text for name, text in made.items()}

    monkeypatch.setattr(cache_key, "ingredients", later)
    why = told(smoke(override))[2][1]
    assert why.startswith(named[0]) and all(name in why for name in named)
    assert " more" in why


def test_another_model_reuses_the_features_and_says_what_changed(state_folder):
    finish(smoke(), *EVERY)
    made = told(smoke("train.model=hist_gradient_boosting"))
    assert ["reuse", "reuse", "run", "run", "run", "run"] == [what for what, _ in made]
    assert 'parameter model: "logistic" -> "hist_gradient_boosting"' in made[2][1]


@pytest.mark.parametrize(("override", "runs"), [
    ("promote.rules.min_auc=0.9", []),
    ("serving.max_feature_age_days=30", []),
    ("timeouts.train=100", []),
    ("evaluate.top_fraction=0.2", ["evaluate"]),
    ("train.test_fraction=0.3", ["train", "evaluate"]),
    ("features.windows_days=[7]", ["features", "monitor", "train", "evaluate"]),
    ("score.control=0.2", []),
])  # fmt: skip
def test_a_parameter_runs_the_stages_that_it_concerns_and_the_later_ones(state_folder, override, runs):
    finish(smoke(), *EVERY)
    steps = plan.plan(smoke(override), Selection())
    assert [*runs, *LAST] == plan.to_run(steps)


def test_what_comes_back_is_reused_again(state_folder):
    finish(smoke(), *EVERY)
    finish(smoke("train.model=hist_gradient_boosting"), *EVERY)
    assert [*LAST] == plan.to_run(plan.plan(smoke(), Selection()))


def test_fresh_runs_all(state_folder):
    finish(smoke(), *EVERY)
    assert [*EVERY, *LAST] == plan.to_run(plan.plan(smoke(), Selection(fresh=True)))


def test_stages_run_those_reuse_the_ones_that_they_need_and_leave_the_others(state_folder):
    finish(smoke(), *EVERY)
    steps = plan.plan(smoke(), Selection(only=("train",)))
    assert [("features", True), ("train", False)] == [(s.stage, s.entry is not None) for s in steps]


def test_a_stage_between_two_that_run_is_reused_where_the_first_ends_as_before(state_folder):
    finish(smoke(), *EVERY)
    steps = plan.plan(smoke(), Selection(only=("features", "evaluate")))
    assert [("features", False), ("train", True), ("evaluate", False)] == [(s.stage, bool(s.entry)) for s in steps]


@pytest.mark.parametrize(("kept", "only", "missing"), [
    ((), ("evaluate",), "features comes before and cannot be reused (never ran before)"),
    (("features",), ("evaluate",), "train comes before and cannot be reused (never ran before)"),
    ((), ("features", "evaluate"), "train comes before and cannot be reused (features runs before it)"),
])  # fmt: skip
def test_stages_whose_input_is_missing_are_refused_with_what_to_type(state_folder, kept, only, missing):
    finish(smoke(), *kept)
    with pytest.raises(InvalidParams) as refused:
        plan.plan(smoke(), Selection(only=only))
    assert missing in str(refused.value)
    assert "run it too: --stages " in str(refused.value)


@pytest.mark.parametrize("text", ["", ",", "trian", "features;train"])
def test_unknown_stages_are_refused_with_the_known_ones(text):
    with pytest.raises(InvalidParams, match="one of features, monitor, train, evaluate, promote, score"):
        plan.stages_of(text)


def test_stages_are_named_once_each_and_with_spaces():
    assert ("features", "train") == plan.stages_of(" features, train,features")
