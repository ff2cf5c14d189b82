"""Where a run's artifacts lie: in the state folder, whatever database keeps the run and wherever the command began."""

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
