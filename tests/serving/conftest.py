from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from tests.serving.gunicorn_server import Server, make_world


@dataclass(frozen=True)
class World:
    """A state folder with features online and three versions of the model `world`, version 1 in Production."""

    folder: Path
    customers: list[str]
    inside: list[str]  # who count
    gone: dict[str, datetime]  # who do not, and when they cancelled

    @property
    def environment(self) -> dict[str, str]:
        return {"CHURN_STATE": str(self.folder), "CHURN_PARAMS": str(self.folder / "world.yaml")}


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("world")
    make_world(folder)
    profile = pd.read_parquet(folder / "world" / "features" / "2023-09-01" / "profile.parquet").set_index("customer_id")
    outside = profile[profile.counts == 0].sort_index()
    cancelled = (outside.snapshot - pd.to_timedelta(outside.days_silent, unit="D")).dt.tz_localize(None)
    inside = sorted(profile.index[profile.counts == 1])
    return World(folder, sorted(profile.index), inside, cancelled.to_dict())


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
