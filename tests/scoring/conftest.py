from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def own_world(world, tmp_path, monkeypatch) -> Path:
    """The world that the API's tests have too, with features, registry and lists of its own; model files are shared."""
    shutil.copytree(world.folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("artifacts", "server*"))
    monkeypatch.setenv("CHURN_STATE", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return tmp_path
