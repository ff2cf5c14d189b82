"""The labelled training set: types, the split, and what of it goes into a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn import fingerprint
from churn.errors import InvalidData
from churn.training import dataset

TRAIN, TEST = ["2024-01-01", "2024-02-01"], "2024-04-01"
MANY = pd.Series([f"{i:05}" for i in range(5000)])


def split(
    rows: pd.DataFrame, how: str, *, train: list[str] = TRAIN, test: str = TEST, share: float = 0.25
) -> pd.DataFrame:
    settings = {"train_snapshots": train, "test_snapshot": test, "test_fraction": share}
    return dataset.with_parts(rows.drop(columns="part"), split=how, **settings)


def test_a_temporal_split_tests_on_the_later_snapshot(training_set):
    found = split(training_set, "temporal")
    pd.testing.assert_frame_equal(training_set, found)


def test_rows_of_no_snapshot_of_the_split_are_left_out(training_set):
    found = split(training_set, "temporal", train=TRAIN[:1])
    assert {("train", 300), ("test", 300)} == set(found.part.value_counts().items())
    assert list(range(600)) == list(found.index)


@pytest.mark.parametrize(("train", "test"), [(TRAIN, TEST), (TRAIN[:1], TRAIN[0])], ids=["later", "same snapshot"])
def test_a_split_by_entity_has_no_customer_on_both_sides(training_set, train, test):
    found = split(training_set, "entity", train=train, test=test)
    sides = {part: set(rows.customer_id) for part, rows in found.groupby("part")}
    assert sides["train"] and sides["test"] and not sides["train"] & sides["test"]
    assert set(pd.to_datetime(train, utc=True)) == set(found.snapshot[found.part == "train"])
    assert {pd.Timestamp(test, tz="UTC")} == set(found.snapshot[found.part == "test"])


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_split_by_entity_tests_on_about_the_share_asked_for(share):
    rows = pd.DataFrame({"customer_id": MANY, "snapshot": pd.Timestamp(TEST, tz="UTC"), "part": ""})
    found = split(rows, "entity", train=[TEST], share=share)
    assert len(found) == len(MANY)
    assert (found.part == "test").mean() == pytest.approx(share, abs=0.02)


def test_a_customer_stays_on_its_side_whoever_else_there_is(training_set):
    whole = split(training_set, "entity").set_index(["customer_id", "snapshot"]).part
    some = split(training_set.sample(frac=0.3, random_state=1), "entity").set_index(["customer_id", "snapshot"]).part
    assert whole[some.index].equals(some)


def test_a_larger_share_keeps_the_customers_of_the_smaller_one():
    shares = fingerprint.stable_fraction(MANY)
    assert set(MANY[shares < 0.1]) < set(MANY[shares < 0.25])


def test_features_are_numbers_and_text_without_nulls():
    rows = pd.DataFrame({"count": [1, None], "flag": [True, False], "plan": ["basic", None], "other": ["x", "y"]})
    types = {"count": "integer", "flag": "integer", "plan": "category"}
    found = dataset.typed(rows, {"features": [{"name": name, "type": kind} for name, kind in types.items()]})
    assert ["basic", "unknown"] == list(found.plan)
    assert {"count": "float64", "flag": "float64"} == {n: str(found[n].dtype) for n in ("count", "flag")}
    assert np.isnan(found["count"][1]) and list(rows) == list(found)


def test_a_matrix_holds_the_features_of_one_part_in_the_order_asked_for(training_set):
    X, y = dataset.matrix(training_set, "test", ["plan", "visit_count"])
    assert ["plan", "visit_count"] == list(X)
    assert training_set.churned[600:].astype(int).tolist() == y.tolist()
    assert training_set.plan[600:].tolist() == X.plan.tolist() and list(range(300)) == list(X.index)


def test_the_summary_counts_by_part_and_snapshot_training_first(training_set):
    found = dataset.summary(training_set)
    assert ["train", "train", "test"] == list(found.part)
    assert [300] * 3 == list(found.customers)
    assert training_set.churned[600:].mean() == found.churn_rate[2]


def test_the_newest_rows_are_those_of_the_last_snapshot(training_set):
    assert training_set[600:].reset_index(drop=True).equals(dataset.newest(training_set))


def test_a_side_on_which_nobody_counts_is_refused_by_name(training_set):
    with pytest.raises(InvalidData, match="no customer counts on the test side \\(2030-01-01\\)"):
        split(training_set, "temporal", test="2030-01-01")


@pytest.mark.parametrize("name", ["self", "class", "charges.month", "_x"])
def test_a_feature_of_any_name_is_typed_in_its_place(training_set, name):
    rows = training_set.rename(columns={"plan": name})
    found = dataset.typed(rows, {"features": [{"name": name, "type": "category"}]})
    assert list(rows) == list(found)
    beside = dataset.with_columns(rows.drop(columns=name), rows, [name])
    assert list(rows[name]) == list(found[name]) == list(beside[name])
