"""`churn reproduce`: a version is run again and compared; what differs is named, before it starts and after."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml

from benchmarks import promotions
from churn.audit import comparison, reproduce, second_run
from churn.audit.comparison import Compared, Fact
from churn.cli import output
from churn.errors import CannotReproduce, RegistryError
from churn.params import schema
from churn.state import PROJECT
from churn.training import estimators
from tests import shop

# --- the content of a model ---


def fitted(kind: str, seed: int = 1):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"visits": rng.normal(size=300), "plan": rng.choice(["a", "b"], 300)})
    y = (X.visits + rng.normal(size=300) > 0).to_numpy(dtype=int)
    given = {"logistic": {"C": 1.0}, "hist_gradient_boosting": {"max_iter": 3}}[kind]
    return estimators.fit(X, y, model=kind, settings=given, seed=1)


@pytest.mark.parametrize("kind", ["logistic", "hist_gradient_boosting"])
def test_the_content_of_a_model_does_not_depend_on_when_and_where_it_was_saved(kind, tmp_path):
    for name in ("one", "two"):
        skops.io.dump(fitted(kind), tmp_path / name)
    one, two = (comparison.model_content(tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert len(one) > 500


def test_the_last_bit_of_a_coefficient_is_content(tmp_path):
    made = fitted("logistic")
    skops.io.dump(made, tmp_path / "one")
    coefficients = made.named_steps["classifier"].coef_
    coefficients[0, 0] = np.nextafter(coefficients[0, 0], 9)
    skops.io.dump(made, tmp_path / "two")
    one, two = (comparison.model_content(tmp_path / name) for name in ("one", "two"))
    [place] = [name for name in one if one[name] != two[name]]
    assert "coef_.file" == ".".join(place.split(".")[-2:])


# --- the table ---


def test_facts_are_compared_exactly_and_what_was_not_recorded_is_not_equal():
    ours = {"a": Fact({"x": 0.1 + 0.2}, ""), "b": Fact({"x": 1}, ""), "c": None, "d": Fact({"x": 1}, "")}
    theirs = {"a": Fact({"x": 0.3}, ""), "b": Fact({"x": 1}, "other words"), "c": Fact({"x": 1}, ""), "e": None}
    compared = comparison.compare(ours, theirs)
    assert [("a", False), ("b", True), ("c", None), ("d", False), ("e", None)] == [(r.what, r.equal) for r in compared]


def test_the_result_names_the_first_difference_and_what_nobody_recorded():
    same, other, unknown = (
        Compared("a", Fact({"x": 1}, ""), Fact({"x": 1}, "")),
        Compared("b", Fact({"x": 1}, ""), None),
        Compared("c", None, None),
    )
    assert "identical" == reproduce._result([same], None)
    assert "identical in what was recorded (1 of 2 were not)" == reproduce._result([same, unknown], None)
    assert "differs, first in b" == reproduce._result([same, other], other)


def test_the_row_that_changed_is_printed_in_a_sentence(capsys):
    rows = {"table": "events", "columns": ["value"], "added": 1, "gone": 1, "gone_customers": ("ann",),
            "example": {"customer_id": "ann", "at": "2024-01-01", "value": 12.78}}  # fmt: skip
    first = {"what": "input: events", "part": "fingerprint", "recorded": "1", "again": "2", "rows": rows}
    told = {"experiment": "x", "version": 1, "result": "differs", "rows": [], "first": first, "scratch": None}
    output.show(output.reproduction(told))
    shown = capsys.readouterr().out
    assert "not in the record    customer_id ann, at 2024-01-01, value 12.78" in shown
    assert "in the record alone  1 row, of customer ann" in shown


def test_a_number_that_differs_is_printed_in_full(capsys):
    first = {"what": "threshold", "part": "threshold", "recorded": 0.1, "again": 0.1 + 2**-56, "rows": None}
    told = {"experiment": "x", "version": 1, "result": "differs", "rows": [], "first": first, "scratch": "folder"}
    output.show(output.reproduction(told))
    shown = capsys.readouterr().out
    assert "threshold  0.1 recorded, 0.10000000000000002 again" in shown
    assert "the second run's state: folder" in shown


# --- what cannot be run again ---


def test_a_version_that_no_pipeline_made_cannot_be_run_again(registered, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(registered))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(CannotReproduce, match=r"keeps no params\.yaml"):
        reproduce.reproduce(promotions.EXPERIMENT, 1, tell=print)
    with pytest.raises(RegistryError, match="nothing of load is in production"):
        reproduce.reproduce(promotions.EXPERIMENT, tell=print)


@pytest.mark.parametrize("file", sorted(PROJECT.glob("params/*.yaml")), ids=lambda file: file.stem)
def test_recorded_parameters_are_a_params_file_again(file, tmp_path):
    given = schema.load(file, ["serving.as_of=2024-01-01T00:00:00Z"])
    recorded = yaml.safe_load(yaml.safe_dump(given.model_dump(mode="json")))
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(second_run._with_dates(recorded)))
    assert given == schema.load(tmp_path / "again.yaml")


def test_parameters_that_were_recorded_with_dates_are_taken_as_they_are(tmp_path):
    given = schema.load(PROJECT / "params" / "cdnow.yaml")
    recorded = yaml.safe_load(yaml.safe_dump(given.model_dump()))
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(second_run._with_dates(recorded)))
    assert given == schema.load(tmp_path / "again.yaml")


# --- by the command line, on a shop's log ---


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A clone of the code as it is, committed, and a log."""
    place = tmp_path_factory.mktemp("place")
    left_out = shutil.ignore_patterns(
        ".git", ".venv", ".environments", "state", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info"
    )
    shutil.copytree(PROJECT, place / "code", ignore=left_out)
    git(place, "init", "-q")
    commit(place, "as it is")
    git(place, "tag", "as-it-is")
    shop.write(place / "shop", names=["log/1.csv", "log/2.csv"])
    return place


