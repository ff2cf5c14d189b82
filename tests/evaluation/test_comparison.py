"""Candidate, champion and baselines on the same rows, and the document that the gate reads."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churn.evaluation import calibration, comparison, document, metrics, resampling
from churn.evaluation.document import Evaluation
from churn.evaluation.profit import Policy
from churn.evaluation.resampling import Interval
from churn.features import store
from churn.registry.versions import Loaded, Version
from churn.training import dataset, estimators

FEATURES = ["days_since_visit", "visit_count", "plan"]
POLICY = Policy(0.4, 0.3, Interval(1.5, -0.25, 3.0), Interval(1.0, -0.5, 2.0), None, {"contact_cost": 1.0})
METRICS = [
    "auc", "average_precision", "log_loss", "brier", "calibration_error",
    "f1_top", "precision_top", "recall_top", "lift_top",
]  # fmt: skip


def loaded(rows: pd.DataFrame, number: int, columns: list[str], C: float = 1.0) -> Loaded:
    """A version fitted on the training rows, as the registry loads it."""
    X, y = dataset.matrix(rows, "train", columns)
    pipeline = estimators.fit(X, y, model="logistic", settings={"C": C}, seed=7)
    return Loaded(
        Version("mine", number, "None", f"run{number}", "models:/x", {}), pipeline, columns, {"feature_service": "gone"}
    )


@pytest.fixture
def candidate(training_set):
    return loaded(training_set, 2, FEATURES)


@pytest.fixture
def champion(training_set):
    return loaded(training_set, 1, ["visit_count", "days_since_visit"], C=0.01)


@pytest.fixture
def stranger(training_set):
    """A champion that takes a feature which this run does not have."""
    return loaded(training_set.assign(tickets=training_set.visit_count), 1, ["tickets", "visit_count"])


def predict(rows: pd.DataFrame, part: str, candidate: Loaded, champion: Loaded | None) -> comparison.Predictions:
    return comparison.predict(rows, part, candidate, champion, comparison.fit_baselines(rows, candidate))


def evaluated(rows: pd.DataFrame, candidate: Loaded, champion: Loaded | None) -> Evaluation:
    train, test = (predict(rows, part, candidate, champion) for part in ("train", "test"))
    scores = comparison.scores({"train": train, "test": test}, top_fraction=0.1)
    intervals = resampling.bootstrap(test.y, test.versions, top_fraction=0.1, replicates=50, seed=7)
    segments = metrics.by_segment(rows[rows.part == "test"][["plan"]], test.y, test.versions, minimum=120)
    tables = {"rows": rows, "scores": scores, "intervals": intervals, "segments": segments}
    judged = calibration.judge({"2024-03-01": (test.y, test.versions["candidate"])}, seed=7, draws=50)
    against = comparison.against_baselines(test, replicates=50, seed=7)
    rest = {"policy": POLICY, "top_fraction": 0.1, "parity": {}, "contract": {}, "against_baselines": against}
    return Evaluation(candidate=candidate, champion=champion, calibration=judged, **tables, **rest)


def test_both_are_scored_on_the_same_rows_each_with_its_own_columns(training_set, candidate, champion):
    predictions = predict(training_set, "test", candidate, champion)
    test = training_set[training_set.part == "test"]
    assert test.churned.astype(int).tolist() == predictions.y.tolist()
    assert ["candidate", "champion"] == list(predictions.versions)
    for name, version in (("candidate", candidate), ("champion", champion)):
        assert np.array_equal(
            estimators.probability(version.pipeline, test[version.columns]), predictions.versions[name]
        )


def test_a_champion_that_takes_a_feature_which_is_not_there_is_not_scored(training_set, candidate, stranger):
    assert not comparison.can_score(stranger, training_set) and not comparison.can_score(None, training_set)
    evaluation = evaluated(training_set, candidate, stranger)
    recorded = evaluation.document()
    assert (recorded["champion"], recorded["champion_scored"]) == (1, False)
    assert "champion" not in set(evaluation.scores.model) and {"candidate"} == set(evaluation.intervals.model)


def test_every_score_is_there_for_each_model_on_train_and_test(training_set, candidate, champion):
    table = evaluated(training_set, candidate, champion).scores
    assert ["model", "part", *METRICS] == list(table)
    models = ["candidate", "champion", "training rate", "best single feature: days_since_visit"]
    assert [(name, part) for part in ("train", "test") for name in models] == list(
        zip(table.model, table.part, strict=True)
    )
    train = predict(training_set, "train", candidate, champion)
    assert roc_auc_score(train.y, train.versions["champion"]) == pytest.approx(table.auc[1], abs=1e-12)


def test_baselines_learn_from_the_training_rows_only(training_set, candidate):
    expected = training_set.churned[training_set.part == "train"].mean()
    leaving = training_set.assign(churned=training_set.churned | (training_set.part == "test"))
    for part in ("train", "test"):
        predictions = predict(leaving, part, candidate, None)
        assert {expected} == set(predictions.trivial["training rate"])


@pytest.mark.parametrize(
    ("rule", "model", "expected"),
    [
        ("inactivity", "logistic", ["BG/NBD", "Pareto/NBD"]),
        ("inactivity", "bg_nbd", ["Pareto/NBD"]),
        ("event", "logistic", []),
    ],
)
def test_silence_has_baselines_of_its_own_but_no_model_is_its_own(training_set, rule, model, expected):
    n = training_set.visit_count.where(training_set.days_since_visit.notna(), 0.0)
    per = (training_set.days_since_visit + 10 * n) / n.clip(lower=1)
    rows = training_set.assign(days_per_visit=per, active_days_visit=n)
    columns = ["days_since_visit", "days_per_visit", "active_days_visit"]
    settings = {"logistic": {"C": 1.0}, "bg_nbd": {"horizon_days": 30}}[model]
    pipeline = estimators.fit(*dataset.matrix(rows, "train", columns), model=model, settings=settings, seed=7)
    version = Version("mine", 2, "None", "run", "models:/x", {})
    candidate = Loaded(version, pipeline, columns, {"label": {"rule": rule, "horizon_days": 30}})
    assert expected == list(predict(rows, "test", candidate, None).trivial)[2:]


@pytest.mark.parametrize("against", ["champion", "stranger", None])
def test_the_document_is_plain_json_that_holds_it_all(training_set, candidate, against, request):
    other = request.getfixturevalue(against) if against else None
    evaluation = evaluated(training_set, candidate, other)
    recorded, scores = evaluation.document(), evaluation.scores
    assert recorded == json.loads(json.dumps(recorded, allow_nan=False))
    assert ("mine", 2, {"train": 600, "test": 300}) == (recorded["experiment"], recorded["version"], recorded["rows"])
    assert scores.set_index(["model", "part"]).auc["candidate", "test"] == recorded["test_auc"]
    assert len(recorded["scores"]) == len(scores)
    assert None in {segment["candidate_auc"] for segment in recorded["segments"]}  # fewer customers than the minimum


def test_the_metrics_of_the_run_are_named_by_model_and_part(training_set, candidate, champion):
    evaluation = evaluated(training_set, candidate, champion)
    found = evaluation.metrics()
    own = {f"{part}_{metric}" for part in ("train", "test") for metric in METRICS}
    ends = {f"test_{metric}_{end}" for metric in resampling.RESAMPLED for end in ("low", "high")}
    money = {f"test_profit_per_customer{end}" for end in ("", "_low", "_high")} | {"threshold"}
    money |= {"test_level_error", "test_slope", "test_shape_error"}
    assert set(found) == own | {f"champion_{n}" for n in own} | ends | {f"difference_{n}" for n in ends} | money
    at = evaluation.scores.set_index(["model", "part"])
    assert (found["test_auc"], found["champion_train_brier"]) == (
        at.auc["candidate", "test"],
        at.brier["champion", "train"],
    )
    assert found["test_auc_low"] <= found["test_auc"] <= found["test_auc_high"]


def test_the_interval_of_the_profit_stands_beside_the_others_under_its_own_name(training_set, candidate):
    evaluation = evaluated(training_set, candidate, None)
    recorded = document.intervals(evaluation.document())
    assert ["candidate", "profit_per_customer", 1.5, -0.25, 3.0] == recorded.iloc[-1].tolist()
    pd.testing.assert_frame_equal(evaluation.intervals, recorded.iloc[:-1])
    own = {"test_profit_per_customer": 1.5, "test_profit_per_customer_low": -0.25, "test_profit_per_customer_high": 3.0}
    assert own.items() <= evaluation.metrics().items()


def test_the_document_is_read_as_it_was_written(training_set, candidate, champion):
    evaluation = evaluated(training_set, candidate, champion)
    on_test = evaluation.scores[evaluation.scores.part == "test"].drop(columns="part").set_index("model")
    pd.testing.assert_frame_equal(on_test, document.scores(json.loads(json.dumps(evaluation.document()))))
    assert document.scores({}).empty and document.intervals({}).empty


def test_a_first_version_has_metrics_of_its_own_only(training_set, candidate):
    evaluation = evaluated(training_set, candidate, None)
    assert not [name for name in evaluation.metrics() if name.startswith(("champion", "difference"))]


def test_the_sample_shows_each_customer_with_its_own_probability(training_set, candidate, champion):
    scored = comparison.scored_customers(training_set, predict(training_set, "test", candidate, champion))
    found = comparison.sample(scored, seed=7, size=20)
    assert (20, ["customer_id", "snapshot", "churned", "candidate", "champion"]) == (len(found), list(found))
    assert found.customer_id.is_monotonic_increasing
    test = training_set[training_set.part == "test"].set_index("customer_id")
    expected = estimators.probability(candidate.pipeline, test.loc[found.customer_id, FEATURES])
    assert expected == pytest.approx(found.candidate, abs=1e-15)
    assert test.churned[found.customer_id].tolist() == found.churned.tolist()
    pd.testing.assert_frame_equal(found, comparison.sample(scored, seed=7, size=20))
    assert len(comparison.sample(scored, seed=7)) == 300


def test_rows_stay_as_they_are_where_the_champion_can_score_them_or_its_service_is_gone(
    training_set, champion, stranger, state_folder
):
    for version in (None, champion, stranger):
        pd.testing.assert_frame_equal(training_set, comparison.with_features_of(training_set, [version]))


def test_what_the_champion_takes_beside_comes_through_its_own_service(built, state_folder, stranger):
    t = datetime(2024, 3, 1, tzinfo=UTC)
    events = [("ann", t - timedelta(days=1), "visit", 1)] * 2
    made = built(events, [(one, t - timedelta(days=9), "gold") for one in ("ann", "bob")], snapshots=["2024-03-01"])
    store.apply(store.open_store("mine"))
    rows = pd.DataFrame({"customer_id": ["bob", "ann"], "snapshot": pd.to_datetime([t, t]), "tickets": [0.0, 1.0]})
    champion = replace(stranger, columns=["tickets", "visit_count"], metadata={"feature_service": made["service"]})
    found = comparison.with_features_of(rows, [None, champion])
    assert [("bob", 0.0, 0.0), ("ann", 1.0, 2.0)] == list(
        zip(found.customer_id, found.tickets, found.visit_count, strict=True)
    )


def test_every_trivial_model_has_the_candidates_log_loss_minus_its_own(training_set, candidate):
    evaluation = evaluated(training_set, candidate, None)
    at = evaluation.scores[evaluation.scores.part == "test"].set_index("model").log_loss
    found = evaluation.document()["against_baselines"]
    assert ["training rate", "best single feature: days_since_visit"] == list(found)
    for name, interval in found.items():
        assert at["candidate"] - at[name] == pytest.approx(interval["estimate"])
        assert interval["low"] < interval["estimate"] < interval["high"]


def test_earlier_versions_are_ranked_on_the_same_rows_and_one_that_cannot_be_is_named(
    training_set, candidate, champion, stranger
):
    test = predict(training_set, "test", candidate, None)
    found = comparison.against_earlier(training_set, test, [champion, replace(stranger, version=champion.version)])
    other = predict(training_set, "test", champion, None).versions["candidate"]
    expected = roc_auc_score(test.y, test.versions["candidate"]) - roc_auc_score(test.y, other)
    assert (1, pytest.approx(expected)) == (found[0]["version"], found[0]["estimate"])
    assert {"version": 1, "estimate": None, "low": None, "high": None} == found[1]


def test_where_every_customer_has_an_own_threshold_none_is_recorded(training_set, candidate):
    evaluation = evaluated(training_set, candidate, None)
    own = replace(evaluation, policy=replace(POLICY, threshold=None))
    assert "threshold" in evaluation.metrics() and "threshold" not in own.metrics()
    assert own.document()["threshold"] is None


def test_a_slope_that_cannot_be_told_is_no_metric(training_set, candidate):
    evaluation = evaluated(training_set, candidate, None)
    untold = replace(evaluation.calibration, slope=calibration.UNTOLD)
    assert "test_slope" not in replace(evaluation, calibration=untold).metrics()
