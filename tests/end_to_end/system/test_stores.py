"""The registry stays whole on every store that MLflow has: SQLite, a tracking server over HTTP, PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from churn.errors import RegistryBusy, RegistryError
from churn.registry import versions
from churn.registry.locks import advisory
from churn.state import PROJECT
from tests.end_to_end.system.servers import mlflow_server

pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """A real `mlflow server` over SQLite; yields its address."""
    with mlflow_server(tmp_path, f"sqlite:///{tmp_path}/server.db") as running:
        yield running.url


@pytest.fixture
def locked_by_postgres(postgres, monkeypatch) -> str:
    """The registry is locked by PostgreSQL, as where a tracking server stands before it."""
    monkeypatch.setenv("CHURN_LOCK", postgres)
    monkeypatch.setattr(versions, "LOCK_SECONDS", 0.2)
    return postgres


def cut(address: str) -> None:
    """End every connection that holds or wants a lock."""
    with psycopg.connect(advisory.conninfo(address)) as own:
        own.execute("SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name ~ '^churn '")


def fire(state: Path, *arguments: str) -> subprocess.CompletedProcess:
    given = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"CHURN_STATE": str(state)}
    command = [sys.executable, "benchmarks/promotions.py", "--processes", "8", "--operations", "5", *arguments]
    return subprocess.run(command, env=given, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_forty_decisions_and_a_kill_after_every_call_leave_sqlite_whole(tmp_path):
    done = fire(tmp_path, "--kills", "8", "--calls", "25")  # a decision needs up to 22 calls
    assert 0 == done.returncode, done.stdout + done.stderr


def test_forty_decisions_leave_a_tracking_server_whole(tmp_path, server):
    done = fire(tmp_path, "--kills", "3", "--calls", "5", "--store", server)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_a_registry_that_another_process_holds_by_postgresql_is_busy_and_its_holder_named(locked_by_postgres):
    hold = "from churn.registry import versions\nwith versions.locked('load'): print('held', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", hold], cwd=PROJECT, **pipes) as holder:
        holder.stdout.readline()
        told = rf"busy: process {holder.pid} on \S+, which took it at \S+Z, has held it for over 0.2 s; try again"
        with pytest.raises(RegistryBusy, match=told), versions.locked("load"):
            pass
        with versions.locked("another"):  # the lock of another model is another one
            holder.kill()
    with versions.locked("load"), versions.locked("load"):
        pass


def test_whoever_has_lost_the_lock_does_nothing_further(locked_by_postgres):
    with (
        pytest.raises(
            RegistryError, match=r"^the lock on the registry of load was lost, .* type the same command again"
        ),
        versions.locked("load"),
    ):
        versions.check_lock("load")
        cut(locked_by_postgres)
        versions.to_staging("load", 1)  # there is no such version, and nobody is asked for it


@pytest.mark.long
def test_forty_decisions_from_two_machines_leave_postgresql_whole(tmp_path, postgres):
    """Killed after every third call, too (on SQLite after each), and with the connection that holds the lock cut."""
    done = fire(
        tmp_path / "state", "--kills", "2", "--calls", "25", "--step", "3", "--store", postgres, "--states", "2"
    )
    assert 0 == done.returncode, done.stdout + done.stderr
