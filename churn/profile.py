"""Where a run computes and keeps its features: `duckdb`, all of it on this machine, or `spark`, on a cluster.

The params file says which (`engine`), and the doors hand it on in the environment: to kernels, to Feast's files and to
the workers of the API. What a profile is made of stands in its feature_store.yaml, and nowhere else.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from churn import state
from churn.errors import UserError

DUCKDB, SPARK = "duckdb", "spark"
REPOSITORY = state.PROJECT / "feature_repo"
FOLDERS = {DUCKDB: REPOSITORY, SPARK: REPOSITORY / "cluster"}
PACKAGES = {SPARK: ("pyspark", "redis", "psycopg")}


def current() -> str:
    """The profile of this process: duckdb, unless it was told another."""
    return os.environ.get("CHURN_ENGINE") or DUCKDB


def engine() -> str:
    """What computes, with the version of what is in no other lock than the cluster's."""
    return f"{SPARK} {version('pyspark')}" if current() == SPARK else current()


def folder() -> Path:
    """Where the profile's feature_store.yaml lies."""
    return FOLDERS[current()]


def enter(engine: str) -> None:
    """Make it the profile of this process and of all that it starts. Raises UserError where it lacks an address or a
    package."""
    if missing := [name for name in PACKAGES.get(engine, ()) if find_spec(name) is None]:
        raise UserError(
            f"engine: {engine} needs {', '.join(missing)}, which this environment has not; take that of "
            "requirements-cluster.txt: python3 environment.py cluster PROGRAM ..., as make run and make serve do"
        )
    file = FOLDERS[engine] / "feature_store.yaml"
    named = sorted(set(re.findall(r"\$\{(\w+)\}", file.read_text(encoding="utf-8"))) - environment("").keys())
    if missing := [name for name in named if not os.environ.get(name)]:
        raise UserError(
            f"engine: {engine} takes its addresses from the environment, which has no {' nor '.join(missing)}; set "
            f"what {file.relative_to(state.PROJECT)} names (docs/how-to/cluster.md has an example)"
        )
    os.environ["CHURN_ENGINE"] = engine


def environment(experiment: str) -> dict[str, str]:
    """What a feature_store.yaml and the definitions beside it read from the environment, and we know."""
    master = os.environ.get("CHURN_SPARK_MASTER") or "local[*]"
    return {"CHURN_STATE": str(state.root()), "CHURN_EXPERIMENT": experiment, "CHURN_SPARK_MASTER": master}
