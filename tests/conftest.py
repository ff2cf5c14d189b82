"""What several test files share: an engine, small tables of the data contract, a state folder of the test's own, and
what takes so long to make that all of a test run look at the same."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from hypothesis import Phase, settings

from churn import engine
from churn.features import build
from churn.sources.contract import Source
from tests import commands

# for mutation tests: the same examples in every run, and the first counterexample is enough
settings.register_profile("mutants", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])

AT = pa.timestamp("us", tz="UTC")
EVENTS = pa.schema(
    [("customer_id", pa.string()), ("at", AT), ("kind", pa.string()), ("value", pa.decimal128(18, 4))],
)


# Files that take more than some 20 s, the longest first.
LONGEST = [
    "end_to_end/system/test_replay.py", "end_to_end/system/test_cluster.py", "end_to_end/system/test_environments.py",
    "audit/test_reproduce.py", "discovery/test_shapes.py", "end_to_end/test_replay.py",
    "end_to_end/system/test_ends.py",
    "project/test_tutorial.py", "end_to_end/system/test_kills.py", "end_to_end/system/test_stores.py",
    "end_to_end/system/test_months.py", "end_to_end/system/test_pages.py", "end_to_end/system/test_database.py",
    "end_to_end/test_determinism.py", "cli/test_commands.py", "end_to_end/test_names.py", "project/test_site.py",
    "end_to_end/system/test_machines.py", "end_to_end/system/test_report_pages.py",
    "end_to_end/system/test_hostile.py", "checks/planted/test_sound.py",
    "serving/test_faults.py", "serving/test_contract.py",
    "pipeline/execution/test_kernels.py", "pipeline/execution/test_forks.py", "serving/test_address.py",
    "serving/test_predict.py", "checks/planted/test_command_line.py", "sources/test_locate.py", "serving/test_swap.py",
    "registry/test_decisions.py", "notebooks/test_notebooks.py", "discovery/test_proposals.py", "cli/test_init.py",
    "pipeline/execution/test_papermill_engine.py",
    "sources/test_dialects.py", "sources/test_odd_logs.py", "sources/test_identifiers.py", "scoring/test_batch.py",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: else one core waits at the end for a file that began last on another."""
    order = {Path(__file__).parent / file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


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


@pytest.fixture(autouse=True, scope="module")
def nobody_else_s_store(tmp_path_factory):
    """MLflow keeps the address of the last store it was given in the environment: the next test file has its own.

    And what a test forgets to put elsewhere does not land in the state folder of whoever works here.
    """
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ["CHURN_STATE"] = str(tmp_path_factory.getbasetemp() / "state")


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """The folder of a thing that is made once in a test run, by the first process that asks: `shared(name, make)`.

    Whoever looks at it leaves it as it is.
    """
    own = tmp_path_factory.getbasetemp()
    of_all = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def _shared(name: str, make: Callable[[Path], object]) -> Path:
        place, whole = of_all / name, of_all / f"{name}.made"
        with FileLock(of_all / f"{name}.lock"):
            if not whole.exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                make(place)
                whole.touch()
        return place

    return _shared


@pytest.fixture(scope="session")
def finished(shared) -> commands.Finished:
    """The smoke run by the command line on an empty state, which has ended well. To be looked at only."""

    def run(folder: Path) -> None:
        done = commands.run_pipeline(state=folder / "state")
        assert 0 == done.returncode, done.stderr
        (folder / "told.json").write_text(json.dumps([done.stdout, done.stderr]))

    folder = shared("finished", run)
    return commands.Finished(folder / "state", *json.loads((folder / "told.json").read_text()))


@pytest.fixture(scope="session")
def empty_state(shared) -> Callable[[Path], Path]:
    """Makes a state folder with an empty MLflow store in it, which would take a run three seconds."""

    def make(folder: Path) -> None:
        from mlflow import MlflowClient  # seconds, and few tests need it

        MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()

    def _empty_state(state: Path) -> Path:
        state.mkdir(parents=True)
        shutil.copy(shared("registry", make) / "mlflow.db", state)
        return state

    return _empty_state


@pytest.fixture
def registry(empty_state, state_folder, monkeypatch) -> Path:
    """A state folder of the test's own with an empty MLflow store in it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return empty_state(state_folder)


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    from tests.serving.gunicorn_server import make_world

    folder = tmp_path_factory.mktemp("world")
    make_world(folder)
    profile = pd.read_parquet(folder / "world" / "features" / "2023-09-01" / "profile.parquet").set_index("customer_id")
    outside = profile[profile.counts == 0].sort_index()
    cancelled = (outside.snapshot - pd.to_timedelta(outside.days_silent, unit="D")).dt.tz_localize(None)
    inside = sorted(profile.index[profile.counts == 1])
    return World(folder, sorted(profile.index), inside, cancelled.to_dict())


@pytest.fixture(scope="session")
def con():
    return engine.connect(threads=2)


@pytest.fixture(scope="session")
def log(con, tmp_path_factory):
    """Rows (customer_id, at, kind, value) and (customer_id, signup_at, *segments) as tables of the data contract."""
    folder, numbers = tmp_path_factory.mktemp("log"), count()

    def table(con, rows: list[tuple], schema: pa.Schema):
        columns = zip(*rows, strict=True) if rows else [[]] * len(schema)
        arrays = [pa.array(list(values), kind) for values, kind in zip(columns, schema.types, strict=True)]
        path = folder / f"{next(numbers)}.parquet"
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
        return con.read_parquet(str(path))

    def _log(events: list[tuple], customers: list[tuple], segments: list[str] | None = None, *, con=con):
        people = pa.schema(
            [("customer_id", pa.string()), ("signup_at", AT), *((s, pa.string()) for s in segments or [])]
        )
        return table(con, events, EVENTS), table(con, customers, people)

    return _log


@pytest.fixture
def state_folder(tmp_path, monkeypatch) -> Path:
    """A state folder that no other test sees."""
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(scope="session")
def built(con, log):
    """A manifest built of an event log, with its tables under the state folder of whoever asks (see `state_folder`)."""

    def _built(events: list[tuple], customers: list[tuple], *, snapshots: list[str], **changed) -> dict:
        assert "CHURN_STATE" in os.environ
        segments = changed.pop("segments", ["plan"])
        source = Source(*log(events, customers, segments), {}, None, segments, {"read": len(events)}, pd.DataFrame())
        settings = {"windows_days": [7, 30], "kinds_before": snapshots[0], "recipe": "windows"} | changed
        settings.setdefault("label", {"rule": "event", "kind": "cancel", "horizon_days": 30})
        return build.feature_tables(con, source, experiment="mine", snapshots=snapshots, **settings)

    return _built


@pytest.fixture
def training_set() -> pd.DataFrame:
    """Customers of two train snapshots and a later test snapshot, 300 each, whose leaving follows their features."""
    rng = np.random.default_rng(7)
    n = 900
    days_since, plan = rng.exponential(30.0, n), rng.choice(["basic", "gold", "unknown"], n)
    chance = 1 / (1 + np.exp(1.5 - days_since / 20 - (plan == "basic")))
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03}" for i in range(n // 3)] * 3,
            "snapshot": pd.to_datetime(np.repeat(["2024-01-01", "2024-02-01", "2024-04-01"], n // 3), utc=True),
            "churned": rng.random(n) < chance,
            "days_since_visit": np.where(rng.random(n) < 0.1, np.nan, days_since),
            "visit_count": rng.poisson(4, n).astype("float64"),
            "plan": plan,
            "part": np.repeat(["train", "train", "test"], n // 3),
        }
    )


@pytest.fixture(scope="session")
def registered(tmp_path_factory) -> Path:
    """A state folder with four registered versions, which no pipeline made, and no decision."""
    from benchmarks import promotions  # MLflow: seconds

    state = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(state))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        promotions.world()
    return state
