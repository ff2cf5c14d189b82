"""Sentences that read a result, and values as a notebook hands them on."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbconvert.filters import markdown2html_mistune

from churn.evaluation.document import Evaluation
from churn.evaluation.profit import Policy
from churn.pipeline.execution.glue import glue
from churn.registry.versions import Loaded, Version
from churn.reports import sentences, tables

RUN = {
    "id": "5e1f",
    "ended": "",
    "datasets": [
        {"name": "training_set", "context": "training", "fingerprint": "2740-a304486a55b31e63498fee7f7ec7a001"}
    ],
    "metrics": {"test_auc": 0.70071, "input_events": 128191.0},
    "tags": {"version": "<1>", "mlflow.user": "ann", "python": "3.11.7"},
}
NAMES = (
    "<details><summary>names</summary><ul><li>files: a.csv, b.json</li>"
    "<li>data sets: training_set (training, 2740-a304486a5)</li>"
    "<li>numbers: input_events 128,191, test_auc 0.7007</li><li>tags: version &lt;1&gt;</li></ul></details>"
)


def test_the_record_of_a_run_is_a_table_of_counts_with_the_names_folded():
    assert sentences.record(RUN, ["b.json", "a.csv"], page=None).splitlines() == [
        "| the run keeps | how many | shown by MLflow under |",
        "|:--|--:|:--|",
        "| files | 2 | Artifacts |",
        "| data sets | 1 | Overview |",
        "| numbers | 2 | Model metrics |",
        "| tags | 1 | Overview |",
        "",
        "MLflow keeps it as run `5e1f`, which `make ui` shows.",
        "",
        NAMES,
    ]


def test_the_record_links_to_the_server_where_there_is_one():
    said = sentences.record(RUN, [], page="http://mlflow/#/experiments/1/runs/5e1f")
    assert "| files | 0 | [Artifacts](http://mlflow/#/experiments/1/runs/5e1f/artifacts) |" in said
    assert "| tags | 1 | [Overview](http://mlflow/#/experiments/1/runs/5e1f) |" in said
    assert "MLflow keeps it as run `5e1f`.\n" in said


def test_what_is_handed_on_is_shown_with_paths_as_they_lie_in_the_state_folder(state_folder):
    shown = glue(manifest=str(state_folder / "smoke" / "features.json"), auc=0.70071, version=3, failed=[])
    assert ["- manifest: `smoke/features.json`", "- auc: `0.7007`", "- version: `3`", "- failed: `[]`"] == (
        shown.data.splitlines()
    )


def test_the_profit_is_read_with_its_interval():
    economics = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
    said = sentences.threshold(Policy(0.1324, 0.078, 0.0264, -0.1, 0.15), **economics)
    assert "brings **+0.03** each (-0.10 to +0.15 in 95 % of the resamples), +26 per thousand customers." in said


def version(number: int) -> Loaded:
    return Loaded(Version("mine", number, "None", "run", "models:/x", {"model": "logistic"}), None, [], {})


@pytest.fixture
def evaluation() -> Evaluation:
    names = ["candidate", "champion", "nobody leaves", "best single feature: x"]
    auc, error = [0.7, 0.69, 0.5, 0.6], [0.03, 0.02, 0.0, 0.01]
    scores = pd.DataFrame({"model": names, "part": "test", "auc": auc, "calibration_error": error})
    intervals = pd.DataFrame({"model": [*names[:2], "difference"], "metric": "auc"})
    intervals = intervals.assign(estimate=[0.7, 0.69, 0.01], low=[0.65, 0.64, -0.01], high=[0.75, 0.74, 0.03])
    return Evaluation(
        candidate=version(2), champion=version(1), rows=pd.DataFrame({"part": ["test"] * 9}), scores=scores,
        intervals=intervals, segments=pd.DataFrame(), policy=Policy(0.13, 0.078, 0.026, -0.08, 0.11),
        top_fraction=0.1, parity={}, contract={},
    )  # fmt: skip


def test_the_finding_says_who_is_compared_and_what_each_judgement_is_in_a_line(evaluation):
    assert sentences.finding(evaluation).splitlines() == [
        "- **Compared**: Candidate: **version 2** (logistic), on 9 test customers. Champion: **version 1** (logistic).",
        "- **Ranking**: test AUC **0.700** (0.650 to 0.750 in 95 % of the resamples). The champion's is 0.690: "
        "the two cannot be told apart. The best trivial model, *best single feature: x*, reaches 0.600.",
        "- **Probabilities**: off by **3.0 points** on average (the champion's: 2.0).",
        "- **Money**: contacting everyone at or above **0.130**, 7.8% of the customers, brings **+0.03** per customer "
        "(-0.08 to +0.11).",
    ]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, "the candidate is better"),
        (-0.03, -0.01, "the champion is better"),
        (0.0, 0.03, "the two cannot be told apart"),
    ],
)
def test_a_difference_is_told_from_chance_by_its_interval(evaluation, low, high, verdict):
    evaluation.intervals.loc[2, ["low", "high"]] = low, high
    assert f"The champion's is 0.690: {verdict}." in sentences.finding(evaluation)
    assert sentences.interval(evaluation.intervals).endswith(f": {verdict}.")


def test_a_finding_without_a_champion_and_without_contacts_says_so(evaluation):
    alone = replace(
        evaluation,
        champion=None,
        scores=evaluation.scores.query("model != 'champion'"),
        intervals=evaluation.intervals.head(1),
        policy=Policy(1.0, 0.0, 0.0, 0.0, 0.0),
    )
    compared, ranking, probabilities, money = sentences.finding(alone).splitlines()
    assert compared.endswith("so there is no champion.")
    assert "champion" not in ranking + probabilities
    assert money == "- **Money**: no customer reaches the threshold, so nobody is contacted and nothing earned."


@pytest.mark.parametrize("name", ["*star*|pipe", "<b>bold", "`code` [x](y)", "_a_ b_c"])
def test_a_name_in_a_sentence_or_a_table_is_shown_as_it_is(name):
    said = sentences.segments(pd.DataFrame([{"segment": name, "value": name, "customers": 90, "candidate_auc": 0.7}]))
    shown = BeautifulSoup(markdown2html_mistune(said), "html.parser").get_text()
    assert f"ranks best where {name} is {name} (AUC 0.700" in shown
    table = tables.table(pd.DataFrame({name: [name]}, index=[name]), headings=False)
    cells = [cell.get_text().strip() for cell in BeautifulSoup(table.to_html(), "html.parser").find_all(["th", "td"])]
    assert [name] * 3 == [cell for cell in cells if cell]


def test_features_that_are_not_called_as_given_are_listed():
    manifest = {"features": [{"name": "plan"}, {"name": "users.churned", "given": "churned"}]}
    assert "**1** names could not be kept" in sentences.renamed(manifest)
    assert "'churned' is 'users.churned'" in sentences.renamed(manifest)
    assert "Every feature is called as it was given." == sentences.renamed({"features": [{"name": "plan"}]})
