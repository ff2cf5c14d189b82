from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.serving.gunicorn_server import PROJECT, Server


@dataclass(frozen=True)
class World:
    """A state folder with features online and three versions of the model `world`, version 1 in Production."""

    folder: Path
    customers: list[str]

    @property
    def environment(self) -> dict[str, str]:
        return {"CHURN_STATE": str(self.folder), "CHURN_PARAMS": str(self.folder / "world.yaml")}


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("world")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "CHURN_"))}
    made = subprocess.run(
        [sys.executable, "tests/serving/world.py", str(folder)],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
        env=clean | {"CHURN_STATE": str(folder), "PYTHONPATH": str(PROJECT)},
    )
    assert made.returncode == 0, made.stderr
    profile = pq.read_table(folder / "world" / "features" / "2023-09-01" / "profile.parquet", columns=["customer_id"])
    return World(folder, sorted(profile["customer_id"].to_pylist()))


@pytest.fixture(autouse=True)
def in_world(world, monkeypatch):
    """This process sees the world's registry too."""
    monkeypatch.setenv("CHURN_STATE", str(world.folder))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{world.folder / 'mlflow.db'}")


@pytest.fixture(scope="session")
def server(world, tmp_path_factory):
    """One gunicorn for the tests that leave it as they found it."""
    with Server(tmp_path_factory.mktemp("server"), **world.environment) as running:
        running.wait(lambda: running.get("/ready").status_code == 200)
        yield running
