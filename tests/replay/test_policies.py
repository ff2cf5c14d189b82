"""What a policy may say, and what it becomes."""

import pytest

from churn.errors import InvalidParams
from churn.replay import policies
from churn.state import PROJECT

SMOKE = PROJECT / "params" / "smoke.yaml"


def read(*texts: str, overrides: list[str] | None = None) -> list[policies.Policy]:
    return policies.read(SMOKE, overrides or [], list(texts))


@pytest.mark.parametrize(
    ("text", "when"),
    [("always", "always"), ("alarm", "alarm"), ("never", "never"), ("months=3", {"months": 3})],
)
def test_a_word_says_when_to_train_again(text, when):
    [policy] = read(text)
    assert when == policy.params.model_dump()["retrain"]["when"]


def test_four_policies_where_none_is_named():
    assert ["always", "months=3", "alarm", "never"] == [policy.text for policy in read()]


def test_a_policy_joins_words_and_settings():
    [policy] = read("alarm  train.model=hist_gradient_boosting promote.rules={min_auc: 0.5}")
    assert ("alarm", "hist_gradient_boosting", 0.5) == (
        policy.params.retrain.when, policy.params.train.model, policy.params.promote.rules.min_auc,
    )  # fmt: skip


def test_a_policy_stands_above_what_is_set_for_all():
    [policy] = read("train.model=hist_gradient_boosting", overrides=["train.model=logistic", "seed=5"])
    assert ("hist_gradient_boosting", 5) == (policy.params.train.model, policy.params.seed)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["sometimes"], "'sometimes' is no policy; known are always, alarm, never, months=N"),
        (["alarm", " alarm "], "'alarm' is named twice"),
        (["  "], "--policy is empty"),
        (["months=0"], "months"),
        (["always", "never data.seed=8"], "'never data.seed=8' changes data; policies are compared on one log"),
        (["data.seed=8", "always"], "'data.seed=8' changes data; policies are compared on one log"),
        (["data.seed=8"], "'data.seed=8' changes data; policies are compared on one log"),
        (["train.modle=logistic"], "train.model"),
        (["experiment.x=1"], "experiment"),
    ],
)
def test_a_policy_that_is_none_is_refused_with_what_is_known(texts, told):
    with pytest.raises(InvalidParams) as refused:
        read(*texts)
    assert told in str(refused.value)
