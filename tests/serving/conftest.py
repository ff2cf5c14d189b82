from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.serving.gunicorn_server import Server, make_world


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
    make_world(folder)
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
