"""The registry stays whole on every store that MLflow has: SQLite, a tracking server over HTTP, PostgreSQL."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from churn.state import PROJECT
from tests.end_to_end.system.workplace import free_port

pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]


def until(ready, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return ready()
        except (OSError, subprocess.CalledProcessError):
            time.sleep(0.2)
    raise AssertionError(f"not up after {seconds} s")


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """A real `mlflow server` over SQLite; yields its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
        "--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", f"{tmp_path}/server",
    ]  # fmt: skip
    with open(tmp_path / "server.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close())
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def fire(state: Path, *arguments: str) -> subprocess.CompletedProcess:
    given = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"CHURN_STATE": str(state)}
    command = [sys.executable, "benchmarks/promotions.py", "--processes", "8", *arguments]
    return subprocess.run(command, env=given, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_eighty_decisions_and_a_kill_after_every_call_leave_sqlite_whole(tmp_path):
    done = fire(tmp_path, "--operations", "10", "--kills", "25")  # a decision needs up to 22 calls
    assert 0 == done.returncode, done.stdout + done.stderr


def test_forty_decisions_leave_a_tracking_server_whole(tmp_path, server):
    done = fire(tmp_path, "--operations", "5", "--kills", "5", "--store", server)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_forty_decisions_leave_postgresql_whole(tmp_path, postgres):
    done = fire(tmp_path, "--operations", "5", "--kills", "5", "--store", postgres)
    assert 0 == done.returncode, done.stdout + done.stderr
