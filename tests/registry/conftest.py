"""A registry of four small versions, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import promotions


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A state folder with four registered versions and no decision."""
    state = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(state))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        promotions.world()
    return state


@pytest.fixture
def world(made, tmp_path, monkeypatch) -> Path:
    """The same with decisions of its own: the database is a copy, the model files are shared."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("artifacts"))
    monkeypatch.setenv("CHURN_STATE", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path
