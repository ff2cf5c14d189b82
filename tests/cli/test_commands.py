"""The whole workflow by the real command line, on the smoke parameters: what a user types and what comes of it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from churn.state import PROJECT

SMOKE = "params/smoke.yaml"


def run(*arguments: str, state: Path, cwd: Path = PROJECT) -> subprocess.CompletedProcess:
    command = [sys.executable, str(PROJECT / "run_pipeline.py"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | {"CHURN_STATE": str(state)}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def state(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def first(state) -> subprocess.CompletedProcess:
    return run("--params", SMOKE, state=state)


@pytest.fixture(scope="module")
def tracking(state, first):
    """MLflow as a user of it would look."""
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{state}/mlflow.db")


def only_run(tracking, experiment: str):
    return tracking.search_runs([tracking.get_experiment_by_name(experiment).experiment_id])[-1]


def test_a_run_ends_with_the_decision_the_reports_and_the_next_command(first):
    assert 0 == first.returncode, first.stderr
    assert "smoke version 1: promoted" in first.stdout
    assert "make serve PARAMS=params/smoke.yaml" in first.stdout
    reports = re.findall(r"^  \w+ +ran +[\d.]+ +[\d,]+ MB  (/\S+\.html)$", first.stdout, re.MULTILINE)
    assert 4 == len([path for path in reports if Path(path).exists()])
    assert Path(re.search(r"^start at (/\S+/index\.html)$", first.stdout, re.MULTILINE)[1]).exists()


def test_progress_is_plain_lines_when_piped(first):
    timed = re.findall(r"^\d\d:\d\d:\d\d (.+)$", first.stdout, re.MULTILINE)
    assert {"[1/4] features ...", "[4/4] promote ..."} <= set(timed)
    assert any(line.startswith("[2/4] train: The model (cell ") for line in timed)
    assert ("\x1b" in first.stdout, first.stderr) == (False, "")


def test_every_notebook_and_its_html_are_artifacts_of_the_one_run(tracking):
    made = only_run(tracking, "smoke")
    names = {a.path for a in tracking.list_artifacts(made.info.run_id, "notebooks")}
    assert {f"notebooks/{s}.{e}" for s in ("features", "train", "evaluate", "promote") for e in ("ipynb", "html")} | {
        "notebooks/index.html"
    } == names
    assert "FINISHED" == made.info.status


def test_the_run_records_who_what_and_with_which_data(tracking):
    made = only_run(tracking, "smoke")
    assert "temporal" == made.data.params["train.split"]
    assert {"mlflow.user", "mlflow.source.git.commit", "code.clean", "lock.sha256"} <= set(made.data.tags)
    assert {"training_set", "profile@2023-07-01"} <= {d.dataset.name for d in made.inputs.dataset_inputs}


def test_the_decision_is_a_run_of_its_own_with_its_notebook(tracking):
    decision = only_run(tracking, "smoke-decisions")
    assert "promoted" == decision.data.tags["decision"]
    assert {"notebooks/promote.html", "notebooks/promote.ipynb"} == {
        a.path for a in tracking.list_artifacts(decision.info.run_id, "notebooks")
    }


def test_stage_and_alias_name_the_same_version(tracking):
    assert 1 == int(tracking.get_model_version_by_alias("smoke", "production").version)
    assert "Production" == tracking.get_model_version("smoke", "1").current_stage


def churn(*arguments: str, state: Path) -> subprocess.CompletedProcess:
    command = [str(Path(sys.executable).with_name("churn")), *arguments, "--params", SMOKE]
    environment = os.environ | {"CHURN_STATE": str(state)}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def test_why_traces_the_version_in_production_back_to_its_data(first, state):
    told = json.loads(churn("why", "--json", state=state).stdout)
    assert (1, True, None) == (told["version"], told["in_production"], told["rollback_restores"])
    assert {"features", "train", "evaluate", "promote"} == set(told["notebooks"])
    assert "training_set" in [s["name"] for s in told["data"]["sets"]]
    assert "pass" == told["decisions"][0]["gate"][0]["outcome"]
    assert 7 == told["parameters"]["seed"]


def test_the_registry_of_a_fresh_run_is_in_order(first, state):
    assert (0, "all in order\n") == ((done := churn("doctor", state=state)).returncode, done.stdout)


def test_a_rollback_without_a_version_before_is_one_line_and_moves_nothing(first, state):
    done = churn("rollback", "--reason", "try", state=state)
    assert (1, 1) == (done.returncode, len(done.stderr.strip().splitlines())), done.stderr
    assert "nothing to go back to" in done.stderr
    assert ["promoted"] == [d["decision"] for d in json.loads(churn("history", "--json", state=state).stdout)]


def test_the_same_parameters_give_the_same_data_metrics_and_predictions(first, state, tmp_path):
    again = run("--params", SMOKE, state=tmp_path)
    assert 0 == again.returncode, again.stderr
    for table in ("training/training_set.parquet", "features/2023-07-01/session.parquet"):
        one, two = (pd.read_parquet(folder / "smoke" / table) for folder in (state, tmp_path))
        keys = ["customer_id", "snapshot"]
        pd.testing.assert_frame_equal(
            one.sort_values(keys, ignore_index=True), two.sort_values(keys, ignore_index=True), check_exact=True
        )
    one, two = (json.loads((folder / "smoke/evaluation/evaluation.json").read_text()) for folder in (state, tmp_path))
    assert one == two
    samples = [next(folder.glob("artifacts/**/predictions_sample.csv")).read_bytes() for folder in (state, tmp_path)]
    assert samples[0] == samples[1]


@pytest.mark.parametrize(("override", "told"), [
    ("train.modle=logistic", "did you mean train.model?"),
    ("snapshots.test=2023-05-15", "move test"),
    ("data.customers=many", "data.customers"),
    ("data={source: events, path: nowhere/*.csv, columns: {customer_id: a, at: b}}", "nowhere"),
])  # fmt: skip
def test_bad_parameters_are_refused_before_anything_is_written(override, told, tmp_path):
    done = run("--params", SMOKE, "--set", override, state=tmp_path / "state")
    assert 2 == done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_bad_input_fails_its_run_and_registers_nothing(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("who,when,amount\n" + "".join(f"c{i},2023-0{1 + i % 8}-01,nonsense\n" for i in range(50)))
    columns = "{customer_id: who, at: when, value: amount}"
    done = run(
        "--params", SMOKE, "--set", f"data={{source: events, path: {log}, columns: {columns}}}",
        "--set", "label={rule: inactivity, horizon_days: 30, active_within_days: 60}", state=tmp_path / "state",
    )  # fmt: skip
    assert 2 == done.returncode
    lines = done.stderr.strip().splitlines()
    assert 1 == len(lines)
    assert "amount" in lines[0] and "100.00%" in lines[0]
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/state/mlflow.db")
    failed = only_run(client, "smoke")
    assert "FAILED" == failed.info.status
    assert "features" == failed.data.tags["failed_stage"]
    assert {"notebooks/features.html", "notebooks/features.ipynb", "notebooks/index.html"} == {
        a.path for a in client.list_artifacts(failed.info.run_id, "notebooks")
    }
    assert [] == list(client.search_registered_models())


def test_a_run_writes_only_into_the_state_folder(tmp_path):
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    done = run("--params", str(PROJECT / SMOKE), "--set", "train.modle=x", state=tmp_path / "state", cwd=elsewhere)
    assert 2 == done.returncode
    assert [] == list(elsewhere.iterdir())


@pytest.fixture(scope="module")
def second(first, state) -> subprocess.CompletedProcess:
    """The same command again."""
    return run("--params", SMOKE, state=state)


def test_an_unchanged_run_reuses_everything_but_the_decision(second):
    assert 0 == second.returncode, second.stderr
    assert ["features", "train", "evaluate"] == re.findall(r"^  (\w+) +reused", second.stdout, re.MULTILINE)
    assert "smoke version 1: promoted" in second.stdout


def test_a_reused_report_says_which_run_executed_it(first, second):
    executed, reusing = (re.search(r"run (\w{32}) of smoke", done.stdout)[1] for done in (first, second))
    report = Path(re.search(r"(/\S+/train\.html)", second.stdout)[1])
    text = re.sub(r"<.*?>", "", report.read_text())
    assert f"Reused in run {reusing}; executed in run {executed}" in text
    assert f"runs/{reusing}/" in str(report)


def test_a_run_that_reuses_holds_what_the_stages_had_logged(first, second, tracking):
    again, executed = tracking.search_runs([tracking.get_experiment_by_name("smoke").experiment_id])[:2]
    assert executed.data.metrics == again.data.metrics
    assert [d.dataset.digest for d in executed.inputs.dataset_inputs] == [
        d.dataset.digest for d in again.inputs.dataset_inputs
    ]
    held = [{a.path for a in tracking.list_artifacts(r.info.run_id)} for r in (executed, again)]
    assert held[0] == held[1]
    assert executed.info.run_id == again.data.tags["reused.train"]
    assert "promoted" == again.data.tags["decision"]


def test_a_plan_says_what_would_run_and_why_and_runs_nothing(second, state):
    before = sorted((state / "runs").iterdir())
    done = run("--params", SMOKE, "--plan", "--set", "train.model=hist_gradient_boosting", state=state)
    assert ["reuse", "run", "run", "run"] == [line.split()[1] for line in done.stdout.splitlines()]
    assert 'parameter model: "logistic" -> "hist_gradient_boosting"' in done.stdout
    assert before == sorted((state / "runs").iterdir())


@pytest.fixture(scope="module")
def rival(second, state) -> None:
    """Version 2, another model, takes the place of version 1."""
    off = ("baseline_margin", "max_calibration_error", "segment_margin", "min_profit")
    lenient = f"promote.rules={{min_auc: 0.5, champion_margin: 0.5, {', '.join(f'{name}: null' for name in off)}}}"
    boosting = "train.model=hist_gradient_boosting"
    done = run("--params", SMOKE, "--quiet", "--set", boosting, "--set", lenient, state=state)
    assert "smoke version 2: promoted" in done.stdout, done.stdout + done.stderr


def test_the_evaluation_runs_again_when_another_version_is_in_production(rival, state):
    """What was compared with nothing has now to be compared with version 2."""
    told = run("--params", SMOKE, "--plan", state=state).stdout.splitlines()
    assert ["reuse", "reuse", "run", "run"] == [line.split()[1] for line in told]
    assert "version 2 is in production, nothing was" in told[2]


def test_quiet_tells_the_end_only(second, state):
    done = run("--params", SMOKE, "--quiet", "--stages", "features", state=state)
    assert (0, "") == (done.returncode, done.stderr)
    assert not re.search(r"^\d\d:\d\d:\d\d", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(("arguments", "told"), [
    (["--stages", "trian"], "a stage is one of features, train, evaluate, promote; found trian"),
    (["--stages", "evaluate", "--set", "seed=99"], "run it too: --stages train,evaluate"),
    (["--stages", "promote"], "version 2 is in production, nothing was"),
])  # fmt: skip
def test_stages_that_cannot_be_are_one_line_and_write_nothing(rival, state, arguments, told):
    before = sorted((state / "runs").iterdir())
    done = run("--params", SMOKE, *arguments, state=state)
    assert (2, 1) == (done.returncode, len(done.stderr.strip().splitlines())), done.stderr
    assert told in done.stderr
    assert before == sorted((state / "runs").iterdir())


def test_kept_stages_are_listed_and_pruned(second, state, tmp_path):
    listed = json.loads(churn("cache", "--json", state=state).stdout)["entries"]
    assert {"features", "train", "evaluate"} == {e["stage"] for e in listed}
    assert [] == json.loads(churn("cache", "--json", "--prune", "1", state=state).stdout)["removed"]
