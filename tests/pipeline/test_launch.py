"""Before a run begins: what it would do, what would stop it, and that it is the only one."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from types import SimpleNamespace

import pytest
import yaml

from churn import state
from churn.cli import main
from churn.errors import ChurnError, InvalidData, InvalidParams
from churn.params import schema
from churn.pipeline import launch
from churn.pipeline.listener import Listener
from churn.pipeline.plan import STAGES, Selection
from churn.sources import inputs

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
    reused = [step.stage for step in launch.planned(schema.load(SMOKE), Selection()) if step.entry]
    assert ["features", "train", "evaluate"] == reused
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


# --- how files are written is found out once ---


@pytest.fixture
def shop(tmp_path, state_folder, monkeypatch):
    """Parameters of a log in a file, and how often its format was found out."""
    log = tmp_path / "log.csv"
    log.write_text("id;day;amount\nc1;31.01.2023;1.234,50\nc2;28.02.2023;2,50\n")
    columns = {"customer_id": "id", "at": "day", "value": "amount"}
    smoke = yaml.safe_load(SMOKE.read_text())
    params = tmp_path / "shop.yaml"
    params.write_text(
        yaml.safe_dump(
            smoke | {"experiment": "shop", "data": {"source": "events", "path": str(log), "columns": columns}}
        )
    )
    found = []
    monkeypatch.setattr(inputs, "resolve", lambda *a, resolve=inputs.resolve: found.append(1) or resolve(*a))
    return SimpleNamespace(load=lambda *sets: schema.load(params, list(sets)), log=log, found=found)


def format_of(params) -> dict:
    return params.data.format.model_dump(exclude_none=True)


def test_a_run_s_own_parameters_say_how_its_files_are_written(shop):
    pinned = format_of(launch.with_formats(shop.load()))
    assert {
        "separator": ";", "decimal": ",", "thousands": ".", "encoding": "utf-8", "dates": "day_first", "header": 1,
    } == pinned  # fmt: skip


def test_a_plan_finds_out_and_writes_nothing(shop, state_folder):
    launch.with_formats(shop.load())
    assert 1 == len(shop.found) and not state_folder.exists()


@pytest.mark.parametrize("again", [1, 2, 3])
def test_what_was_found_out_is_remembered_while_nothing_changes(shop, again):
    first = launch.with_formats(shop.load(), remember=True)
    assert [first] * again == [launch.with_formats(shop.load(), remember=True) for _ in range(again)]
    assert 1 == len(shop.found)


@pytest.mark.parametrize("content", ["id,day,amount\nc1,2023-01-31,2.5\n", "id\tday\tamount\nc1\t31/01/2023\t2,5\n"])
def test_a_changed_file_is_looked_at_anew(shop, content):
    earlier = format_of(launch.with_formats(shop.load(), remember=True))
    shop.log.write_text(content)
    later = format_of(launch.with_formats(shop.load(), remember=True))
    assert 2 == len(shop.found) and earlier["separator"] != later["separator"]


@pytest.mark.parametrize("change", ['data.where="amount > 2"', "data.zone=Europe/Amsterdam", "data.kind=buy"])
def test_a_changed_data_section_is_too(shop, change):
    launch.with_formats(shop.load(), remember=True)
    launch.with_formats(shop.load(change), remember=True)
    assert 2 == len(shop.found)


def test_what_is_said_is_kept_and_the_rest_found_out(shop):
    params = shop.load("data.format={dates: '%d.%m.%Y'}")
    assert "%d.%m.%Y" == format_of(launch.with_formats(params))["dates"]
    assert ";" == format_of(launch.with_formats(params))["separator"]


def test_pinned_parameters_are_found_out_to_be_the_same(shop):
    once = launch.with_formats(shop.load())
    assert once == launch.with_formats(once)


def test_what_the_files_leave_open_stops_a_run_before_a_kernel_starts(shop, state_folder):
    shop.log.write_text("id,day,amount\nc1,01.02.2023,2\nc2,03.04.2023,2\n")
    with pytest.raises(InvalidData, match="can be read in two ways"):
        launch.launch(shop.load(), selection=Selection(), listener=Listener())
    assert not state_folder.exists()


# --- a rule for the snapshots becomes dates ---

RULE = "snapshots={every: month, train: 3}"
CDNOW = state.PROJECT / "params" / "cdnow.yaml"


def test_a_rule_becomes_dates_as_of_the_first_midnight_after_the_last_event(state_folder):
    by_rule = launch.with_dates(schema.load(CDNOW, [RULE])).snapshots
    assert schema.load(CDNOW).snapshots == by_rule.model_copy(update={"as_of": None, "every": None, "history": []})
    assert date(1998, 7, 1) == by_rule.as_of


def test_a_rule_becomes_the_dates_of_an_earlier_day(state_folder):
    found = launch.with_dates(schema.load(CDNOW, [RULE]), date(1998, 5, 15)).snapshots
    assert (date(1998, 5, 15), date(1997, 11, 1)) == (found.serve, found.test)


def test_dates_that_are_given_stay_and_as_of_is_pinned(state_folder):
    params = schema.load(SMOKE)
    assert params == launch.with_dates(params)
    pinned = launch.with_dates(params, date(2023, 9, 10)).snapshots
    assert pinned == params.snapshots.model_copy(update={"as_of": date(2023, 9, 10)})
    with pytest.raises(InvalidParams, match=r"^--as-of 2023-08-31: snapshots: as_of must not lie before serve"):
        launch.with_dates(params, date(2023, 8, 31))


def test_the_dates_are_told_by_a_plan(state_folder):
    told = []
    launch.planned(schema.load(SMOKE, ["snapshots={every: month, train: 2}"]), Selection(), tell=told.append)
    assert [
        "snapshots as of 2023-09-01 (every month): train 2023-06-01, 2023-07-01; test 2023-08-01; serve 2023-09-01; "
        "history 4 from 2023-02-01"
    ] == told


def test_the_log_is_looked_at_once_for_its_ends_and_again_when_it_has_changed(shop, monkeypatch):
    looks = []
    monkeypatch.setattr(inputs, "span", lambda *a, span=inputs.span: looks.append(1) or span(*a))
    rule, days = "snapshots={every: day, train: 1}", ["label={rule: event, kind: event, horizon_days: 5}", "seed=1"]
    load = lambda: launch.with_formats(shop.load(rule, *days), remember=True)  # noqa: E731
    served = [launch.with_dates(load(), remember=True).snapshots.serve for _ in range(3)]
    assert ([date(2023, 3, 1)] * 3, 1) == (served, len(looks))
    with shop.log.open("a") as log:
        log.write("c1;31.03.2023;2,50\n")
    assert (date(2023, 4, 1), 2) == (launch.with_dates(load(), remember=True).snapshots.serve, len(looks))


@pytest.mark.parametrize("text", ["soon", "2011-13-01", "", "0001-01-01", "2300-01-01"])
def test_an_as_of_that_is_no_date_is_told_in_one_line(state_folder, capsys, text):
    assert 2 == main.run_pipeline(["--params", str(SMOKE), f"--as-of={text}"])
    assert [f"error: --as-of {text!r}: must be a date from 1900 to 2199, such as 2011-12-01"] == (
        capsys.readouterr().err.splitlines()
    )
