"""Which stages run and which are reused, and what is said about it."""

import pytest

from churn.errors import InvalidParams
from churn.params import schema
from churn.pipeline import cache, cache_key, plan, stage_parameters
from churn.pipeline.plan import Selection
from churn.state import PROJECT

GLUED = {
    "features": {"manifest": "/features.json", "features_fingerprint": "ff"},
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


def finish(given: schema.Params, *stages: str) -> None:
    """Keep stages as if a run had just finished them."""
    glued, upstream = {}, {}
    for stage in stages:
        parts = cache_key.ingredients(
            stage, stage_parameters.stage_parameters(given, stage, glued, ""), upstream=upstream, inputs={}
        )
        cache.keep("smoke", cache.Entry(stage, f"run of {stage}", 1.0, 1.0, parts, GLUED[stage]), also={})
        glued[stage], upstream[stage] = GLUED[stage], cache_key.key(parts)


def told(given: schema.Params, selection: Selection = Selection()) -> list[tuple[str, str]]:  # noqa: B008
    return [("reuse" if s.entry else "run", s.why) for s in plan.plan(given, selection)]


EVERY = ("features", "train", "evaluate")


def test_the_first_run_runs_all(state_folder):
    assert [
        ("run", "never ran before"), ("run", "features runs before it"),
        ("run", "features runs before it"), ("run", "features runs before it"),
    ] == told(smoke())  # fmt: skip


def test_an_unchanged_run_reuses_all_but_the_decision(state_folder):
    finish(smoke(), *EVERY)
    assert [
        ("reuse", "unchanged since run run of features"), ("reuse", "unchanged since run run of train"),
        ("reuse", "unchanged since run run of evaluate"), ("run", "a decision is always taken anew"),
    ] == told(smoke())  # fmt: skip


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
    why = told(smoke(override))[1][1]
    assert why.startswith(named[0]) and all(name in why for name in named)
    assert " more" in why


def test_another_model_reuses_the_features_and_says_what_changed(state_folder):
    finish(smoke(), *EVERY)
    made = told(smoke("train.model=hist_gradient_boosting"))
    assert ["reuse", "run", "run", "run"] == [what for what, _ in made]
    assert 'parameter model: "logistic" -> "hist_gradient_boosting"' in made[1][1]


@pytest.mark.parametrize(("override", "runs"), [
    ("promote.rules.min_auc=0.9", []),
    ("serving.max_feature_age_days=30", []),
    ("timeouts.train=100", []),
    ("evaluate.top_fraction=0.2", ["evaluate"]),
    ("train.test_fraction=0.3", ["train", "evaluate"]),
    ("features.windows_days=[7]", ["features", "train", "evaluate"]),
])  # fmt: skip
def test_a_parameter_runs_the_stages_that_it_concerns_and_the_later_ones(state_folder, override, runs):
    finish(smoke(), *EVERY)
    steps = plan.plan(smoke(override), Selection())
    assert [*runs, "promote"] == plan.to_run(steps)


def test_what_comes_back_is_reused_again(state_folder):
    finish(smoke(), *EVERY)
    finish(smoke("train.model=hist_gradient_boosting"), *EVERY)
    assert ["promote"] == plan.to_run(plan.plan(smoke(), Selection()))


def test_fresh_runs_all(state_folder):
    finish(smoke(), *EVERY)
    assert [*EVERY, "promote"] == plan.to_run(plan.plan(smoke(), Selection(fresh=True)))


def test_stages_run_those_reuse_the_ones_before_and_leave_the_ones_after(state_folder):
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
    with pytest.raises(InvalidParams, match="one of features, train, evaluate, promote"):
        plan.stages_of(text)


def test_stages_are_named_once_each_and_with_spaces():
    assert ("features", "train") == plan.stages_of(" features, train,features")
