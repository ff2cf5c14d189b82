"""Feast's definitions and the settings of its stores: one folder for one machine, one for a cluster."""

from __future__ import annotations

import os
from pathlib import Path

from churn import state


def folder() -> Path:
    """The folder whose feature_store.yaml holds, by the engine that CHURN_ENGINE names."""
    home = state.PROJECT / "feature_repo"
    return home / "cluster" if os.environ.get("CHURN_ENGINE") == "spark" else home
