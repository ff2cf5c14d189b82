"""A real gunicorn on a free port, for tests and benchmarks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import requests

from churn.state import PROJECT

HANGS = 120  # seconds: what takes longer never comes


class Server:
    """`gunicorn -c serving/gunicorn.conf.py` with the given environment; `url`, `get`, `predict`, `log`, `workers`."""

    def __init__(
        self, folder: Path, *, app: str = "serving.app:create_app()", options: tuple[str, ...] = (), **environment: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / f"gunicorn-{self.port}.log"
        command = [sys.executable, "-m", "gunicorn", "-c", "serving/gunicorn.conf.py", "--graceful-timeout", "2"]
        self.process = subprocess.Popen(
            [*command, *options, app],
            cwd=PROJECT,
            env=clean_environment() | {"PORT": str(self.port)} | environment,
            start_new_session=True,
            stdout=self.log_file.open("w"),
            stderr=subprocess.STDOUT,
        )
        self.http = requests.Session()

    def __enter__(self) -> Server:
        self.wait(lambda: self.get("/health").status_code == 200)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def get(self, path: str, **more: object) -> requests.Response:
        return self.http.get(self.url + path, timeout=20, **more)

    def predict(self, customer: object, *, headers: dict | None = None, **asked: object) -> requests.Response:
        body = {"customer_id": customer} | asked
        return self.http.post(self.url + "/predict", json=body, timeout=20, headers=headers)

    def batch(self, customers: object, **asked: object) -> requests.Response:
        body = {"customer_ids": customers} | asked
        return self.http.post(self.url + "/predict/batch", json=body, timeout=60)

    def serving(self, version: int) -> float:
        """How many workers serve this version."""
        lines = self.get("/metrics").text.splitlines()
        mine = [line for line in lines if line.startswith("churn_model_info") and f'version="{version}"' in line]
        return float(mine[0].split()[-1]) if mine else 0.0

    def metric(self, name: str) -> float | None:
        """The value of a metric without labels; None where it is not shown."""
        lines = self.get("/metrics").text.splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), None)

    def log(self) -> str:
        return self.log_file.read_text()

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def wait(self, condition) -> None:
        """Wait until the condition holds, however busy the machine; not while the server does not answer."""
        until = time.monotonic() + HANGS
        while time.monotonic() < until:
            try:
                if condition():
                    return
            except requests.ConnectionError:
                pass
            assert self.process.poll() is None, f"gunicorn ended:\n{self.log()}"
            time.sleep(0.05)
        raise AssertionError(f"not within {HANGS} s:\n{self.log()[-4000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment() -> dict[str, str]:
    """This process's environment without what points it at a state, a registry or metrics."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "CHURN_", "PROMETHEUS_"))}


def make_world(folder: Path, **more: str) -> dict[str, str]:
    """Build world.py's state in the folder, with more environment; the environment that a server of it needs."""
    environment = {"CHURN_STATE": str(folder), "CHURN_PARAMS": str(folder / "world.yaml"), **more}
    made = subprocess.run(
        [sys.executable, "tests/serving/world.py", str(folder)],
        cwd=PROJECT,
        env=clean_environment() | environment | {"PYTHONPATH": str(PROJECT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return environment
