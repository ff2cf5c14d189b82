"""Sentences that read a result, and values as a notebook hands them on."""

from __future__ import annotations

from churn.evaluation.profit import Policy
from churn.pipeline.execution.glue import glue
from churn.reports import sentences

RUN = {
    "ended": "2024-03-01T00:00:00Z",
    "datasets": [
        {"name": "training_set", "context": "training", "fingerprint": "2740-a304486a55b31e63498fee7f7ec7a001"}
    ],
    "metrics": {"test_auc": 0.70071, "input_events": 128191.0},
    "tags": {"version": "1", "mlflow.user": "ann", "python": "3.11.7"},
}


def test_the_record_of_a_run_names_files_data_sets_numbers_and_tags():
    assert sentences.record(RUN, ["b.json", "a.csv"]).splitlines() == [
        "The run has ended and keeps",
        "",
        "- files: a.csv, b.json",
        "- data sets: training_set (training, 2740-a304486a5)",
        "- numbers: input_events 128,191, test_auc 0.7007",
        "- tags: version 1",
    ]


def test_a_run_that_goes_on_and_keeps_nothing_yet_says_so():
    assert sentences.record({"ended": "", "datasets": [], "metrics": {}, "tags": {}}, []).strip() == (
        "The run is under way and keeps"
    )


def test_what_is_handed_on_is_shown_with_paths_as_they_lie_in_the_state_folder(state_folder):
    shown = glue(manifest=str(state_folder / "smoke" / "features.json"), auc=0.70071, version=3, failed=[])
    assert ["- manifest: `smoke/features.json`", "- auc: `0.7007`", "- version: `3`", "- failed: `[]`"] == (
        shown.data.splitlines()
    )


def test_the_profit_is_read_with_its_interval():
    economics = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
    said = sentences.threshold(Policy(0.1324, 0.078, 0.0264, -0.1, 0.15), **economics)
    assert "brings **+0.03** each (-0.10 to +0.15 in 95 % of the resamples), +26 per thousand customers." in said
