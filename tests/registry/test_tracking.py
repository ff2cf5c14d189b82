"""Where a run's artifacts lie: in the state folder, whatever database keeps the run and wherever the command began."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from churn.registry import runs, tracking
from churn.state import PROJECT


@pytest.mark.parametrize("elsewhere", [True, False])
def test_with_any_database_artifacts_lie_in_the_state_folder(state_folder, tmp_path, monkeypatch, elsewhere):
    if elsewhere:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere.db")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    log = tracking.start("mine")
    log.text("kept", "note.txt")
    assert state_folder / "artifacts" in Path(runs.artifact(log.id, "note.txt")).parents
    assert [] == list((tmp_path / "here").iterdir())
    assert elsewhere == (tmp_path / "elsewhere.db").exists() != (state_folder / "mlflow.db").exists()


@pytest.mark.parametrize(("begin", "name"), [
    (lambda: tracking.start("mine", name="run 2026-11-26 10:31 logistic"), r"run 2026-11-26 10:31 logistic"),
    (lambda: tracking.start("mine"), r"by hand \d{4}-\d\d-\d\d \d\d:\d\d"),
    (lambda: tracking.attach("mine", ""), r"by hand \d{4}-\d\d-\d\d \d\d:\d\d"),
])  # fmt: skip
def test_a_run_bears_a_name_that_says_what_it_is(registry, begin, name):
    assert re.fullmatch(name, tracking.client().get_run(begin().id).info.run_name)


def test_a_process_that_asks_a_tracking_server_imports_no_feast_for_it(tmp_path):
    """One of Feast's plug-ins would add headers to what MLflow sends; its import takes seconds."""
    code = "import sys; from churn.registry import tracking; "
    given = os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}
    told = "print('mlflow.tracking.request_header.registry' in sys.modules, 'feast' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code + told], env=given, cwd=PROJECT, capture_output=True, text=True)
    assert "True False\n" == done.stdout, done.stderr
