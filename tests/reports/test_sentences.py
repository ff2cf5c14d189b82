"""Sentences that read a result, and values as a notebook hands them on."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbconvert.filters import markdown2html_mistune

from churn.evaluation.calibration import UNTOLD, Calibration, Level, Shape, Slope
from churn.evaluation.document import Evaluation
from churn.evaluation.profit import Policy
from churn.evaluation.resampling import Interval
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


ECONOMICS = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
EARNED, OF_ALL = Interval(0.0264, -0.1, 0.15), Interval(-0.87, -1.08, -0.67)
POLICY = Policy(0.1333, 0.078, EARNED, OF_ALL, None, ECONOMICS)
BUDGET = {"most": 500, "contacted": 76, "estimate": 0.02, "low": -0.05, "high": 0.09}


def test_the_threshold_is_told_with_its_rule_what_it_brings_and_what_everybody_and_nobody_bring():
    assert (
        "A contact costs 2, a saved customer is worth 60, and 25% of the leavers contacted stay, so contacting pays "
        "from **0.133** = 2 / (60 × 0.25) on. That reaches 7.8% of the test customers and brings **+0.03** "
        "(-0.10 to +0.15) each, in 95 % of the resamples, +26 per thousand customers; contacting everybody "
        "-0.87 (-1.08 to -0.67), nobody 0."
    ) == sentences.threshold(POLICY, 1000)


def test_a_budget_is_told_with_its_rule_and_what_its_contacts_bring():
    assert sentences.threshold(replace(POLICY, budget=BUDGET), 1000).endswith(
        " Of those, at most 500 are contacted, the ones with the most to gain (probability × value × success rate − "
        "cost): 76 customers, which brings **+0.02** (-0.05 to +0.09) per customer, +20 in all."
    )


def test_an_own_threshold_is_told_by_its_rule():
    own = ECONOMICS | {"saved_value": {"column": "purchase_value_180d", "margin": 0.3}}
    said = sentences.threshold(replace(POLICY, threshold=None, economics=own), 1000)
    assert "a saved customer is worth 0.3 of its *purchase_value_180d*" in said
    rule = (
        "contacting pays from the customer's own threshold, 2 / (0.3 × value × 0.25), on (never, where that is above 1)"
    )
    assert rule in said


def test_a_threshold_that_no_probability_reaches_is_told_as_such():
    said = sentences.threshold(replace(POLICY, threshold=1.0000000000000002), 1000)
    assert "contacting pays from no probability on: a contact costs more than it can save." in said


def version(number: int) -> Loaded:
    return Loaded(Version("mine", number, "None", "run", "models:/x", {"model": "logistic"}), None, [], {})


TEST = Level("2023-07-01", 983, 74, 0.0583, 0.0753, -0.0334, -0.0006)
CALIBRATION = Calibration([TEST], 0.0148, Slope(0.66, 0.117, 0.43, 0.89), Shape(0.0283, 0.031))


@pytest.fixture
def evaluation() -> Evaluation:
    names = ["candidate", "champion", "nobody leaves", "best single feature: x"]
    auc, error = [0.7, 0.69, 0.5, 0.6], [0.03, 0.02, 0.0, 0.01]
    scores = pd.DataFrame({"model": names, "part": "test", "auc": auc, "calibration_error": error})
    intervals = pd.DataFrame({"model": [*names[:2], "difference"], "metric": "auc"})
    intervals = intervals.assign(estimate=[0.7, 0.69, 0.01], low=[0.65, 0.64, -0.01], high=[0.75, 0.74, 0.03])
    return Evaluation(
        candidate=version(2), champion=version(1), rows=pd.DataFrame({"part": ["test"] * 9}), scores=scores,
        intervals=intervals, segments=pd.DataFrame(), policy=POLICY, calibration=CALIBRATION,
        top_fraction=0.1, parity={}, contract={},
    )  # fmt: skip


def test_the_finding_says_who_is_compared_and_what_each_judgement_is_in_a_line(evaluation):
    assert sentences.finding(evaluation).splitlines() == [
        "- **Compared**: Candidate: **version 2** (logistic), on 9 test customers. Champion: **version 1** (logistic).",
        "- **Ranking**: test AUC **0.700** (0.650 to 0.750 in 95 % of the resamples). The champion's is 0.690: "
        "the two cannot be told apart. The best baseline, *best single feature: x*, reaches 0.600.",
        "- **Level**: **5.8%** predicted at 2023-07-01, **7.5%** observed: -1.7 points (-3.3 to -0.1). Only one "
        "snapshot is known, so how this changes from month to month is not.",
        "- **Probabilities**: slope **0.66** (0.43 to 0.89): too extreme. With the level mended they are off by "
        "**2.8 points** on average, where chance alone makes up to 3.1.",
        "- **Money**: contacting everyone from **0.133** on, 7.8% of the customers, brings **+0.03** (-0.10 to +0.15) "
        "per customer; everybody -0.87 (-1.08 to -0.67), nobody 0.",
    ]


def test_what_is_known_of_the_season_follows_the_level(evaluation):
    lines = sentences.finding(evaluation, season="unknown: the log is 8 months long").splitlines()
    assert "- **Season**: unknown: the log is 8 months long" == lines[3]


def test_of_the_season_the_newest_level_is_told_with_the_share_that_is_expected_to_leave():
    newest = {"why": "season of last year (2025-01-01)", "expected": {"mean": 0.45, "low": 0.41, "high": 0.49}}
    told = sentences.season({"2025-10-01": {"why": "that of the newest"}, "2026-01-01": newest})
    assert (
        "the level at 2026-01-01 is the season of last year (2025-01-01), **45.0%** (41.0% to 49.0%) expected to leave."
        == told
    )
    assert "" == sentences.season({})


def test_the_level_is_told_over_the_known_snapshots_where_there_are_several(evaluation):
    many = replace(CALIBRATION, origins=CALIBRATION.origins * 12)
    told = sentences.level(many)
    assert told.endswith(" Over the last 12 known snapshots off by **1.5 points** beyond chance.")
    assert sentences.calibrated(many).startswith(f"Level: {told} Beyond it: slope")


@pytest.mark.parametrize(
    ("slope", "told"),
    [
        (Slope(0.9, 0.1, 0.7, 1.1), "slope **0.90** (0.70 to 1.10): right, as far as one can tell."),
        (Slope(1.5, 0.1, 1.3, 1.7), "slope **1.50** (1.30 to 1.70): too timid."),
        (UNTOLD, "no slope, for all are alike."),
    ],
)
def test_the_slope_is_told_in_words(slope, told):
    assert told in sentences.calibrated(replace(CALIBRATION, slope=slope))


def test_the_version_in_production_is_not_compared_with_itself(evaluation):
    itself = replace(evaluation, champion=None, in_production=True)
    assert sentences.contestants(itself).endswith("It is in production itself, and is not compared with itself.")


def test_the_money_of_a_budget_and_of_own_thresholds_is_on_the_first_screen(evaluation):
    limited = replace(evaluation, policy=replace(POLICY, threshold=None, budget=BUDGET))
    assert sentences.finding(limited).splitlines()[-1] == (
        "- **Money**: contacting everyone from each one's own threshold on, 7.8% of the customers, brings **+0.03** "
        "(-0.10 to +0.15) per customer; everybody -0.87 (-1.08 to -0.67), nobody 0. At most 500: 76 contacts, "
        "**+0.02** (-0.05 to +0.09) per customer."
    )


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
        policy=replace(POLICY, contacted=0.0),
    )
    compared, ranking, _, probabilities, money = sentences.finding(alone).splitlines()
    assert compared.endswith("so there is no champion.")
    assert "champion" not in ranking + probabilities
    assert money == (
        "- **Money**: no customer reaches the threshold, so nobody is contacted and nothing earned; everybody: "
        "-0.87 (-1.08 to -0.67) per customer."
    )


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
