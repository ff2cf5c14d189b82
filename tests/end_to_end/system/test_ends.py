"""Runs that do not end well: a cell's error, a kernel that is killed, a limit in time, Ctrl-C. And what runs again."""

import re
import shutil
import signal

import psutil
import pytest

from churn.pipeline import plan
from tests.end_to_end.system.workplace import Workplace

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
SLEEP = "import time; time.sleep(600)"


@pytest.fixture(scope="module")
def finished(undisturbed) -> Workplace:
    """A workplace in which the smoke run has ended well."""
    return Workplace(undisturbed / "code", undisturbed / "state")


@pytest.fixture
def place(finished) -> Workplace:
    """The same, and the code as it was after the test."""
    yield finished
    finished.mend()


@pytest.fixture
def fresh(tmp_path, empty_state) -> Workplace:
    """A workplace in which nothing has run."""
    place = Workplace.make(tmp_path)
    empty_state(place.state)
    return place


def told(stderr: str) -> dict[str, str]:
    """The error and the lines below it: where it was."""
    first, *rest = stderr.strip().splitlines()
    return {"error": first} | dict(line.split(maxsplit=1) for line in rest)


def assert_evidence(place: Workplace, status: str) -> None:
    """The run has the status, names the stage, and holds its notebook and its page with the failing cell in view."""
    found, kept = place.last_run()
    assert (status, "train") == (found.info.status, found.data.tags["failed_stage"])
    assert {"train.ipynb", "train.html", "index.html"} <= kept
    assert 'id="failed-cell"' in place.page("train.html")
    assert "train.html#failed-cell" in place.page("index.html") or status == "KILLED"


def test_a_cell_that_fails_is_named_with_its_section_its_number_and_its_notebook(place):
    place.insert("train", "The model", "1 / 0")
    done = place.run()
    said = told(done.stderr)
    assert (1, "error: train: ZeroDivisionError: division by zero") == (done.returncode, said["error"])
    assert "The model" == said["section"]
    assert re.fullmatch(r"\[\d+\]", said["cell"])
    assert said["notebook"].endswith("/train.ipynb") and said["report"].endswith("/index.html")
    assert_evidence(place, "FAILED")


def test_an_index_page_that_cannot_be_written_hides_no_error_of_a_stage(place):
    spoil = "from churn import state\nfor page in state.path('runs').glob('*/index.html'):\n    page.unlink()\n"
    place.insert("train", "The model", f"{spoil}    page.mkdir()\n1 / 0")
    done = place.run()
    for page in place.state.glob("runs/*/index.html"):
        page.rmdir()
    assert (1, "error: train: ZeroDivisionError: division by zero") == (done.returncode, done.stderr.splitlines()[0])
    assert "  and then  IsADirectoryError: " in done.stderr
    assert ("FAILED", False) == (place.last_run()[0].info.status, "Traceback" in done.stderr)


