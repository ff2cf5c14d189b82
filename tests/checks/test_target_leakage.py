"""What a column tells by itself, at each train snapshot: the limits, on both sides, and the columns that may."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.checks import target_leakage
from churn.checks.target_leakage import FEWEST, FOLDS, LIMIT_AUC, LIMIT_PARTED
from churn.errors import InvalidData


def found(training_set: pd.DataFrame, *trusted: str, **columns) -> dict[str, str]:
    """What the two checks observed where they fail, of the training set with these columns beside its own."""
    rows = training_set.assign(**columns)
    features = ["days_since_visit", "visit_count", "plan", *columns]
    checks = target_leakage.checks(rows, features=features, trusted=list(trusted))
    assert ["no feature tells by itself", "no null tells by itself"] == [check.name for check in checks]
    return {check.name.split()[1]: check.observed for check in checks if check.passed is False}


@pytest.fixture
def left(training_set) -> np.ndarray:
    return training_set.churned.to_numpy()


def test_sound_columns_pass_and_the_best_is_told(training_set):
    features = ["days_since_visit", "visit_count", "plan"]
    values, nulls = target_leakage.checks(training_set, features=features, trusted=[])
    assert values.passed and values.observed.startswith("most: days_since_visit, AUC 0.")
    assert nulls.passed and nulls.observed.startswith("most: days_since_visit, AUC 0.5")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_that_follows_the_label_is_named_with_customers_and_snapshot(training_set, left, sign):
    noise = np.random.default_rng(1).random(len(left))
    told = found(training_set, fee=sign * (left + noise))
    assert told["feature"].startswith("fee at 2024-0")
    assert ": AUC 1.000, parts 100% of a side without an error; for example c" in told["feature"]
    assert ", who left, has " in told["feature"] and ", who stayed, " in told["feature"]


def auc_column(left: np.ndarray, auc: float) -> np.ndarray:
    """A number whose AUC is just that: this share of the pairs is in order, and both ends are mixed."""
    rng = np.random.default_rng(2)
    swapped = rng.random(len(left)) < 2 * (1 - auc)
    return np.where(swapped, rng.random(len(left)) * 3 - 1, left + rng.random(len(left)))


@pytest.mark.parametrize(("auc", "fails"), [(LIMIT_AUC - 0.04, False), (LIMIT_AUC + 0.03, True)])
def test_the_limit_lies_between_a_strong_feature_and_a_leak(training_set, left, auc, fails):
    assert fails == ("feature" in found(training_set, score=auc_column(left, auc)))


@pytest.mark.parametrize(("marked", "fails"), [(1 - LIMIT_PARTED + 0.08, False), (1 - LIMIT_PARTED - 0.08, True)])
def test_a_column_that_misses_no_leaver_may_not_mark_too_few_others(training_set, left, marked, fails):
    status = np.where(left | (np.random.default_rng(3).random(len(left)) < marked), "closed", "open")
    assert fails == ("feature" in found(training_set, status=status))


def test_a_column_that_holds_the_answer_of_one_snapshot_only_is_seen(training_set, left):
    first = training_set.snapshot == training_set.snapshot.min()
    told = found(training_set, group=np.where(left & first, "red", "green"))
    assert told["feature"].startswith("group at 2024-01-01: AUC 1.000")


def test_the_test_rows_are_not_looked_at(training_set, left):
    test = training_set.part == "test"
    assert {} == found(training_set, group=np.where(left & test, "red", "green"))


def test_nulls_that_tell_are_named_whatever_the_values_say(training_set, left):
    refund = pd.Series(np.random.default_rng(4).random(len(left))).where(left)
    told = found(training_set, refund=refund)
    assert told["null"].startswith("whether refund is null at 2024-0")
    assert told["feature"].startswith("refund at 2024-0")


def test_many_categories_of_which_each_is_of_one_side_are_seen(training_set, left):
    rng = np.random.default_rng(5)
    agent = np.where(left, rng.integers(0, 15, len(left)), rng.integers(15, 60, len(left)))
    assert found(training_set, agent=[f"A{n}" for n in agent])["feature"].startswith("agent at 2024-0")


def test_an_id_of_its_own_for_each_customer_says_nothing(training_set):
    assert {} == found(training_set, code=training_set.customer_id + "x")


def test_categories_drawn_by_chance_say_nothing(training_set):
    rng = np.random.default_rng(6)
    assert {} == found(training_set, shelf=[f"S{n}" for n in rng.integers(0, 100, len(training_set))])


def test_a_trusted_column_may_tell_by_itself(training_set, left):
    assert {} == found(training_set, "notice", notice=left.astype(float))


def test_a_trusted_name_that_is_no_feature_is_refused(training_set):
    with pytest.raises(InvalidData, match="no feature is called 'notise'"):
        found(training_set, "notise")


def test_all_that_fail_are_listed_after_the_worst(training_set, left):
    answers = {f"fee{n}": left.astype(float) for n in range(7)}
    assert found(training_set, **answers)["feature"].endswith("; so do fee1, fee2, fee3, fee4, fee5, ...")
    assert found(training_set, fee=left.astype(float), bill=left.astype(float))["feature"].endswith("; so do bill")


@pytest.mark.parametrize(("leavers", "looked_at"), [(FEWEST - 1, False), (FEWEST, True)])
def test_a_snapshot_with_few_leavers_is_not_looked_at(leavers, looked_at):
    rows = pd.DataFrame({"snapshot": pd.Timestamp("2024-01-01", tz="UTC"), "part": "train", "fee": range(200)})
    rows = rows.assign(customer_id=[f"c{n}" for n in range(200)], churned=rows.fee < leavers)
    checks = target_leakage.checks(rows.astype({"fee": float}), features=["fee"], trusted=[])
    assert looked_at == (checks[0].passed is False)
    assert looked_at == (checks[0].passed is not None)


def test_the_message_names_a_leaver_and_a_stayer_of_that_snapshot_with_their_values():
    day, earlier = pd.Timestamp("2024-02-01", tz="UTC"), pd.Timestamp("2024-01-01", tz="UTC")
    n = 2 * FEWEST
    now = pd.DataFrame({"customer_id": [f"n{i:02}" for i in range(n)], "snapshot": day, "part": "train"})
    now = now.assign(churned=now.index >= FEWEST, fee=now.index.where(now.index >= FEWEST, np.nan).astype(float))
    before = now.assign(customer_id="b" + now.customer_id, snapshot=earlier, fee=np.arange(n) % 7.0)
    test = now.assign(customer_id="t" + now.customer_id, part="test", fee=-1.0)
    values, nulls = target_leakage.checks(pd.concat([test, before, now]), features=["fee"], trusted=[])
    example = "at 2024-02-01: AUC 1.000, parts 100% of a side without an error; "
    example += "for example n30, who left, has 30, and n00, who stayed, null"
    assert values.observed == f"fee {example}"
    assert nulls.observed == f"whether fee is null {example}"


@pytest.mark.parametrize("leavers", [FEWEST, 200 - FEWEST])
def test_both_sides_must_be_there(leavers):
    rows = pd.DataFrame({"snapshot": pd.Timestamp("2024-01-01", tz="UTC"), "part": "train", "fee": np.arange(200.0)})
    rows = rows.assign(customer_id="c", churned=rows.fee < leavers)
    few = rows[rows.fee > 0] if leavers == FEWEST else rows[rows.fee < 199]
    assert [True, False] == [
        target_leakage.checks(r, features=["fee"], trusted=[])[0].passed is not None for r in (rows, few)
    ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=40))
def test_the_churn_rate_of_a_category_is_that_of_rows_in_other_folds(rows):
    words, left = [word for word, _ in rows], np.array([gone for _, gone in rows])
    found = target_leakage._churn_rate_elsewhere(pd.Series(words), left)
    for i, word in enumerate(words):
        others = [left[j] for j in range(len(rows)) if words[j] == word and j % FOLDS != i % FOLDS]
        assert found[i] == pytest.approx((sum(others) + left.mean()) / (len(others) + 1))
