"""MLflow's store is looked at before a kernel starts: does it answer, and are the experiments there."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest

from churn import state
from churn.audit import doctor
from churn.cli import tracking_store
from churn.errors import ExperimentDeleted, UserError
from churn.registry import history, tracking
from tests.commands import churn, run_pipeline

OURS, DECISIONS = ("smoke",), ("smoke-decisions",)


@pytest.fixture
def deleted(registry):
    """Makes experiments in MLflow's store and deletes them there, by hand as it were; returns their numbers."""

    def _deleted(*names: str) -> list[str]:
        client = mlflow.MlflowClient(f"sqlite:///{registry}/mlflow.db")
        numbers = [client.create_experiment(name) for name in names]
        for number in numbers:
            client.delete_experiment(number)
        return numbers

    return _deleted


# --- experiments that were deleted ---


@pytest.mark.parametrize("names", [OURS, DECISIONS, OURS + DECISIONS], ids="+".join)
def test_a_deleted_experiment_is_refused_with_the_command_that_restores_it(deleted, names):
    commands = map(state.restore_command, deleted(*names))
    with pytest.raises(ExperimentDeleted, match=f"^{' and '.join(names)} w.* deleted in MLflow") as refused:
        tracking_store.refuse_unusable("smoke")
    assert " && ".join(commands) == str(refused.value).split("`")[1]


def test_that_command_restores_them(deleted):
    deleted(*OURS, *DECISIONS)
    with pytest.raises(ExperimentDeleted) as refused:
        tracking_store.refuse_unusable("smoke")
    command = str(refused.value).split("`")[1]
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["bash", "-c", command], env=os.environ | {"PATH": programs}, check=True, capture_output=True)
    tracking_store.refuse_unusable("smoke")


def test_an_experiment_of_another_name_may_be_deleted(deleted):
    deleted("smoke-2", "another", "another-decisions")
    tracking_store.refuse_unusable("smoke")


def test_what_needs_no_experiment_is_not_refused(deleted):
    deleted("smoke")
    tracking_store.refuse_unusable()


@pytest.mark.parametrize("names", [OURS, DECISIONS, OURS + DECISIONS], ids="+".join)
def test_the_doctor_tells_deleted_experiments_and_what_restores_each(deleted, names):
    numbers = deleted(*names)
    findings = doctor.examine("smoke")
    assert [f"the experiment {name} was deleted in MLflow" for name in names] == [f.problem for f in findings]
    assert [state.restore_command(number) for number in numbers] == [f.remedy for f in findings]
    with pytest.raises(ExperimentDeleted):
        doctor.repair("smoke")


def test_mlflow_itself_is_asked_the_same(deleted):
    deleted("smoke-decisions")
    assert "smoke-decisions" == history.experiment_of("smoke")
    with pytest.raises(ExperimentDeleted, match=r"^smoke-decisions was deleted"):
        tracking.refuse_deleted("smoke", "smoke-decisions")


@pytest.mark.parametrize("command", [
    lambda folder: run_pipeline("--quiet", state=folder),
    lambda folder: run_pipeline("--plan", state=folder),
    lambda folder: churn("rollback", "--reason", "x", state=folder),
    lambda folder: churn("approve", "1", "--reason", "x", state=folder),
    lambda folder: churn("history", state=folder),
], ids=["run", "plan", "rollback", "approve", "history"])  # fmt: skip
def test_every_command_that_needs_a_deleted_experiment_is_one_line_before_a_kernel_starts(deleted, registry, command):
    deleted("smoke-decisions")
    done = command(registry)
    assert (2, 1, "") == (done.returncode, len(done.stderr.splitlines()), done.stdout), done.stderr
    assert "experiments restore --experiment-id" in done.stderr
    assert ["mlflow.db"] == [path.name for path in registry.iterdir()]


