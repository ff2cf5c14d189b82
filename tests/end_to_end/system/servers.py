"""Real servers of a test's own, on free ports: PostgreSQL, MLflow's, Redis. Each can be stopped and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.system.workplace import free_port

QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # eight processes more, of which none is asked
UP_WITHIN = 120  # seconds, on a busy machine


class Postgres:
    """A PostgreSQL cluster, run by the user `postgres` where the tests are root's; `url` as SQLAlchemy has it."""

    def __init__(self) -> None:
        self._tools = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._port, self._home = free_port(), Path(tempfile.mkdtemp(prefix="papertrail-postgres-"))
        if os.geteuid() == 0:
            subprocess.run(["chown", "postgres", str(self._home)], check=True)
        self._as_postgres("initdb", "-D", str(self._home), "-A", "trust", "-U", "postgres")
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._as_postgres("pg_ctl", "-D", str(self._home), "-w", "-l", str(self._home / "log"), "-o",
                          f"-h 127.0.0.1 -p {self._port} -k /tmp", "start")  # fmt: skip

    def stop(self) -> None:
        """Stop it at once, as a machine that goes down."""
        self._as_postgres("pg_ctl", "-D", str(self._home), "-m", "immediate", "stop")

    def remove(self) -> None:
        """Stop it where it runs, and remove its folder."""
        if (self._home / "postmaster.pid").exists():
            self.stop()
        subprocess.run(["rm", "-rf", str(self._home)], check=True)

    def _as_postgres(self, tool: str, *arguments: str) -> None:
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*become, str(self._tools / tool), *arguments], check=True, capture_output=True, cwd="/tmp")


class Program:
    """A server that is a program on a port of its own; `answers(port)` raises OSError until it does."""

    def __init__(self, command: Callable[[int], list[str]], answers: Callable[[int], object], log: Path) -> None:
        self.port, self._command, self._answers, self._log = free_port(), command, answers, log
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with open(self._log, "a") as log:
            self._process = subprocess.Popen(
                self._command(self.port), env=os.environ | QUIET, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + UP_WITHIN
        while time.monotonic() < until:
            try:
                self._answers(self.port)
                return
            except OSError:
                assert self._process.poll() is None, self._log.read_text()[-2000:]
                time.sleep(0.2)
        raise AssertionError(f"not up after {UP_WITHIN} s: {self._log.read_text()[-2000:]}")

    def signal(self, number: int) -> None:
        """Send a signal to it and what it has started: SIGSTOP makes it silent, SIGCONT lets it go on."""
        os.killpg(self._process.pid, number)

    def stop(self) -> None:
        """Kill it, and all that it has started."""
        if self._process and self._process.poll() is None:
            self.signal(signal.SIGKILL)
            self._process.wait()


@contextmanager
def mlflow_server(folder: Path, store: str) -> Iterator[Program]:
    """A real `mlflow server` over a store, which keeps the artifacts, too."""

    def command(port: int) -> list[str]:
        return [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
            "--backend-store-uri", store, "--artifacts-destination", f"{folder}/server",
        ]  # fmt: skip

    def answers(port: int) -> None:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()

    with _running(Program(command, answers, folder / "server.log")) as server:
        yield server


@contextmanager
def redis_server(folder: Path) -> Iterator[Program]:
    """A real `redis-server`, which notes on the disk what it is told, and holds it when it is started again."""

    def command(port: int) -> list[str]:
        return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes"]

    with _running(Program(command, _connects, folder / "redis.log")) as server:
        yield server


def _connects(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


@contextmanager
def _running(program: Program) -> Iterator[Program]:
    try:
        program.start()
        yield program
    finally:
        program.stop()
