"""Is it true? Some dates of a replay run for real, on logs that are cut there, and compared to the last bit."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import yaml

from churn import engine, fingerprint, state
from churn.errors import ChurnError, first_line
from churn.registry import history, versions
from churn.replay import dates, record
from churn.replay.life import REGISTRY, registry_after
from churn.replay.record import Life, Month
from churn.replay.shared import own_state
from churn.scoring import lists
from churn.sources import contract
from churn.sources.snapshots import moment

CHECKED = 3  # dates
OF_THE_RUN = ("run_id", "made_in", "created")  # of list.json: its own each time
KEPT = ("max_kinds", "max_customer_share", "ids")  # of the data section
NOT_OURS = ("MLFLOW_TRACKING_URI", "CHURN_LOCK", "CHURN_ARTIFACTS", "CHURN_ENGINE")


def check(experiment: str, life: Life, *, tell: Callable[[str], None]) -> list[dict]:
    """Run the dates of `chosen` for real. Returns a row for each thing compared: as_of, what, replayed, fresh, equal.

    Each run finds the registry and the lists as they were before it, and no features. Raises ChurnError where one ends
    without a result.
    """
    rows = []
    for month in chosen(life.months):
        tell(f"{month.as_of} is run for real, on a log that ends there")
        place = _prepared(experiment, life, month)
        _run(place, month)
        rows += _compared(experiment, life, month, place)
        shutil.rmtree(place)
    return rows


def chosen(months: list[Month]) -> list[Month]:
    """Three of the months whose run ended, first, halfway and last: of those that met a version in production, where
    there are three; else of all."""
    ended = [month for month in months if not month.stopped]
    ruled = [month for month in ended if month.before]
    among = ruled if len(ruled) >= CHECKED else ended
    numbers = {0, len(among) // 2, len(among) - 1} if among else set()
    return [among[number] for number in sorted(numbers)]


def _prepared(experiment: str, life: Life, month: Month) -> Path:
    """A folder with the log cut at a date, the params file, and a state as it was before that date."""
    place = record.home(experiment) / "check" / month.as_of
    shutil.rmtree(place, ignore_errors=True)
    before = [one for one in life.months if one.as_of < month.as_of]
    (place / "state" / experiment / "scores").mkdir(parents=True)
    if before:
        _own_registry(registry_after(life, before[-1].as_of), life.state, place / "state")
    for made in (life.state / experiment / "scores").glob("[0-9]*"):
        if made.name < month.serve:
            shutil.copytree(made, place / "state" / experiment / "scores" / made.name)
    data = _cut(experiment, month.as_of, place) | {
        name: life.params["data"][name] for name in KEPT if name in life.params["data"]
    }
    told = life.params | {"data": data, "engine": "duckdb", "serving": {}}
    told["snapshots"] = dates.rule_of(life.settings).model_dump()
    (place / "params.yaml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    return place


def _own_registry(kept: Path, of: Path, home: Path) -> None:
    """A copy of a registry, by which what is made from now on lies in a state folder of its own."""
    shutil.copy2(kept, home / REGISTRY)
    with closing(sqlite3.connect(home / REGISTRY)) as store, store:
        told = "UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)"
        store.execute(told, (f"{of}/", f"{home}/"))


def _cut(experiment: str, as_of: str, place: Path) -> dict:
    """Write the log without anything that was known on a day or later; returns the data section that reads it."""
    con = engine.embedded()
    told = record.log(experiment)
    source = contract.reopen(con, told)
    events = source.events.filter(contract.known_at(source.events) < moment(as_of))
    customers = source.customers.filter(source.customers.signup_at < moment(as_of))
    files = {name: place / f"{name}.parquet" for name in ("events", "customers")}
    for name, table in (("events", events), ("customers", customers)):
        engine.write_parquet(con, table, files[name])
    columns = {name: name for name in events.columns}
    return {
        "source": "events",
        "path": str(files["events"]),
        "columns": columns,
        "duplicates": "keep",  # what is staged has been through all that already
        "null_words": [],
        "customers": {
            "path": str(files["customers"]),
            "columns": {name: name for name in ("customer_id", "signup_at")},
            "segments": told["segments"],
        },
    }


def _run(place: Path, month: Month) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    environment |= {"CHURN_STATE": str(place / "state")}
    command = [sys.executable, str(state.PROJECT / "run_pipeline.py"), "--params", str(place / "params.yaml")]
    done = subprocess.run(
        [*command, "--as-of", month.as_of, "--quiet"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        why = first_line(ChurnError((lines or [done.stderr])[0]))
        raise ChurnError(f"the run of {month.as_of} on the log that was cut there ended with {why}; see {place}")


def _compared(experiment: str, life: Life, month: Month, place: Path) -> list[dict]:
    earlier = sum(one.decision is not None for one in life.months if one.as_of < month.as_of)
    with own_state(place / "state"):
        now = versions.production(experiment)
        fresh = {"in production": now.version if now else 0} | _found(experiment, month.serve, earlier)
    with own_state(life.state):
        replayed = {"in production": month.production} | _found(experiment, month.serve, earlier)
    return rows_of(month.as_of, replayed, fresh)


def rows_of(as_of: str, replayed: dict, fresh: dict) -> list[dict]:
    """A row for each thing that either of the two has."""
    return [
        {"as_of": as_of, "what": what, "replayed": _shown(replayed.get(what)), "fresh": _shown(fresh.get(what)),
         "equal": what in replayed and what in fresh and replayed[what] == fresh[what]}
        for what in replayed | fresh
    ]  # fmt: skip


def _found(experiment: str, serve: str, earlier: int) -> dict:
    return _of_decision(experiment, serve, earlier) | _of_list(lists.current(experiment, serve))


def _of_decision(experiment: str, serve: str, earlier: int) -> dict:
    """What was decided after so many earlier decisions: of which version, by which rules; its threshold and levels."""
    decided = [one for one in history.decisions(experiment) if one["action"] == "decide"][earlier:]
    if not decided:
        return {"candidate": 0}
    [decision, *_] = decided
    tags = versions.get(experiment, decision["version"]).tags
    return {
        "candidate": decision["version"],
        "decision": decision["decision"],
        "rules that failed": ", ".join(decision["failed"]) or "none",
        "gate": json.dumps(history.gate_of(decision["decision_run"]), sort_keys=True),
        "threshold": tags.get("threshold"),
        "test AUC": tags.get("test_auc"),
        f"level at {serve}": tags.get(f"level.{serve}"),
    }


def _of_list(found: lists.ScoreList | None) -> dict:
    if found is None:
        return {"list": "none", "scores": "none"}
    told = {name: value for name, value in found.document.items() if name not in OF_THE_RUN}
    return {"list": json.dumps(told, sort_keys=True), "scores": _rows(found)}


def _rows(found: lists.ScoreList) -> str:
    """How many rows there are, and a digest of them to the last bit."""
    return fingerprint.of_parquet(found.path)


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
