"""A business whose log is cut at each date and run afresh, as a user would have lived it; and the same replayed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import yaml

from churn import engine, state
from churn.registry import history, versions
from churn.sources import inputs
from tests import commands

OF_THE_RUN = ("run_id", "made_in", "created")  # of list.json
PARAMS = {
    "experiment": "lived",
    "seed": 7,
    "label": {"rule": "event", "kind": "cancel", "horizon_days": 30},
    "snapshots": {"every": "month", "train": 2},
    "features": {"windows_days": [7, 30]},
    "evaluate": {
        "bootstrap": 100,
        "economics": {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25},
    },
    "promote": {
        "rules": {
            "min_auc": 0.55, "slope": [0.3, 3.0], "log_loss": None, "min_leavers": 10, "max_level_error": 0.2,
            "max_shape_error": 0.2, "champion_margin": 0.02, "best_margin": 0.02, "segment_margin": None,
        },
    },
}  # fmt: skip


def write_log(folder: Path, *, customers: int, months: int) -> Path:
    """events.csv and people.csv of a simulated business; returns the params file that names them."""
    data = {"source": "streaming", "customers": customers, "months": months, "seed": 7}
    made = inputs.read(engine.embedded(), data, folder / "staged")
    made.events.execute().sort_values(["at", "customer_id"]).to_csv(folder / "events.csv", index=False)
    made.customers.execute().sort_values("customer_id").to_csv(folder / "people.csv", index=False)
    return write_params(folder)


def write_params(folder: Path) -> Path:
    """The params file of the log in a folder."""
    file = folder / "lived.yaml"
    people = {"path": str(folder / "people.csv"), "columns": {"customer_id": "customer_id", "signup_at": "signup_at"}}
    data = {
        "source": "events",
        "path": str(folder / "events.csv"),
        "columns": {name: name for name in ("customer_id", "at", "kind", "value")},
        "customers": people | {"segments": ["plan", "country"]},
    }
    file.write_text(yaml.safe_dump(PARAMS | {"data": data}, sort_keys=False))
    return file


def cut(folder: Path, day: date, target: Path) -> Path:
    """The same log without a line of that day or later; returns its params file."""
    target.mkdir()
    for name, column in (("events", "at"), ("people", "signup_at")):
        rows = pd.read_csv(folder / f"{name}.csv", dtype=str)
        rows[rows[column] < str(day)].to_csv(target / f"{name}.csv", index=False)
    return write_params(target)


def live_afresh(folder: Path, days: list[date], home: Path) -> None:
    """Run the whole pipeline at each date on the log that was cut there, in one state folder."""
    for day in days:
        params = cut(folder, day, folder / f"{home.name}-{day}")
        done = commands.run_pipeline("--as-of", str(day), state=home, params=params)
        assert 0 == done.returncode, done.stderr


def replay(params: Path, home: Path, *arguments: str) -> dict:
    """`churn replay`, and what it answers as JSON."""
    done = commands.churn("replay", *arguments, "--json", state=home, params=params)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def told(home: Path, days: list[date]) -> dict[str, dict]:
    """All that was decided and scored in a state folder: each version's tags, what is in production, each list."""
    found = {}
    with state.environment(CHURN_STATE=str(home), MLFLOW_TRACKING_URI=f"sqlite:///{home}/mlflow.db"):
        for version in versions.all_of("lived"):
            tags = {name: value for name, value in version.tags.items() if name != "digest"}  # files name their run
            found[f"version {version.version}"] = tags | {"stage": version.stage}
        now = versions.production("lived")
        found["production"] = {"version": now.version if now else 0}
    for day in days:
        folder = home / "lived" / "scores" / str(day)
        if (folder / "list.json").exists():
            of_list = json.loads((folder / "list.json").read_text())
            rows = pd.read_parquet(folder / "scores.parquet")
            found[f"list {day}"] = {name: value for name, value in of_list.items() if name not in OF_THE_RUN}
            found[f"rows {day}"] = {"rows": rows.to_dict("list")}
    return found


def gates(home: Path) -> list[dict]:
    """The rules of every decision, oldest first, as the registry's history has them."""
    with state.environment(CHURN_STATE=str(home), MLFLOW_TRACKING_URI=f"sqlite:///{home}/mlflow.db"):
        return [history.gate_of(one["decision_run"]) for one in history.decisions("lived") if one["action"] == "decide"]


def contents(home: Path) -> dict[str, bytes]:
    """Every file of a state folder but those of replays: path -> content."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and "replay" not in path.relative_to(home).parts
    }