@pytest.fixture
def server(registry):
    """A tracking server of MLflow's on the test's own store; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [str(Path(sys.executable).with_name("mlflow")), "server", "--host", "127.0.0.1", "--port", str(port)]
    store = ["--backend-store-uri", f"sqlite:///{registry}/mlflow.db", "--workers", "1"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*program, *store], cwd=registry, start_new_session=True, **silent) as process:
        for _ in range(600):
            with socket.socket() as tried:
                if not tried.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        os.killpg(process.pid, signal.SIGKILL)


def test_a_server_is_asked_for_deleted_experiments_and_its_address_stays_out_of_the_command(
    deleted, server, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    tracking_store.refuse_unusable("smoke")
    [number] = deleted("smoke-decisions")
    with pytest.raises(ExperimentDeleted, match=f"`\\S*mlflow experiments restore --experiment-id {number}`"):
        tracking_store.refuse_unusable("smoke")


# --- stores that cannot be used ---


@pytest.mark.parametrize(("address", "told"), [
    ("postgresql://me:hush@127.0.0.1:1/db", r"database .* does not answer \(.*refused.*\); start it"),
    ("postgresql+psycopg://me:hush@127.0.0.1:1/db", r"database .* does not answer \(.*refused.*\); start it"),
    ("postgresql://me:hush@127.0.0.1:port/db", r"database .* does not answer \(.*'port'\); start it"),
    ("postgresql", r"database .* does not answer \(Could not parse"),
    ("mysql://me:hush@127.0.0.1:1/db", r"needs the driver MySQLdb, .* -m pip install 'mysqlclient'`"),
    ("mssql+pyodbc://me:hush@127.0.0.1:1/db", r"needs the driver pyodbc, .* -m pip install 'pyodbc'`"),
    ("databricks", "no credentials for it .*; set DATABRICKS_HOST and DATABRICKS_TOKEN, or unset"),
    ("databricks://nobody", "is databricks://nobody, and there are no credentials for it"),
    ("http://127.0.0.1:9", r"tracking server .* does not answer \(.*refused.*\); start it"),
])  # fmt: skip
def test_a_store_that_cannot_be_used_is_one_line_without_its_password(
    state_folder, tmp_path, monkeypatch, address, told
):
    monkeypatch.setenv("HOME", str(tmp_path))  # where nobody has credentials
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(UserError, match=told) as refused:
        tracking_store.refuse_unusable("smoke")
    assert "hush" not in str(refused.value) and "\n" not in str(refused.value)
    assert not state_folder.exists()


@pytest.mark.parametrize(("address", "told"), [
    ("postgresql://me:hush@127.0.0.1:1/db", r"that CHURN_LOCK names does not answer \(.*refused.*\); start it"),
    ("redis://me:hush@127.0.0.1:1", r"^CHURN_LOCK has the scheme 'redis'; the lock is one of PostgreSQL's: name the "),
])  # fmt: skip
def test_a_lock_that_cannot_be_had_is_one_line_without_its_password(state_folder, monkeypatch, address, told):
    monkeypatch.setenv("CHURN_LOCK", address)
    with pytest.raises(UserError, match=told) as refused:
        tracking_store.refuse_unusable("smoke")
    assert "hush" not in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("address", ["postgresql://me@h/db", "postgresql+psycopg://me@h/db"])
def test_without_psycopg_the_line_says_what_to_install(state_folder, monkeypatch, address):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(UserError, match=r"driver psycopg, .* -m pip install 'psycopg\[binary\]'`"):
        tracking_store.refuse_unusable("smoke")


def test_a_database_that_says_nothing_is_waited_for_a_few_seconds(state_folder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/db")
        monkeypatch.setattr(tracking_store, "SECONDS", 1)
        with pytest.raises(UserError, match=r"does not answer \(within 1 s\)"):
            tracking_store.refuse_unusable("smoke")


@pytest.mark.parametrize("address", ["databricks", "postgresql://me@127.0.0.1:1/db", "http://127.0.0.1:9"])
def test_a_run_on_a_store_that_cannot_be_used_is_one_line_and_writes_nothing(tmp_path, address):
    done = run_pipeline("--quiet", state=tmp_path / "state", MLFLOW_TRACKING_URI=address, HOME=str(tmp_path))
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert not (tmp_path / "state").exists()


def test_a_state_folder_with_a_blank_is_quoted_in_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / "a state"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store, *command = shlex.split(state.restore_command(7))
    assert f"MLFLOW_TRACKING_URI=sqlite:///{tmp_path}/a state/mlflow.db" == store
    assert ["experiments", "restore", "--experiment-id", "7"] == command[1:]
