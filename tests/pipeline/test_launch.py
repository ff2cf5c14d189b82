"""Before a run begins: what it would do, what would stop it, and that it is the only one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from churn import state
from churn.errors import ChurnError, InvalidData, InvalidParams
from churn.params import schema
from churn.pipeline import launch
from churn.pipeline.listener import Listener
from churn.pipeline.plan import STAGES, Selection

SMOKE = state.PROJECT / "params" / "smoke.yaml"
STREAMFLOW = state.PROJECT / "params" / "streamflow.yaml"
HOLD = """if True:
    import sys
    from churn.pipeline import launch
    with launch.only_one('mine'):
        print('held', flush=True); sys.stdin.read()"""


def test_an_experiment_is_held_against_a_second_run_and_no_other_is(state_folder):
    with launch.only_one("mine"), launch.only_one("another"), pytest.raises(ChurnError, match="another run of mine"):
        launch.only_one("mine")
    with launch.only_one("mine"):
        pass


def test_a_second_run_is_refused_and_told_what_to_do(state_folder):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD], cwd=state.PROJECT, **pipes) as other:
        assert "held\n" == other.stdout.readline()
        with pytest.raises(
            ChurnError, match=r"^another run of mine is under way \(it holds \S+\); wait for it, or end"
        ):
            launch.only_one("mine")
        other.kill()
    with launch.only_one("mine"):
        pass


def test_a_plan_of_a_fresh_state_runs_everything_and_writes_nothing(state_folder):
    steps = launch.planned(schema.load(SMOKE), Selection())
    assert list(STAGES) == [step.stage for step in steps if step.entry is None]
    assert not state_folder.exists()


def test_a_plan_reuses_what_has_been_kept(finished, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(finished.state))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert {"features": True, "train": True, "evaluate": True, "promote": False} == {
        step.stage: step.entry is not None for step in launch.planned(schema.load(SMOKE), Selection())
    }
    assert [] == [step for step in launch.planned(schema.load(SMOKE), Selection(fresh=True)) if step.entry]


def test_an_older_snapshot_than_the_one_online_is_refused(finished, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(finished.state))
    earlier = schema.load(SMOKE, ["snapshots.serve=2023-08-01"])
    with pytest.raises(InvalidData, match=r"snapshots\.serve 2023-08-01 is older than the snapshot online"):
        launch.planned(earlier, Selection())


def test_how_ready_made_tables_are_written_is_found_out_before_anything_starts(state_folder, tmp_path):
    files = {"t": "id;fee;since\n1;1,5;31.05.2023\n2;2,5;01.06.2023\n", "labels": "id;gone\n1;yes\n2;no\n"}
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    tables = (
        f"data={{source: tables, path: {tmp_path}, columns: {{customer_id: id}}, tables: [t], "
        "snapshots: {2024-01-31: .}, labels: {table: labels, column: gone}}"
    )
    snapshots = "snapshots={train: [2024-01-31], test: 2024-01-31, serve: 2024-01-31}"
    params = schema.load(STREAMFLOW, [tables, snapshots])
    found = launch.with_formats(params, remember=True).data
    assert (";", ",", "day_first") == (found.format.separator, found.format.decimal, found.format.dates)
    assert found == launch.with_formats(params).data


def test_a_stage_that_cannot_be_reused_stops_a_run_before_anything_is_written(state_folder):
    with pytest.raises(InvalidParams, match="features comes before and cannot be reused"):
        launch.launch(schema.load(SMOKE), selection=Selection(only=("train",)), listener=Listener())
    assert not state_folder.exists()