def test_a_kernel_that_is_killed_is_told_apart_from_an_error_in_a_cell(place):
    place.insert("train", "The model", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    done = place.run()
    assert 1 == done.returncode
    assert "train: the kernel was killed (signal 9)" in told(done.stderr)["error"]
    assert "want of memory" in told(done.stderr)["error"]
    assert re.fullmatch(r"\[\d+\]", told(done.stderr)["cell"])
    assert_evidence(place, "FAILED")


def test_a_stage_that_takes_longer_than_its_limit_is_stopped(place):
    place.insert("train", "The model", SLEEP)
    done = place.run("--set", "timeouts.train=5")
    assert (1, "error: train: the stage took longer than its limit of 5 s") == (
        done.returncode,
        told(done.stderr)["error"],
    )
    assert_evidence(place, "FAILED")


def interrupted(place: Workplace, how: signal.Signals) -> tuple[int, str, list[psutil.Process]]:
    """A run that is stopped in its train stage: exit code, what it said, and the kernels that it had."""
    process = place.start()
    for line in process.stdout:
        if "train: The model" in line:
            break
    kernels = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    _, said = process.communicate()
    return process.returncode, said, kernels


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_kernels_and_marks_the_run_killed(place, how):
    place.insert("train", "The model", SLEEP)
    code, said, kernels = interrupted(place, how)
    assert (130, "interrupted\n") == (code, said)
    assert kernels and not psutil.wait_procs(kernels, timeout=10)[1]
    assert_evidence(place, "KILLED")
    assert "Interrupted." in place.page("index.html")
    assert 'data-outcome="interrupted"' in place.page("index.html")


def test_a_kernel_goes_with_a_runner_that_is_killed(place):
    place.insert("train", "The model", SLEEP)
    code, _, kernels = interrupted(place, signal.SIGKILL)
    assert -signal.SIGKILL == code
    assert kernels and not psutil.wait_procs(kernels, timeout=10)[1]


def test_once_mended_the_same_command_completes_with_the_rest_reused(place):
    done = place.run()
    assert 0 == done.returncode, done.stderr
    assert [stage for stage in plan.STAGES if stage != "promote"] == re.findall(
        r"^  (\w+) +reused", done.stdout, re.MULTILINE
    )
    found, _ = place.last_run()
    assert "FINISHED" == found.info.status


def test_a_run_whose_output_nobody_reads_any_more_goes_on(place):
    process = place.start()
    process.stdout.readline()
    process.stdout.close()
    assert (0, "") == (process.wait(), process.stderr.read())
    assert "FINISHED" == place.last_run()[0].info.status


def test_no_run_leaves_temporary_files_whatever_its_end(place):
    assert 0 == place.run().returncode
    assert [] == list(place.temporary.iterdir())
    assert [] == list((place.state / "runs").glob(".*"))


def test_another_line_in_the_evaluation_runs_the_evaluation_and_the_decision(place):
    place.insert("evaluate", "Scores", "len(document)")
    planned = place.plan()
    assert ["reuse", "reuse", "reuse", "run", "run", "run"] == [what for what, _ in planned.values()]
    assert "notebook has changed" == planned["evaluate"][1]


def test_another_model_reuses_the_features_alone(place):
    planned = place.plan("--set", "train.model=hist_gradient_boosting")
    assert ["reuse", "reuse", "run", "run", "run", "run"] == [what for what, _ in planned.values()]
    assert 'parameter model: "logistic" -> "hist_gradient_boosting"' in planned["train"][1]


@pytest.mark.parametrize("module", ["churn/audit/doctor.py", "churn/features/definitions/from_events.py"])
def test_a_comment_in_a_module_used_or_not_reuses_all(place, module):
    path = place.code / module
    path.write_text(path.read_text() + "# a thought\n")
    assert ["reuse"] * 4 + ["run"] * 2 == [what for what, _ in place.plan().values()]


def test_a_plan_changes_nothing(place):
    before = {path: path.is_file() and path.read_bytes() for path in place.state.rglob("*")}
    assert [*plan.STAGES] == [*place.plan()]
    assert before == {path: path.is_file() and path.read_bytes() for path in place.state.rglob("*")}


def test_code_that_changes_while_its_stage_runs_is_not_kept_under_the_key_of_either(fresh):
    process = fresh.start("--stages", "features,train")
    model = fresh.code / "churn/training/estimators.py"
    before = model.read_text()
    for line in process.stdout:
        if "] features ..." in line:
            model.write_text(before.replace("LogisticRegression(C=C,", "LogisticRegression(C=C * 1e-4,"))
    assert before != model.read_text()
    assert 0 == process.wait()
    found, _ = fresh.last_run()
    assert ("churn/training/estimators.py", "false") == (
        found.data.tags["changed_meanwhile.train"],
        found.data.tags["code.clean"],
    )
    altered = fresh.plan()
    model.write_text(before)
    assert [["reuse"] + ["run"] * 5] * 2 == [[what for what, _ in p.values()] for p in (altered, fresh.plan())]


def test_a_version_whose_files_are_gone_is_trained_again(fresh):
    assert 0 == fresh.run("--stages", "features,train").returncode
    shutil.rmtree(fresh.state / "artifacts/smoke/models")
    done = fresh.run()
    assert "smoke version 2: promoted" in done.stdout, done.stderr
    assert ["features"] == re.findall(r"^  (\w+) +reused", done.stdout, re.MULTILINE)


def test_an_older_snapshot_than_the_one_online_is_one_line_before_anything_starts(fresh):
    assert 0 == fresh.run("--stages", "features", "--set", "snapshots.serve=2023-09-15").returncode
    runs = len(list((fresh.state / "runs").iterdir()))
    done = fresh.run()
    assert 2 == done.returncode
    assert "snapshots.serve 2023-09-01 is older than the snapshot online (2023-09-15)" in done.stderr
    assert (1, runs) == (len(done.stderr.splitlines()), len(list((fresh.state / "runs").iterdir())))


def test_features_that_are_no_longer_online_are_put_there_again_without_a_word(place):
    shutil.rmtree(place.state / "smoke/feast")
    done = place.run("--quiet")
    assert (0, "") == (done.returncode, done.stderr)
    assert "True" not in done.stdout
    assert (place.state / "smoke/feast/online.db").exists()


def test_a_horizon_that_the_log_does_not_cover_is_refused_before_anything_goes_online(fresh):
    done = fresh.run("--set", "snapshots.test=2023-12-01", "--set", "snapshots.serve=2024-01-01")
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "features: snapshot 2023-12-01: its label looks until 2023-12-31, but the log ends on" in done.stderr
    assert not (fresh.state / "smoke/feast/online.db").exists()
