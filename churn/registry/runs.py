"""MLflow runs as they were recorded: which there are, what each holds, and those that their process left open."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import psutil
import yaml

from churn.registry import provenance
from churn.registry._mlflow import MlflowException, download, entities
from churn.registry.tracking import Run, client, experiment_id_of


class Missing(LookupError):
    """The run keeps no such artifact."""


def of(experiment: str, *, status: str | None = None) -> list[dict]:
    """Runs of an experiment, oldest first: id, status, user, started and ended (UTC, ISO), params and tags."""
    store = client()
    held = store.get_experiment_by_name(experiment)
    if not held:
        return []
    only = f"attributes.status = '{status}'" if status else ""
    listed = store.search_runs([held.experiment_id], only, order_by=["start_time ASC"], max_results=50_000)
    return [_plain_run(r) for r in listed]


def last_started(experiment: str) -> int:
    """When the newest run of an experiment was begun, by the clock of its machine, in milliseconds; 0 without one."""
    store = client()
    if not (held := store.get_experiment_by_name(experiment)):
        return 0
    newest = store.search_runs([held.experiment_id], order_by=["start_time DESC"], max_results=1)
    return newest[0].info.start_time if newest else 0


def get(run_id: str) -> dict:
    """One run: as in `of`, with metrics and data sets."""
    run = client().get_run(run_id)
    inputs = [
        {"name": i.dataset.name, "digest": i.dataset.digest, **json.loads(i.dataset.profile or "{}"),
         "context": next((t.value for t in i.tags if t.key == "mlflow.data.context"), "")}
        for i in run.inputs.dataset_inputs
    ]  # fmt: skip
    return _plain_run(run) | {"metrics": dict(run.data.metrics), "datasets": inputs}


def experiment_of(run_id: str) -> str | None:
    """The name of the experiment that a run belongs to; None where there is no such run."""
    try:
        return client().get_experiment(client().get_run(run_id).info.experiment_id).name
    except MlflowException:
        return None


def before(experiment: str, run_id: str) -> dict | None:
    """The finished run before another one: as in `of`, with metrics; None for the first."""
    store = client()
    found = store.search_runs(
        [experiment_id_of(store, experiment)],
        "attributes.status = 'FINISHED'",
        order_by=["start_time DESC"],
        max_results=2,
    )
    others = [r for r in found if r.info.run_id != run_id]
    return _plain_run(others[0]) | {"metrics": dict(others[0].data.metrics)} if others else None


def evaluated(experiment: str) -> pd.DataFrame:
    """Evaluated runs of the experiment, oldest first: run, started, version, auc_train, auc_test, low, high."""
    store = client()
    runs = store.search_runs(
        [experiment_id_of(store, experiment)], "metrics.test_auc > 0", order_by=["start_time ASC"], max_results=200
    )
    metrics = {"auc_train": "train_auc", "auc_test": "test_auc", "low": "test_auc_low", "high": "test_auc_high"}
    return pd.DataFrame(
        [
            {
                "run": r.info.run_id,
                "started": pd.Timestamp(r.info.start_time, unit="ms", tz="UTC"),
                "version": float(r.data.tags.get("version", "nan")),
            }
            | {name: r.data.metrics.get(key) for name, key in metrics.items()}
            for r in runs
        ]
    )


def contents(run_id: str) -> dict:
    """What a run holds: metrics, tags that are not MLflow's own, data sets, and the paths of its artifacts."""
    run = client().get_run(run_id)
    datasets = [
        {name: getattr(i.dataset, name) for name in ("name", "digest", "source_type", "source", "profile")}
        | {"context": next((t.value for t in i.tags if t.key == "mlflow.data.context"), "")}
        for i in run.inputs.dataset_inputs
    ]
    tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    return {
        "metrics": dict(run.data.metrics),
        "tags": tags,
        "datasets": datasets,
        "artifacts": artifacts(run_id),
    }


def added(before: dict, after: dict) -> dict:
    """What has come into a run between two looks at its `contents`."""
    grown = {n: {k: v for k, v in after[n].items() if before[n].get(k) != v} for n in ("metrics", "tags")}
    return grown | {n: [entry for entry in after[n] if entry not in before[n]] for n in ("datasets", "artifacts")}


def artifact(run_id: str, name: str) -> Path:
    """An artifact of a run: where it lies, or a local copy of one that lies elsewhere. Raises Missing."""
    try:
        return download(f"{client().get_run(run_id).info.artifact_uri}/{name}")
    except (OSError, MlflowException) as error:
        raise Missing(f"run {run_id} keeps no {name}") from error


def document(run_id: str, name: str) -> dict | None:
    """A JSON or YAML artifact of a run, by its name's ending; None where the run, such as a notebook's, keeps none."""
    try:
        text = artifact(run_id, name).read_text()
    except Missing:
        return None
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def newest_with(experiment: str, name: str) -> str | None:
    """The newest run of an experiment, of the last 50, that keeps such an artifact; None without one."""
    store = client()
    if not (held := store.get_experiment_by_name(experiment)):
        return None
    found = store.search_runs([held.experiment_id], order_by=["start_time DESC"], max_results=50)
    keeps = (r.info.run_id for r in found if any(a.path == name for a in store.list_artifacts(r.info.run_id)))
    return next(keeps, None)


def artifacts(run_id: str, folder: str | None = None) -> list[str]:
    """Paths of the files that a run keeps, all of them or those below a folder, sorted."""
    listed = client().list_artifacts(run_id, folder)
    inside = [path for a in listed if a.is_dir for path in artifacts(run_id, a.path)]
    return sorted([a.path for a in listed if not a.is_dir] + inside)


def end_abandoned(experiment: str) -> list[str]:
    """End the runs of this machine whose process is gone (killed, or the machine went down); returns their ids."""
    here = provenance.runner()
    left = [
        r["id"] for r in of(experiment, status="RUNNING")
        if (runner := r["tags"].get("runner.process", "")) and runner.split(":")[0] == here.split(":")[0]
        and not psutil.pid_exists(int(runner.split(":")[1]))
    ]  # fmt: skip
    for run_id in left:
        Run(run_id, owned=True).end("KILLED")
    return left


def _plain_run(run: entities.Run) -> dict:
    return {
        "id": run.info.run_id,
        "status": run.info.status,
        "user": run.data.tags.get("mlflow.user", ""),
        "started": _iso(run.info.start_time),
        "ended": _iso(run.info.end_time),
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
    }


def _iso(milliseconds: int | None) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%FT%TZ}" if milliseconds else ""