def git(place: Path, *words: str) -> None:
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(place / "code"), *who, *words], check=True, capture_output=True)


def commit(place: Path, message: str) -> None:
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", message)


def typed(place: Path, *command: str) -> subprocess.CompletedProcess:
    """What a user of that clone types."""
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment = kept | {"CHURN_STATE": str(place / "state"), "PYTHONPATH": str(place / "code"), "COLUMNS": "160"}
    return subprocess.run(
        [sys.executable, *command, "--params", str(place / "shop" / "shop.yaml")],
        cwd=place, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def churn(place: Path, *words: str) -> subprocess.CompletedProcess:
    return typed(place, "-c", "import sys; from churn.cli.main import main; sys.exit(main())", *words)


@pytest.fixture(scope="module")
def made(place, empty_state) -> Path:
    """The same with two versions: the second was compared with the first."""
    empty_state(place / "state")
    for model_name in ("logistic", "hist_gradient_boosting"):
        run = typed(place, "code/run_pipeline.py", "--set", f"train.model={model_name}")
        assert 0 == run.returncode, run.stderr
    return place


def scratches() -> set[str]:
    import tempfile

    return {path.name for path in Path(tempfile.gettempdir()).glob("churn-reproduce-*")}


@pytest.fixture
def one_cent(made):
    """One cent more in a row of the log as long as the test lasts; the row: who, when, what, and the new amount."""
    log = made / "shop" / "log" / "1.csv"
    sound = log.read_text()
    lines = sound.splitlines()
    who, when, what, amount = lines[40].split(",")
    more = f"{float(amount) + 0.01:.2f}"
    lines[40] = ",".join([who, when, what, more])
    log.write_text("\n".join(lines) + "\n")
    yield who, when, what, more
    log.write_text(sound)


@pytest.fixture
def no_log(made):
    """No log as long as the test lasts; its path."""
    log = made / "shop" / "log"
    log.rename(log.with_name("away"))
    yield log
    log.with_name("away").rename(log)


@pytest.fixture
def other_label(made):
    """Another label in the code as long as the test lasts, at first in no commit."""
    rule = made / "code" / "churn" / "training" / "labels.py"
    sound = rule.read_text()
    rule.write_text(sound.replace("days_before=-horizon_days)", "days_before=-horizon_days // 2)"))
    assert sound != rule.read_text()
    yield
    git(made, "reset", "--hard", "-q", "as-it-is")


@pytest.mark.system
@pytest.mark.timeout(1200)
class TestByTheCommandLine:
    """What a test changes in the place it puts back."""

    def test_the_version_in_production_is_identical_in_every_row_and_why_says_so(self, made):
        before = scratches()
        done = churn(made, "reproduce", "--json")
        assert 0 == done.returncode, done.stderr
        told = json.loads(done.stdout)
        assert [
            "input: customers", "input: events", "rejected rows", "features", "labels", "training set", "split",
            "model content", "levels", "predictions", "metrics", "threshold", "decision",
        ] == [row["what"] for row in told["rows"]]  # fmt: skip
        assert {True} == {row["equal"] for row in told["rows"]}
        assert ("identical", None) == (told["result"], told["first"])
        assert [1, 2, 3, 4] == sorted(map(int, set(re.findall(r"^    [\d:]{8} \[(\d)/4\]", done.stderr, re.M))))
        assert before == scratches(), "the second run's state is gone"
        again = json.loads(churn(made, "why", "--json").stdout)["reproduced"]
        assert ({"at", "host", "commit", "result"}, "identical") == (set(again), again["result"])
        assert "identical (20" in churn(made, "why").stdout

    def test_one_cent_in_the_input_names_the_row(self, made, one_cent):
        who, when, what, amount = one_cent
        done = churn(made, "reproduce", "1", "--keep")
        assert 1 == done.returncode, done.stdout + done.stderr
        assert "shop version 1: differs, first in input: events" in done.stdout
        told = " ".join(done.stdout.split())
        assert f"not in the record customer_id {who}, at {when[:19]}" in told
        assert f"kind {what}, value {amount}" in told
        assert "columns of events value" in told
        assert f"in the record alone 1 row, of customer {who}" in told
        [kept] = [Path(line.split(": ")[1]) for line in done.stdout.splitlines() if line.startswith("the second run's")]
        assert (kept / "state" / "mlflow.db").exists()
        shutil.rmtree(kept)

    def test_an_input_that_is_gone_is_one_line_and_is_logged(self, made, no_log):
        done = churn(made, "reproduce", "1")
        assert 1 == done.returncode
        assert str(no_log) in done.stderr.splitlines()[-1]
        assert "did not finish" == json.loads(churn(made, "why", "1", "--json").stdout)["reproduced"]["result"]

    def test_other_code_is_named_before_it_starts(self, made, other_label):
        assert "the tree here has local changes" in self.refusal(made)
        commit(made, "another label")
        assert "is checked out" in self.refusal(made)

    def refusal(self, made) -> str:
        done = churn(made, "reproduce", "1")
        assert (1, "") == (done.returncode, done.stdout)
        [line] = done.stderr.splitlines()
        assert line.endswith("take --at-commit for the code of that time, or go on with --anyway")
        return line

    def test_at_its_commit_it_is_identical_and_compared_with_the_champion_of_its_time(self, made, other_label):
        commit(made, "another label")
        done = churn(made, "reproduce", "2", "--at-commit")
        assert 0 == done.returncode, done.stdout + done.stderr
        assert "shop version 2: identical" in done.stdout
        assert 2 == len(json.loads(churn(made, "history", "--json").stdout)), "the second run's decisions are its own"
        listed = subprocess.run(["git", "-C", str(made / "code"), "worktree", "list"], capture_output=True, text=True)
        assert 1 == len(listed.stdout.splitlines())

    @pytest.mark.long
    def test_other_code_differs_first_where_it_was_changed(self, made, other_label):
        commit(made, "another label")
        done = churn(made, "reproduce", "1", "--anyway")
        assert 1 == done.returncode, done.stdout + done.stderr
        assert "differs before it starts: commit" in done.stderr
        assert "differs, first in labels" in done.stdout
        assert "in the record alone" in done.stdout
