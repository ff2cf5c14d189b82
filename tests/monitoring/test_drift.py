"""What has moved since training, and what that does to the score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn import engine, fingerprint, state
from churn.monitoring import drift
from churn.registry import tracking
from churn.registry.versions import Loaded, Version
from churn.training import estimators

NAMES = ["days_since_visit", "visit_count", "plan"]


@pytest.fixture
def loaded(training_set) -> Loaded:
    X, y = training_set[NAMES], training_set.churned.to_numpy(dtype="int64")
    pipeline = estimators.fit(X, y, model="logistic", settings={"C": 1.0}, seed=7)
    return Loaded(
        Version("mine", 1, "Production", "", "", {}),
        pipeline,
        NAMES,
        {"training_ranges": estimators.training_ranges(X)},
    )


def test_the_same_customers_have_not_moved(loaded, training_set):
    table = drift.compare(loaded, training_set[NAMES], training_set[NAMES])
    assert [drift.SCORE, *sorted(NAMES)] == table.feature.tolist()
    assert [0.0] * 4 == table.moved.tolist()
    assert [0.0] * 4 == pytest.approx(table.on_score.tolist(), abs=1e-15)


def test_what_moves_the_score_comes_first_and_not_what_moves_most(loaded, training_set):
    before = training_set[NAMES]
    now = before.assign(days_since_visit=before.days_since_visit + 10, visit_count=before.visit_count + 100)
    table = drift.compare(loaded, before, now).set_index("feature")
    assert table.moved["visit_count"] > table.moved["days_since_visit"]
    alone = estimators.probability(loaded.pipeline, now).mean() - estimators.probability(
        loaded.pipeline, now.assign(days_since_visit=before.days_since_visit)).mean()  # fmt: skip
    assert alone == pytest.approx(table.on_score["days_since_visit"])
    assert table.index[1:].tolist() == sorted(NAMES, key=lambda name: -abs(table.on_score[name]))


def test_a_feature_put_back_is_distributed_as_in_training_nulls_included_and_keeps_its_order():
    before = pd.Series([np.nan, 1.0, 2.0, 3.0])
    assert [np.nan, 1.0, 2.0, 3.0] == pytest.approx(
        drift.put_back(before, pd.Series([10.0, 20.0, 30.0, 40.0])), nan_ok=True
    )
    assert [2.0, np.nan, 3.0, 1.0] == pytest.approx(
        drift.put_back(before, pd.Series([5.0, np.nan, 9.0, 4.0])), nan_ok=True
    )
    twice = drift.put_back(before, pd.Series(np.arange(8.0)))
    assert [np.nan, np.nan, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0] == pytest.approx(twice, nan_ok=True)


def test_categories_are_put_back_by_share():
    before, now = pd.Series(["a"] * 3 + ["b"], dtype=object), pd.Series(["b"] * 6 + ["a"] * 2, dtype=object)
    assert {"a": 6, "b": 2} == pd.Series(drift.put_back(before, now)).value_counts().to_dict()


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (["a", "b"], ["a", "b"], 0.0),
        (["a", "a"], ["b", "b"], 1.0),
        ([0.0] * 9 + [1.0], [0.0] * 10, 0.2278),  # what is nearly always zero has more than one cell
        ([1.0, 2.0], [np.nan, np.nan], 1.0),
        ([np.nan], [np.nan], 0.0),
    ],
)
def test_the_distance_is_0_for_the_same_and_1_for_nothing_in_common(before, now, expected):
    kind = object if isinstance(before[0], str) else float
    assert expected == pytest.approx(
        drift.distance(pd.Series(before, dtype=kind), pd.Series(now, dtype=kind)), abs=1e-3
    )


def test_without_a_version_in_production_there_is_nothing_to_compare(state_folder):
    table, why = drift.since_training(None, {}, "2024-01-01", seed=1)
    assert ("nothing is in production yet", drift.DRIFT, 0) == (why, table.columns.tolist(), len(table))


def test_who_counts_is_looked_at_with_all_features_as_a_model_takes_them(built, state_folder):
    at = pd.Timestamp("2024-01-10", tz="UTC")
    events = [("a", at, "session", 1), ("b", at, "session", 2), ("b", at, "cancel", 0)]
    manifest = built(events, [(c, at, "gold") for c in "abc"], snapshots=["2024-02-01"])
    names = [f["name"] for f in manifest["features"]]
    rows = drift.population(manifest, "2024-02-01", names, seed=1)
    assert ["a", "c"] == list(rows.customer_id)
    assert {*names} == set(rows) - {"customer_id"}
    assert ["gold", "gold"] == rows["plan"].tolist()


def test_what_a_version_learnt_from_is_kept_until_it_is_asked_for(state_folder):
    kept = state.path("mine", "monitoring", "learnt_from", "4.parquet")
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    assert kept == drift.keep_reference(Version("mine", 4, "Production", "", "", {}))
    assert drift.keep_reference(None) is None


def version(run_id: str = "") -> Version:
    return Version("mine", 1, "Production", run_id, "", {"feature_service": "churn_1"})


def test_what_is_kept_no_more_is_said(state_folder):
    table, why = drift.since_training(version(), {"service": "churn_1"}, "2024-01-01", seed=1)
    assert ("what version 1 learnt from is kept no more", 0) == (why, len(table))


def test_a_version_that_takes_other_features_is_named_and_nothing_fails(state_folder, training_set):
    engine.frame_to_parquet(training_set, state.path("mine", "monitoring", "learnt_from", "1.parquet"))
    table, why = drift.since_training(version(), {"service": "churn_2"}, "2024-01-01", seed=1)
    assert ("version 1 takes other features than those of this run", 0) == (why, len(table))


def test_the_training_set_is_kept_where_it_is_the_version_s_own(registry, training_set):
    run, another = tracking.start("mine"), tracking.start("mine")
    run.dataset("training_set", fingerprint.of_frame(training_set), "training_set.parquet", context="training")
    lies = engine.frame_to_parquet(training_set, state.path("mine", "training", "training_set.parquet"))
    assert drift.keep_reference(version(another.id)) is None
    rows = engine.frame(drift.keep_reference(version(run.id)))
    assert [(training_set.part == "train").sum(), sorted(NAMES)] == [len(rows), sorted(rows)]
    lies.unlink()  # the next training writes over it
    assert drift.keep_reference(version(run.id)).exists()
