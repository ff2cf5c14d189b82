"""The training side knows the test side: its rows, its labels, its statistics. The train stage stops."""

from __future__ import annotations

import pytest

from churn import state
from churn.params import schema
from churn.pipeline import stage_parameters
from churn.training import dataset, labels, levels
from tests.checks.planted import business

STORED, PREPARED, LEARNT = "as the feature store has it", "prepared by training rows", "learnt from training rows"
KNOWN = "labels known in time"


def test_a_category_encoded_with_the_labels_of_test_rows(plant, trained, stops):
    """The churn rate by plan, over all rows; the store holds the plan."""
    encoded = "rows.assign(part=parts, plan=rows.plan.map(rows.groupby('plan').churned.mean()))"
    plant(dataset, "with_parts", "rows.assign(part=parts)", encoded)
    told = r"plan: [\d,]+ values are not the store's; customer C\d{7} at 2023-04-01 has plan 0\.\d+, the store \w+"
    with stops(STORED, told):
        trained()


def test_a_column_scaled_over_all_rows(plant, trained, stops):
    """Before the split, so that the mean and the deviation of the test are in the training set."""
    scaled = "(rows.overdue_activity - rows.overdue_activity.mean()) / rows.overdue_activity.std()"
    plant(dataset, "with_parts", "rows.assign(part=parts)", f"rows.assign(part=parts, overdue_activity={scaled})")
    told = r"customer C\d{7} at 2023-04-01 has overdue_activity -?[\d.]+, the"
    with stops(STORED, r"overdue_activity: [\d,]+ values", told):
        trained()


def test_a_scaler_fitted_on_all_rows(featured, monkeypatch, stops):
    """Inside the model, whose classifier has seen the training rows only."""
    monkeypatch.setenv("CHURN_STATE", str(featured[1]))
    told = r"days_per_activity: customer C\d{7} at 2023-04-01 becomes -?[\d.]+ in the model, -?[\d.]+ by the training"
    edit = {"=newest)\n": "=newest)\nfitted['columns'].fit(rows[features])\n"}
    with stops(PREPARED, told):
        train(featured[0], edits=edit)


@pytest.mark.parametrize("model", ["logistic", "hist_gradient_boosting"])
def test_a_model_fitted_on_all_rows(plant, trained, stops, model):
    """The side that was asked for is not looked at."""
    plant(dataset, "matrix", "rows[rows.part == part]", "rows")
    with stops(LEARNT, r"the training rows are 1,757 customers, C\d{7} and others, at 2023-04-01, 2023-05-01"):
        trained(f"train.model={model}")


def test_the_same_customer_on_both_sides_of_an_entity_split(plant, trained, stops):
    """The sides are drawn by row."""
    plant(dataset, "with_parts", "(rows.customer_id)", "(rows.customer_id + rows.snapshot.astype(str))")
    told = r"customer_id: \d+ shared, for example C\d{7} \((train at 2023-0[45]-01, )+test at 2023-07-01\)"
    with stops("no customer on both sides", told):
        trained("train.split=entity")


def test_training_labels_not_yet_known_at_the_test_snapshot(featured, monkeypatch, stops):
    """The params file that says so is refused; here the notebook is given what the file could not say."""
    monkeypatch.setenv("CHURN_STATE", str(featured[1]))
    told = r"churned: \d+ labels of 2023-05-01 are known on 2023-07-02, after the test snapshot 2023-07-01.* C\d{7}"
    with stops(KNOWN, told):
        train(featured[0], label={"rule": "event", "kind": "cancel", "horizon_days": 62})


def test_a_level_taken_from_the_test_snapshot(plant, trained, stops):
    """The labels of the very snapshot that is scored count as known."""
    plant(levels.Rule, "known", "timedelta(days=self.horizon_days) <= ", "timedelta(days=0) <= ")
    told = r"level known in time: 2023-07-01: [+-][\d.]+, and [+-][\d.]+ with the [\d,]+ labels that were open then"
    with stops("level known in time", told):
        trained()


def test_labels_that_look_further_than_their_horizon(plant, trained, stops):
    """The dates are in order, and the code takes forty days more: labels are given again without what came later."""
    plant(labels, "_until_horizon", "days_before=-horizon_days", "days_before=-horizon_days - 40")
    told = r"churned: \d+ labels .* of 2023-07-01 or later; customer C\d{7} at 2023-05-01 is True, and False without"
    with stops(KNOWN, told):
        trained()


def train(file, *settings: str, edits: dict[str, str] | None = None, **changed) -> dict:
    """Execute the train notebook with what the params file gives, and what it could not give."""
    given = schema.load(file, list(settings))
    features = {"manifest": str(state.path(given.experiment, "features", "features.json"))}
    parameters = stage_parameters.stage_parameters(given, "train", {"features": features}, "")
    return business.cells("train", parameters | changed, edits=edits)
