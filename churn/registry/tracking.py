"""The MLflow run: parameters, data sets, metrics, artifacts, the model, and the code and environment that made them."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from churn import state
from churn.errors import ExperimentDeleted
from churn.registry import provenance
from churn.registry._mlflow import MlflowClient, entities, mlflow, without_package_scan

if TYPE_CHECKING:  # half a second that only a report needs
    from churn.reports.plots.style import Plot


def client() -> MlflowClient:
    """A client of the tracking store and the registry, which is made on first use."""
    state.root().mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(state.tracking_uri())
    return MlflowClient()


class Run:
    """One MLflow run, written to by its id: no run is active in the process, so nothing else can slip into it."""

    def __init__(self, id: str, *, owned: bool) -> None:
        self.id, self._owned, self._client = id, owned, client()

    @property
    def experiment_id(self) -> str:
        """The number under which MLflow keeps the run's experiment."""
        return self._client.get_run(self.id).info.experiment_id

    @property
    def page(self) -> str | None:
        """The run's address on the server of MLflow's, without a password; None where there is no server."""
        server = re.sub("//[^/]*@", "//", state.tracking_uri()).rstrip("/")
        return f"{server}/#/experiments/{self.experiment_id}/runs/{self.id}" if server.startswith("http") else None

    def params(self, values: dict) -> None:
        """Log parameters; sections become `section.key`. A value that the run has already is left as it is."""
        known = self._client.get_run(self.id).data.params
        new = [entities.Param(k, _text(v)) for k, v in _flat(values).items() if k not in known]
        self._client.log_batch(self.id, params=new)

    def metrics(self, values: dict[str, float]) -> None:
        """Log numbers by name."""
        now = mlflow.utils.time.get_current_time_millis()
        self._client.log_batch(
            self.id, metrics=[entities.Metric(k, float(v), now, 0) for k, v in values.items() if v == v]
        )

    def tags(self, values: dict[str, object]) -> None:
        """Set tags."""
        self._client.log_batch(self.id, tags=[entities.RunTag(k, str(v)) for k, v in values.items()])

    def json(self, value: object, name: str) -> None:
        """Log a JSON document as an artifact."""
        self._client.log_text(self.id, json.dumps(value, indent=1, default=str), name)

    def text(self, text: str, name: str) -> None:
        """Log a text as an artifact."""
        self._client.log_text(self.id, text, name)

    def table(self, rows: pd.DataFrame, name: str) -> None:
        """Log a table as a Parquet or CSV artifact, by the name's ending."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, Path(name).name)
            rows.to_parquet(path, index=False) if path.suffix == ".parquet" else rows.to_csv(path, index=False)
            self.file(path, str(Path(name).parent))

    def file(self, path: str | Path, folder: str = ".") -> None:
        """Log a file as an artifact."""
        self._client.log_artifact(self.id, str(path), None if folder == "." else folder)

    def file_if_any(self, path: Path) -> None:
        """Log a file that exists only sometimes, such as the rejected rows."""
        if path.exists():
            self.file(path)

    def figures(self, figures: dict[str, Plot]) -> None:
        """Log figures as figures/<name>.png."""
        with tempfile.TemporaryDirectory() as folder:
            for name, figure in figures.items():
                Path(folder, f"{name}.png").write_bytes(figure.png)
            self._client.log_artifacts(self.id, folder, "figures")

    def dataset(self, name: str, fingerprint: str, source: str | Path, *, context: str) -> None:
        """Record a data set as an input of the run, by its fingerprint, where MLflow's users look for it."""
        digest = hashlib.sha256(fingerprint.encode()).hexdigest()[:12]
        profile = (
            json.dumps({"fingerprint": fingerprint, "rows": int(fingerprint.split("-")[0])})
            if "-" in fingerprint
            else None
        )
        source = json.dumps({"uri": str(source)})
        self._client.log_inputs(self.id, [_input(context, name, digest, "local", source, profile=profile)])

    def datasets(self, tables: pd.DataFrame, *, context: str) -> None:
        """Record several data sets: columns name, fingerprint, path."""
        for table in tables.itertuples():
            self.dataset(table.name, table.fingerprint, table.path, context=context)

    def model(self, model: object, example: pd.DataFrame, *, trusted_types: list[str], metadata: dict) -> str:
        """Log a scikit-learn model (skops format) with signature and input example; returns its `models:/` address."""
        mlflow.set_experiment(experiment_id=self.experiment_id)  # else it lands in the default one
        with without_package_scan():
            info = mlflow.models.Model.log(
                artifact_path=None,
                name="model",
                flavor=mlflow.sklearn,
                run_id=self.id,
                sk_model=model,
                signature=signature(example),
                input_example=example,
                pyfunc_predict_fn="predict_proba",
                metadata=metadata,
                serialization_format="skops",
                skops_trusted_types=trusted_types,
                pip_requirements=[
                    f"{name}=={installed(name)}" for name in ("mlflow", "scikit-learn", "skops", "numpy", "pandas")
                ],
            )
        return info.model_uri

    def log_reused_stage(self, logged: dict, artifacts: Path) -> None:
        """Log once more what a stage has logged to another run: `contents`, and a folder of its artifacts."""
        self.metrics(logged["metrics"])
        self.tags(logged["tags"])
        self._client.log_inputs(self.id, [_input(**dataset) for dataset in logged["datasets"]])
        if artifacts.exists():
            self._client.log_artifacts(self.id, str(artifacts))

    def finish(self) -> None:
        """End the run if it is one of a notebook opened by hand; a pipeline ends its own."""
        if self._owned:
            self.end("FINISHED")

    def end(self, status: str) -> None:
        """Set the run's final status: FINISHED, FAILED or KILLED."""
        self._client.set_terminated(self.id, status)


