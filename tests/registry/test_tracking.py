"""Where a run's artifacts lie: in the state folder, whatever database keeps the run and wherever the command began."""

import re
from pathlib import Path

import pytest

from churn.registry import runs, tracking


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
