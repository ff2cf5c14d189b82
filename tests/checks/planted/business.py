"""A sound subscription business, and its stages run as the pipeline runs them: by the cells of their notebooks.

The cells run in this process, one after the other, with the parameters that the params file gives them. DuckDB, Feast
and MLflow are the real ones, and the checks are those of every run.
"""

from __future__ import annotations

import inspect
import textwrap
import warnings
from datetime import date
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml

from churn import engine, state
from churn.params import schema
from churn.pipeline import launch, stage_parameters
from churn.sources import inputs

TRAIN, TEST, SERVE = [date(2023, 4, 1), date(2023, 5, 1)], date(2023, 7, 1), date(2023, 9, 1)
JANUARY = date(2024, 1, 31)
FILE = {
    "experiment": "business",
    "seed": 7,
    "data": {
        "source": "events",
        "path": "events.parquet",
        "columns": {name: name for name in ("customer_id", "at", "kind", "value")},
        "customers": {
            "path": "customers.parquet",
            "columns": {"customer_id": "customer_id", "signup_at": "signup_at"},
            "segments": ["plan", "country"],
        },
    },
    "label": {"rule": "event", "kind": "cancel", "horizon_days": 30},
    "snapshots": {"train": TRAIN, "test": TEST, "serve": SERVE},
    "features": {"windows_days": [30]},
    "promote": {"rules": {"min_auc": 0.6, "min_leavers": 50}},
}


class Plain(yaml.SafeDumper):
    """YAML without aliases for what is named twice; a params file has none."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def simulate(folder: Path, *, customers: int = 1500) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and customers of eight months, as tables in memory."""
    source = inputs.read(
        engine.connect(), {"source": "streaming", "customers": customers, "months": 8, "seed": 7}, folder
    )
    return source.events.execute(), source.customers.execute()


def with_arrivals(events: pd.DataFrame) -> pd.DataFrame:
    """The log with the time at which each row arrived: within an hour, or, one in twenty, ten to sixty days later."""
    rng = np.random.default_rng(7)
    days = np.where(
        rng.random(len(events)) < 0.05, rng.uniform(10, 60, len(events)), rng.uniform(0, 1 / 24, len(events))
    )
    return events.assign(arrived_at=events["at"] + pd.to_timedelta(days * 86_400_000_000, unit="us").round("us"))


def ready_made() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and labels of 900 users, a third of whom leave."""
    rng = np.random.default_rng(7)
    users, hours = [f"u{n:04}" for n in range(900)], rng.gamma(2, 10, 900)
    gone = rng.random(900) < 1 / (1 + np.exp((hours - 12) / 8))
    features = pd.DataFrame({"user": users, "hours": hours, "visits": rng.poisson(5, 900)})
    return features, pd.DataFrame({"user": users, "gone": gone})


def write(folder: Path, events: pd.DataFrame, customers: pd.DataFrame | None, *, settings: list[str] = ()) -> Path:
    """A log, its customers and the params file that names all their columns. Returns the file's path."""
    document = yaml.safe_load(yaml.safe_dump(FILE))  # a copy, all the way down
    data = document["data"]
    data["path"] = str(folder / "events.parquet")
    data["columns"] |= {"arrived_at": "arrived_at"} if "arrived_at" in events else {}
    events.to_parquet(data["path"], index=False)
    if customers is None:
        del data["customers"]
    else:
        data["customers"]["path"] = str(folder / "customers.parquet")
        data["customers"]["segments"] = [n for n in customers if n not in ("customer_id", "signup_at")]
        customers.to_parquet(data["customers"]["path"], index=False)
    return _written(folder, document)


def write_tables(folder: Path, tables: dict[str, pd.DataFrame], labels: pd.DataFrame) -> Path:
    """Ready-made features of one snapshot, their labels and the params file. Returns the file's path."""
    (folder / "january").mkdir()
    for name, table in (tables | {"labels": labels}).items():
        table.to_csv(folder / "january" / f"{name}.csv", index=False)
    data = {
        "source": "tables", "path": str(folder), "columns": {"customer_id": "user"}, "tables": list(tables),
        "snapshots": {str(JANUARY): "january"}, "labels": {"table": "labels", "column": "gone", "horizon_days": 29},
    }  # fmt: skip
    days = {"train": [JANUARY], "test": JANUARY, "serve": JANUARY}
    rest = {"experiment": "tables", "seed": 7, "snapshots": days, "train": {"split": "entity"}}
    return _written(folder, rest | {"data": data})


def _written(folder: Path, document: dict) -> Path:
    path = folder / "params.yaml"
    path.write_text(yaml.dump(document, Dumper=Plain, sort_keys=False))
    return path


def run(file: Path, *settings: str, stages: tuple[str, ...] = ("features", "train")) -> dict:
    """Run stages of a params file, changed as `--set` would; returns what the last notebook defined."""
    given = launch.with_dates(schema.load(file, list(settings)))
    features = {"manifest": str(state.path(given.experiment, "features", "features.json"))}
    files = {"training_set": "training_set.parquet", "known_set": "known.parquet", "levels_file": "levels.json"}
    training = {name: str(state.path(given.experiment, "training", file)) for name, file in files.items()}
    training["version"] = 1
    glued = {"features": features, "train": training}
    for stage in stages:
        defined = cells(stage, stage_parameters.stage_parameters(given, stage, glued, ""))
        training["version"] = defined["version"].version if stage == "train" else training["version"]
    return defined


def cells(stage: str, parameters: dict, *, edits: dict[str, str] | None = None) -> dict:
    """Execute the cells of a stage's notebook with these parameters; returns what they defined.

    `edits`: text -> what somebody wrote instead.
    """
    notebook = nbformat.read(state.PROJECT / "notebooks" / f"{stage}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(any(old in cell.source for cell in code) for old in edits or {}), "an edit is of no cell"
    defined: dict = {}
    for cell in code:
        source = cell.source
        for old, new in (edits or {}).items():
            source = source.replace(old, new)
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # glue looks for a kernel
            exec(compile(source, f"{stage}.ipynb", "exec"), defined)
        if "parameters" in cell.metadata.get("tags", []):
            defined |= parameters
    return defined


def plant(patch: pytest.MonkeyPatch, module: ModuleType, function: str, old: str, new: str) -> None:
    """Replace a piece of a function's source, which must be in it once, as a mistaken edit would."""
    sound = getattr(module, function)
    source = textwrap.dedent(inspect.getsource(sound))
    assert 1 == source.count(old), f"{old!r} is not once in {module.__name__}.{function}"
    scope: dict = {}
    exec(compile(source.replace(old, new), inspect.getfile(sound), "exec"), sound.__globals__, scope)
    patch.setattr(module, function, scope[function])