def start(experiment: str, *, name: str = "", tags: dict[str, str] | None = None, after: int = 0) -> Run:
    """Begin a run that records who, which code and which environment; MLflow's pages show it under its name.

    It begins later than `after` (milliseconds since 1970), though this machine's clock be behind.
    """
    store, tags = client(), provenance.tags() | (tags or {})
    begun = max(mlflow.utils.time.get_current_time_millis(), after + 1)
    named = name or f"by hand {now()}"
    run = store.create_run(experiment_id_of(store, experiment), start_time=begun, tags=tags, run_name=named)
    return Run(run.info.run_id, owned=True)


def attach(experiment: str, run_id: str) -> Run:
    """The pipeline's run; with an empty id (a notebook opened by hand) a run of its own."""
    return Run(run_id, owned=False) if run_id else start(experiment, tags={"by_hand": "true"})


def now() -> str:
    """The time of day (UTC) as a run's name has it."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M}"


def signature(example: pd.DataFrame) -> mlflow.models.ModelSignature:
    """Numbers are doubles, for MLflow refuses floats where it saw integers; categories are strings."""
    number, text = mlflow.types.DataType.double, mlflow.types.DataType.string
    kinds = {name: number if pd.api.types.is_numeric_dtype(column) else text for name, column in example.items()}
    columns = [mlflow.types.ColSpec(kind, name) for name, kind in kinds.items()]
    return mlflow.models.ModelSignature(mlflow.types.Schema(columns))


def refuse_deleted(*experiments: str) -> None:
    """Raises ExperimentDeleted where somebody has deleted one of these experiments in MLflow."""
    if gone := deleted(*experiments):
        raise ExperimentDeleted.of(gone)


def deleted(*experiments: str) -> dict[str, str]:
    """Those of these experiments that somebody has deleted in MLflow, each with the command that brings it back."""
    store = client()
    found = [entry for name in experiments if (entry := store.get_experiment_by_name(name))]
    return {e.name: state.restore_command(e.experiment_id) for e in found if e.lifecycle_stage == "deleted"}


def experiment_id_of(store: MlflowClient, name: str) -> str:
    """The number under which MLflow keeps an experiment, which is made on first use."""
    experiment = store.get_experiment_by_name(name)
    if experiment:
        return experiment.experiment_id
    served = state.tracking_uri().startswith(("http", "databricks"))  # such a store knows itself where artifacts go
    local = None if served else f"{state.artifacts()}/{name}"  # MLflow's own is ./mlruns, wherever that is
    return store.create_experiment(name, artifact_location=local)


def _input(context: str, *dataset: object, **more: object) -> entities.DatasetInput:
    return entities.DatasetInput(
        entities.Dataset(*dataset, **more), [entities.InputTag("mlflow.data.context", context)]
    )


def _flat(values: dict, prefix: str = "") -> dict[str, object]:
    flat = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return flat


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
