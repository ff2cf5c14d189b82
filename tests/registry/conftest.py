"""A registry of four small versions, for each test a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def world(registered, tmp_path, monkeypatch) -> Path:
    """The same with decisions of its own: the database is a copy, the model files are shared."""
    shutil.copytree(registered, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("artifacts"))
    monkeypatch.setenv("CHURN_STATE", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path
