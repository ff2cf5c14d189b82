"""A training set is what the feature store holds, and a model what its training rows give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from sklearn.base import clone

from churn.checks import fitted_model
from churn.checks import training_set as checks
from churn.features import manifest
from churn.training import dataset, estimators

MARCH = "2024-03-01"
T = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CUSTOMERS = [("ann", T - 90 * DAY, "basic"), ("bob", T - 9 * DAY, None)]
EVENTS = [("ann", T - DAY, "visit", 7)]
NAMES = ["days_since_visit", "visit_count", "plan"]
PACE = ["days_since_visit", "days_per_visit", "active_days_visit"]
KINDS = {
    "logistic": {"C": 1.0},
    "hist_gradient_boosting": {"max_iter": 5, "learning_rate": 0.1, "max_leaf_nodes": 4, "min_samples_leaf": 20},
}
every_model = pytest.mark.parametrize("model", KINDS)


@pytest.fixture
def stored(built, state_folder) -> tuple[pd.DataFrame, dict]:
    """A training set as it is joined, and the manifest of the tables it comes from."""
    made = built(EVENTS, CUSTOMERS, snapshots=[MARCH])
    tables = [pd.read_parquet(manifest.table_path(made, MARCH, view)) for view in manifest.views(made)]
    rows = pd.concat([table.set_index(["customer_id", "snapshot"]) for table in tables], axis=1).reset_index()
    return dataset.typed(rows, made), made


def of_set(rows: pd.DataFrame, made: dict) -> str | None:
    features = [f["name"] for f in made["features"]]
    check = checks._as_stored(rows, made, features=features)
    return None if check.passed else check.observed


def test_a_set_as_joined_is_the_stores_nulls_and_all(stored):
    assert of_set(*stored) is None


def test_rows_may_come_in_any_order_and_number(stored):
    rows, made = stored
    assert of_set(rows.iloc[::-1], made) is None
    assert of_set(rows.iloc[[1]], made) is None


def test_another_value_is_named_with_customer_time_and_both_values(stored):
    rows, made = stored
    changed = rows.assign(tenure_days=rows.tenure_days.where(rows.customer_id != "bob", 8.5))
    assert of_set(changed, made) == (
        "tenure_days: 1 values are not the store's; customer bob at 2024-03-01 has tenure_days 8.5, the store 9.0"
    )


@pytest.mark.parametrize(("column", "value"), [("days_since_visit", 0.0), ("plan", "none")])
def test_a_null_that_was_filled_is_another_value(stored, column, value):
    rows, made = stored
    changed = rows.assign(**{column: rows[column].where(rows.customer_id != "bob", value)})
    assert of_set(changed, made).startswith(f"{column}: 1 values are not the store's; customer bob at 2024-03-01 has ")


def test_a_customer_whom_the_store_does_not_know_has_no_values(stored):
    rows, made = stored
    assert "customer zoe at 2024-03-01" in of_set(rows.replace({"customer_id": {"bob": "zoe"}}), made)


def test_a_column_that_is_no_feature_is_named(stored):
    rows, made = stored
    check = checks._as_stored(rows.assign(rate=0.5), made, features=["visit_count", "rate"])
    assert not check.passed and check.observed == f"rate: not in feature service {made['service']}"


@pytest.fixture
def fitted(training_set):
    """A model fitted on the rows that `chosen` picks."""

    def _fitted(model: str, chosen: pd.Series | slice = slice(None)):
        rows = training_set[chosen]
        y = rows.churned.to_numpy(dtype="int64")
        return estimators.fit(rows[NAMES], y, model=model, settings=KINDS[model], seed=7)

    return _fitted


def outcomes(model, rows: pd.DataFrame) -> list[str]:
    return [check.outcome for check in fitted_model.checks(model, rows, features=NAMES)[:2]]


@every_model
def test_a_model_of_the_training_rows_passes(fitted, training_set, model):
    assert ["pass", "pass"] == outcomes(fitted(model, training_set.part == "train"), training_set)


@every_model
def test_a_model_of_all_rows_is_seen(fitted, training_set, model):
    _, learnt, _ = fitted_model.checks(fitted(model), training_set, features=NAMES)
    assert not learnt.passed
    assert learnt.observed.endswith("are 600 customers, c000 and others, at 2024-01-01, 2024-02-01")


@every_model
def test_one_row_more_is_seen(fitted, training_set, model):
    """Of the logistic regression by its columns, of the trees by the first of them."""
    assert "FAIL" in outcomes(fitted(model, slice(0, 601)), training_set)


def test_columns_prepared_by_all_rows_are_named_with_a_customer(fitted, training_set):
    model = fitted("logistic", training_set.part == "train")
    model["columns"].fit(training_set[NAMES])
    prepared, *_ = fitted_model.checks(model, training_set, features=NAMES)
    assert prepared.observed.startswith("days_since_visit")
    assert ": customer c000 at 2024-01-01 becomes " in prepared.observed


def test_a_classifier_of_all_rows_behind_sound_columns_is_seen(fitted, training_set):
    model = fitted("logistic", training_set.part == "train")
    seen = model["columns"].transform(training_set[NAMES])
    model.steps[-1] = ("classifier", clone(model["classifier"]).fit(seen, training_set.churned))
    assert ["pass", "FAIL"] == outcomes(model, training_set)


@every_model
def test_a_category_that_only_test_rows_have_is_seen_in_the_columns(fitted, training_set, model):
    rows = training_set.assign(plan=training_set.plan.where(training_set.part == "train", "diamond"))
    sound = estimators.fit(
        rows[NAMES][:600], rows.churned[:600].to_numpy(dtype="int64"), model=model, settings=KINDS[model], seed=7
    )
    assert "pass" == outcomes(sound, rows)[0]
    sound["columns"].fit(rows[NAMES])
    prepared, *_ = fitted_model._prepared(sound["columns"], rows[:600], NAMES), None
    assert "plan_diamond: customer c000 at 2024-01-01 becomes" in prepared.observed


def test_a_fit_that_was_cut_off_says_nothing_of_its_rows(fitted, training_set):
    model = fitted("logistic", training_set.part == "train")
    model["classifier"].max_iter = model["classifier"].n_iter_[0]
    assert ["pass", "not checked"] == outcomes(model, training_set)


def test_every_estimator_has_a_mark_of_its_rows():
    settings = KINDS | {"bg_nbd": {"horizon_days": 30}, "pareto_nbd": {"horizon_days": 30}}
    kinds = {type(fit(PACE, [], seed=1, **settings[name])["classifier"]) for name, fit in estimators.ESTIMATORS.items()}
    assert kinds == set(fitted_model.TRACES_OF_TRAINING_ROWS)


@pytest.mark.parametrize(
    ("one", "other"), [("plan", "plan_gold"), ("a__b", "a__b_gold"), ("Soort (B2B)", "Soort (B2B)_gold")]
)
def test_columns_that_scikit_learn_calls_alike_are_told_apart(training_set, one, other):
    """`plan` with `gold_x` and `plan_gold` with `x` are both `plan_gold_x`."""
    rows = training_set.rename(columns={"plan": one})
    rows[one] = rows[one].replace("gold", "gold_x")
    rows.insert(3, other, rows[one].replace({"gold_x": "y", "basic": "x"}))
    features = ["days_since_visit", "visit_count", other, one]
    X, y = dataset.matrix(rows, "train", features)
    fitted = estimators.fit(X, y, model="logistic", settings=KINDS["logistic"], seed=1)
    assert [True, True] == [check.passed for check in fitted_model.checks(fitted, rows, features=features)[:2]]
    taught = estimators.fit(*dataset.matrix(rows.assign(part="train"), "train", features),
                            model="logistic", settings=KINDS["logistic"], seed=1)  # fmt: skip
    assert fitted_model.checks(taught, rows, features=features)[0].passed is False


def test_a_feature_may_be_called_like_the_mark_of_another_s_nulls(training_set):
    rows = training_set.assign(missingindicator_days_since_visit=training_set.visit_count * 2.0)
    features = ["days_since_visit", "missingindicator_days_since_visit", "plan"]
    fitted = estimators.fit(*dataset.matrix(rows, "train", features), model="logistic", settings={"C": 1.0}, seed=1)
    assert fitted_model.checks(fitted, rows, features=features)[0].passed


@pytest.mark.parametrize("name", ["bg_nbd", "pareto_nbd"])
def test_a_model_of_histories_is_that_of_the_newest_snapshot_s(training_set, name):
    n = training_set.visit_count.where(training_set.days_since_visit.notna(), 0.0)
    per = (training_set.days_since_visit + 10 * n) / n.clip(lower=1)
    rows = training_set.assign(days_per_visit=per, active_days_visit=n)
    for newest, outcome in ((dataset.newest(rows), "pass"), (rows, "FAIL")):
        model = estimators.fit(
            rows[PACE], rows.churned, model=name, settings={"horizon_days": 30}, seed=7, newest=newest[PACE]
        )
        assert ["pass", outcome] == [check.outcome for check in fitted_model.checks(model, rows, features=PACE)[:2]]


def range_check(model, rows: pd.DataFrame) -> tuple[str, str]:
    check = fitted_model.checks(model, rows, features=NAMES)[2]
    return check.outcome, check.observed


def test_trees_whose_test_rows_lie_beyond_a_leading_feature_s_range_are_told_with_the_share(fitted, training_set):
    model = fitted("hist_gradient_boosting", training_set.part == "train")
    assert ("pass", "days_since_visit: of at most 1% of the test rows") == range_check(model, training_set)
    later = training_set.assign(days_since_visit=training_set.days_since_visit + 1000 * (training_set.index >= 800))
    outcome, observed = range_check(model, later)
    assert ("warning", True) == (outcome, observed.startswith("days_since_visit of 3"))


def test_a_feature_that_does_not_lead_may_go_beyond_its_range(fitted, training_set):
    model = fitted("hist_gradient_boosting", training_set.part == "train")
    far = training_set.assign(visit_count=training_set.visit_count + 100 * (training_set.part == "test"))
    assert "pass" == range_check(model, far)[0]


def test_a_regression_goes_on_beyond_its_range(fitted, training_set):
    model = fitted("logistic", training_set.part == "train")
    assert ("not checked", "the model goes on beyond what it has seen") == range_check(model, training_set)
