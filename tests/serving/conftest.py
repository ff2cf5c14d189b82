from __future__ import annotations

import pytest

from tests.serving.gunicorn_server import Server


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
