"""The whole workflow by the real command line, on the smoke parameters: what a user types and what comes of it."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from churn.params.decision import Rules
from churn.pipeline import plan
from churn.state import PROJECT
from tests.commands import SMOKE, Finished, churn, run_pipeline

ODD = "env=prod/customer_id=1/at=2020-01-01"
MODEL = "train.model=hist_gradient_boosting"
OFF = sorted(set(Rules.model_fields) - {"min_auc", "parity", "signature"})
LENIENT = f"promote.rules={{min_auc: 0.5, {', '.join(f'{name}: null' for name in OFF)}}}"


@dataclass(frozen=True)
class Later:
    """A state in which the same was run twice, then one stage, and then another model took the first version's place.

    It lies in folders that are called like partitions, where a run ends as anywhere. To be looked at only, with what
    the first run wrote for the stages after it in `tables`.
    """

    tables: Path
    first: Finished
    again: Finished
    one_stage: Finished
    rival: Finished

    @property
    def state(self) -> Path:
        return self.first.state


@pytest.fixture(scope="module")
def later(shared, empty_state) -> Later:
    typed = {
        "first": [],
        "again": [],
        "one_stage": ["--quiet", "--stages", "features"],
        "rival": ["--quiet", "--set", MODEL, "--set", LENIENT],
    }

    def run(folder: Path) -> None:
        told, state = {}, empty_state(folder / ODD / "state")
        for name, arguments in typed.items():
            done = run_pipeline(*arguments, state=state)
            assert 0 == done.returncode, done.stderr
            told[name] = [done.stdout, done.stderr]
            if name == "first":
                shutil.copytree(state / "smoke", folder / "tables")
        (folder / "told.json").write_text(json.dumps(told))

    folder = shared("later", run)
    told = json.loads((folder / "told.json").read_text())
    return Later(folder / "tables", **{name: Finished(folder / ODD / "state", *texts) for name, texts in told.items()})


def tracking(state: Path) -> mlflow.MlflowClient:
    """MLflow as a user of it would look."""
    return mlflow.MlflowClient(f"sqlite:///{state}/mlflow.db")


def run_id(told: Finished) -> str:
    return re.search(r"run (\w{32}) of smoke", told.stdout)[1]


def recorded(told: Finished):
    return tracking(told.state).get_run(run_id(told))


def artifacts(state: Path, run_id: str, folder: str | None = None) -> set[str]:
    return {a.path for a in tracking(state).list_artifacts(run_id, folder)}


def only_run(state: Path, experiment: str):
    client = tracking(state)
    [found] = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return found


def test_a_run_ends_with_the_decision_the_reports_and_the_next_command(finished):
    assert "smoke version 1: promoted" in finished.stdout
    assert "make serve PARAMS=params/smoke.yaml" in finished.stdout
    reports = re.findall(r"^  \w+ +ran +[\d.]+ +[\d,]+ MB  (/\S+\.html)$", finished.stdout, re.MULTILINE)
    assert len(plan.STAGES) == len([path for path in reports if Path(path).exists()])
    assert Path(re.search(r"^start at (/\S+/index\.html)$", finished.stdout, re.MULTILINE)[1]).exists()


def test_progress_is_plain_lines_when_piped(finished):
    timed = re.findall(r"^\d\d:\d\d:\d\d (.+)$", finished.stdout, re.MULTILINE)
    assert {"[1/6] features ...", "[6/6] score ..."} <= set(timed)
    assert any(line.startswith("[3/6] train: The model (cell ") for line in timed)
    assert ("\x1b" in finished.stdout, finished.stderr) == (False, "")


def test_every_notebook_and_its_html_are_artifacts_of_the_one_run(finished):
    made = only_run(finished.state, "smoke")
    assert {f"notebooks/{s}.{e}" for s in plan.STAGES for e in ("ipynb", "html")} | {
        "notebooks/index.html",
        "notebooks/log.html",
    } == artifacts(finished.state, made.info.run_id, "notebooks")
    assert "FINISHED" == made.info.status


def test_the_run_records_who_what_and_with_which_data(finished):
    made = only_run(finished.state, "smoke")
    assert "temporal" == made.data.params["train.split"]
    assert {"mlflow.user", "mlflow.source.git.commit", "code.clean", "lock.sha256"} <= set(made.data.tags)
    assert {"training_set", "profile@2023-07-01"} <= {d.dataset.name for d in made.inputs.dataset_inputs}


def test_the_decision_is_a_run_of_its_own_with_its_notebook(finished):
    decision = only_run(finished.state, "smoke-decisions")
    assert "promoted" == decision.data.tags["decision"]
    held = artifacts(finished.state, decision.info.run_id, "notebooks")
    assert {"notebooks/promote.html", "notebooks/promote.ipynb"} == held


def test_stage_and_alias_name_the_same_version(finished):
    client = tracking(finished.state)
    assert 1 == int(client.get_model_version_by_alias("smoke", "production").version)
    assert "Production" == client.get_model_version("smoke", "1").current_stage


def test_why_traces_the_version_in_production_back_to_its_data(finished):
    told = json.loads(churn("why", "--json", state=finished.state).stdout)
    assert (1, True, None) == (told["version"], told["in_production"], told["rollback_restores"])
    assert {*plan.STAGES, "log"} == set(told["notebooks"])
    assert "training_set" in [s["name"] for s in told["data"]["sets"]]
    assert "pass" == told["decisions"][0]["gate"][0]["outcome"]
    assert 7 == told["parameters"]["seed"]


@pytest.mark.parametrize("words", [["1"], ["--version", "1"], ["--to", "1"], ["1", "--version=1"]])
def test_a_version_is_named_in_one_way_and_as_one_might_type_it(finished, words):
    done = churn("why", "--json", *words, state=finished.state)
    assert (0, 1) == (done.returncode, json.loads(done.stdout)["version"])


@pytest.mark.parametrize(("words", "told"), [
    (["why", "1", "--version", "2"], "two versions are named, 1 and 2; name one"),
    (["rollback", "--to", "3", "4", "--reason", "x"], "two versions are named, 3 and 4; name one"),
    (["approve", "--reason", "x"], "approve what? name the version, as in: churn approve 4 --reason ..."),
])  # fmt: skip
def test_a_version_that_is_not_clear_is_one_line(finished, words, told):
    done = churn(*words, state=finished.state)
    assert (2, f"error: {told}\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("words", [["rollback", "9"], ["rollback", "--to", "9"], ["approve", "--version", "9"]])
def test_a_version_that_there_is_not_is_one_line(finished, words):
    done = churn(*words, "--reason", "x", state=finished.state)
    assert (1, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "smoke has no version 9" in done.stderr


def test_the_registry_of_a_fresh_run_is_in_order(finished):
    assert (0, "all in order\n") == ((done := churn("doctor", state=finished.state)).returncode, done.stdout)


def test_a_rollback_without_a_version_before_is_one_line_and_moves_nothing(finished):
    done = churn("rollback", "--reason", "try", state=finished.state)
    assert (1, 1) == (done.returncode, len(done.stderr.strip().splitlines())), done.stderr
    assert "nothing to go back to" in done.stderr
    taken = json.loads(churn("history", "--json", state=finished.state).stdout)
    assert ["promoted"] == [decision["decision"] for decision in taken]


def test_the_same_parameters_give_the_same_data_metrics_and_predictions_in_any_folder(finished, later):
    ours, theirs = finished.state / "smoke", later.tables
    for table in ("training/training_set.parquet", "features/2023-07-01/session.parquet"):
        one, two = (pd.read_parquet(folder / table) for folder in (ours, theirs))
        keys = ["customer_id", "snapshot"]
        pd.testing.assert_frame_equal(
            one.sort_values(keys, ignore_index=True), two.sort_values(keys, ignore_index=True), check_exact=True
        )
    one, two = (json.loads((folder / "evaluation/evaluation.json").read_text()) for folder in (ours, theirs))
    assert one == two
    samples = [
        next(run.state.glob(f"artifacts/**/{run_id(run)}/**/predictions_sample.csv")) for run in (finished, later.first)
    ]
    assert samples[0].read_bytes() == samples[1].read_bytes()


@pytest.mark.parametrize(("override", "told"), [
    ("train.modle=logistic", "did you mean train.model?"),
    ("snapshots.test=2023-05-15", "move test"),
    ("data.customers=many", "data.customers"),
    ("data={source: events, path: nowhere/*.csv, columns: {customer_id: a, at: b}}", "nowhere"),
])  # fmt: skip
def test_bad_parameters_are_refused_before_anything_is_written(override, told, tmp_path):
    done = run_pipeline("--set", override, state=tmp_path / "state")
    assert 2 == done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_bad_input_fails_its_run_and_registers_nothing(registry, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("who,when,amount\n" + "".join(f"c{i},2023-0{1 + i % 8}-01,nonsense\n" for i in range(50)))
    columns = "{customer_id: who, at: when, value: amount}"
    done = run_pipeline(
        "--set", f"data={{source: events, path: {log}, columns: {columns}}}",
        "--set", "label={rule: inactivity, horizon_days: 30, active_within_days: 60}", state=registry,
    )  # fmt: skip
    assert 2 == done.returncode
    lines = done.stderr.strip().splitlines()
    assert 1 == len(lines)
    assert "amount" in lines[0] and "100.00%" in lines[0]
    failed = only_run(registry, "smoke")
    assert "FAILED" == failed.info.status
    assert "features" == failed.data.tags["failed_stage"]
    held = artifacts(registry, failed.info.run_id, "notebooks")
    assert {"notebooks/features.html", "notebooks/features.ipynb", "notebooks/index.html"} == held
    assert [] == list(tracking(registry).search_registered_models())


def test_a_run_writes_only_into_the_state_folder(tmp_path):
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    done = run_pipeline("--set", "train.modle=x", params=PROJECT / SMOKE, state=tmp_path / "state", cwd=elsewhere)
    assert 2 == done.returncode
    assert [] == list(elsewhere.iterdir())


def test_an_unchanged_run_reuses_everything_but_the_decision_and_the_look_at_what_is_in_production_since(later):
    assert ["features", "train", "evaluate", "score"] == re.findall(
        r"^  (\w+) +reused", later.again.stdout, re.MULTILINE
    )
    assert "smoke version 1: promoted" in later.again.stdout


def test_a_reused_report_says_which_run_executed_it(later):
    executed, reusing = run_id(later.first), run_id(later.again)
    report = Path(re.search(r"(/\S+/train\.html)", later.again.stdout)[1])
    text = re.sub(r"<.*?>", "", report.read_text())
    assert f"Reused in run {reusing}; executed in run {executed}" in text
    assert f"runs/{reusing}/" in str(report)


def test_a_run_that_reuses_holds_what_the_stages_had_logged(later):
    executed, again = recorded(later.first), recorded(later.again)
    assert executed.data.metrics == again.data.metrics
    assert [d.dataset.digest for d in executed.inputs.dataset_inputs] == [
        d.dataset.digest for d in again.inputs.dataset_inputs
    ]
    assert artifacts(later.state, executed.info.run_id) == artifacts(later.state, again.info.run_id)
    assert executed.info.run_id == again.data.tags["reused.train"]
    assert "promoted" == again.data.tags["decision"]


def test_quiet_tells_the_end_only(later):
    for told in (later.one_stage, later.rival):
        assert "" == told.stderr
        assert not re.search(r"^\d\d:\d\d:\d\d", told.stdout, re.MULTILINE)
    assert "smoke version 2: promoted" in later.rival.stdout


def test_a_plan_says_what_would_run_and_why_and_runs_nothing(finished):
    before = sorted((finished.state / "runs").iterdir())
    done = run_pipeline("--plan", "--set", MODEL, state=finished.state)
    assert ["reuse", "run", "run", "run", "run", "run"] == [line.split()[1] for line in done.stdout.splitlines()]
    assert "monitor   run    what it looks back at has changed" == done.stdout.splitlines()[1]
    assert 'parameter model: "logistic" -> "hist_gradient_boosting"' in done.stdout
    assert before == sorted((finished.state / "runs").iterdir())


def test_the_evaluation_runs_again_when_another_version_is_in_production(later):
    """What was compared with nothing has now to be compared with version 2."""
    told = run_pipeline("--plan", state=later.state).stdout.splitlines()
    assert ["reuse", "run", "reuse", "run", "run", "run"] == [line.split()[1] for line in told]
    assert "version 2 is in production, nothing was" in told[3]


@pytest.mark.parametrize(("arguments", "told"), [
    (["--stages", "trian"], "a stage is one of features, monitor, train, evaluate, promote, score; found trian"),
    (["--stages", "evaluate", "--set", "seed=99"], "run it too: --stages train,evaluate"),
    (["--stages", "promote"], "version 2 is in production, nothing was"),
])  # fmt: skip
def test_stages_that_cannot_be_are_one_line_and_write_nothing(later, arguments, told):
    before = sorted((later.state / "runs").iterdir())
    done = run_pipeline(*arguments, state=later.state)
    assert (2, 1) == (done.returncode, len(done.stderr.strip().splitlines())), done.stderr
    assert told in done.stderr
    assert before == sorted((later.state / "runs").iterdir())


def test_a_home_that_can_hold_nothing_harms_no_run(later, tmp_path):
    shutil.copytree(later.state, tmp_path / "state")
    done = run_pipeline("--quiet", state=tmp_path / "state", HOME="/dev/null")
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("home", ["/dev/null", "/nowhere/at/all", "/proc/self/status"])
def test_nor_what_only_looks(later, home):
    done = churn("why", state=later.state, HOME=home)
    assert (0, "") == (done.returncode, done.stderr)


def test_kept_stages_are_listed_and_pruned(later):
    listed = json.loads(churn("cache", "--json", state=later.state).stdout)["entries"]
    assert {*plan.STAGES} - {"promote"} == {e["stage"] for e in listed}
    assert [] == json.loads(churn("cache", "--json", "--prune", "1", state=later.state).stdout)["removed"]
