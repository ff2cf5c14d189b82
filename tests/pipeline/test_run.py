"""What a finished run leaves: an index page that leads to its reports, and evidence in MLflow."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
import yaml
from bs4 import BeautifulSoup

from churn.params import schema
from churn.pipeline import run as pipeline_run
from churn.pipeline.plan import STAGES
from churn.registry import runs
from churn.state import PROJECT


@pytest.fixture
def run(finished, monkeypatch) -> dict:
    """The one run of the experiment, as MLflow holds it."""
    monkeypatch.setenv("CHURN_STATE", str(finished.state))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    [only] = runs.of("smoke")
    return only


@pytest.fixture
def folder(finished, run):
    return finished.state / "runs" / run["id"]


@pytest.fixture
def index(folder) -> BeautifulSoup:
    return BeautifulSoup((folder / "index.html").read_text(), "html.parser")


def words(tag) -> str:
    return " ".join(tag.get_text(" ").split())


def test_the_index_leads_to_the_report_of_every_stage(index, folder):
    links = [link["href"] for link in index.select("table.stages a")]
    assert [f"{stage}.html" for stage in STAGES] == links
    assert all((folder / link).is_file() for link in links)


def test_every_stage_ran_and_is_shown_with_its_cost(index):
    rows = [words(row) for row in index.select("table.stages tbody tr")]
    assert len(STAGES) == len(rows)
    assert all(re.fullmatch(rf"{stage} ran [\d.]+ s [\d,]+ MB", row) for stage, row in zip(STAGES, rows, strict=True))


def test_the_index_says_the_decision_and_the_scores_of_the_evaluation(index, finished):
    document = json.loads((finished.state / "smoke/evaluation/evaluation.json").read_text())
    [auc] = [s["auc"] for s in document["scores"] if (s["model"], s["part"]) == ("candidate", "test")]
    assert "Version 1 was promoted. Version 1 is in production." == words(index.select_one(".verdict"))
    assert words(index.select_one(".tiles div")).startswith(f"AUC {auc:.3f} ")


def test_the_index_holds_every_parameter_of_the_file(index):
    shown = {words(row.th): words(row.td) for row in index.select("table.settings tr") if row.td}
    assert "7" == shown["seed"]
    assert "logistic" == shown["model"]


def test_the_first_run_has_none_before_it_and_mlflow_is_a_command(index):
    assert "make ui" in words(index.select_one(".elsewhere"))
    assert not index.select("tr.changed") and not index.select(".elsewhere a")


def test_the_foot_names_run_commit_and_lock(index, run):
    foot = {words(entry.dt): words(entry.dd) for entry in index.select("footer dl div")}
    assert (run["id"], run["tags"]["lock.sha256"]) == (foot["run"], foot["lock"])
    assert foot["commit"].startswith(run["tags"]["mlflow.source.git.commit"])


def test_the_page_in_mlflow_is_the_one_beside_the_reports(run, folder):
    kept = runs.artifact(run["id"], "notebooks/index.html")
    assert (folder / "index.html").read_bytes() == kept.read_bytes()


def test_a_run_keeps_its_parameters_and_its_environment(run):
    kept = yaml.safe_load(runs.artifact(run["id"], "params.yaml").read_text())
    assert schema.load(PROJECT / "params" / "smoke.yaml").model_dump(mode="json") == kept
    environment = json.loads(runs.artifact(run["id"], "environment.json").read_text())
    assert run["tags"]["python"] == environment["python"]


def test_a_run_that_ended_well_leaves_no_temporary_files(finished):
    assert [] == [path.name for path in (finished.state / "runs").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(("glued", "told"), [
    ({"notes": ["31 rows could not be used", "a note\nof two lines"]},
     ["features: 31 rows could not be used", "features: a note of two lines"]),
    ({"notes": []}, []),
    ({"manifest": "x"}, []),
])  # fmt: skip
def test_each_note_of_a_stage_is_told_in_one_line(glued, told):
    lines = []
    pipeline_run._tell_notes(
        SimpleNamespace(glued={"features": glued}, listener=SimpleNamespace(note=lines.append)), "features"
    )
    assert told == lines


def test_the_run_bears_its_snapshot_and_what_happened_as_a_name(run):
    assert "2023-09-01 v1 promoted" == run["tags"]["mlflow.runName"]
    assert "false" == run["tags"]["alarm"]
