"""Versions of a registered model: which one is in Production, how it gets there, and how it is loaded and verified.

Stages and the alias `production` are written together under one lock; readers follow the alias, which is single-valued.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from churn import state
from churn.errors import ChampionUnavailable, ModelUnavailable, RegistryError
from churn.registry import history, tracking
from churn.registry._mlflow import MlflowException, download, entities, mlflow
from churn.registry.locks import advisory, file

if TYPE_CHECKING:  # a rollback takes seconds; scikit-learn alone takes one to import, and only loading needs it
    from sklearn.pipeline import Pipeline

ALIAS = "production"
LOCK_SECONDS = 30


@dataclass(frozen=True)
class Version:
    """A registered version: its stage, the run that trained it, and its tags."""

    name: str
    version: int
    stage: str
    run_id: str
    source: str
    tags: dict[str, str]

    @property
    def threshold(self) -> float | None:
        """The probability from which contacting a customer pays; None where each has an own one, or none is known."""
        return float(self.tags["threshold"]) if self.tags.get("threshold") else None


@dataclass(frozen=True)
class Loaded:
    """A version in memory, verified: the pipeline, its input columns in order and what it recorded of itself."""

    version: Version
    pipeline: Pipeline
    columns: list[str]
    metadata: dict

    def can_score(self, rows: pd.DataFrame) -> bool:
        """Whether the rows hold every column that it takes."""
        return set(self.columns) <= set(rows.columns)


def register(name: str, *, source: str, run_id: str, tags: dict[str, str]) -> Version:
    """Register a logged model as the next version, stage None, with the digest of its files."""
    client = tracking.client()
    with locked(name), registry_errors(name):
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        tags = tags | {"digest": digest(_files(source))}
        model_id = source.removeprefix("models:/")  # without it a tracking server refuses such a source
        return _version(client.create_model_version(name, source, run_id, tags=tags, model_id=model_id))


def adopt(name: str, files: Path, *, run_id: str, tags: dict[str, str]) -> Version:
    """Register the files of a version of another registry as the next version here, with its tags and digest."""
    client = tracking.client()
    with locked(name), registry_errors(name):
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        return _version(client.create_model_version(name, str(files), run_id, tags=tags))


def get(name: str, version: int) -> Version:
    """A version by number. Raises RegistryError."""
    try:
        return _version(tracking.client().get_model_version(name, str(version)))
    except MlflowException as error:
        raise RegistryError(f"{name} has no version {version}: {error.message}") from error


def all_of(name: str) -> list[Version]:
    """All versions, oldest first."""
    entries = tracking.client().search_model_versions(f"name = '{name}'")
    return sorted((_version(entry) for entry in entries), key=lambda v: v.version)


def production(name: str) -> Version | None:
    """The version that the alias points to; None when nothing is in production. Raises RegistryError."""
    try:
        return _version(tracking.client().get_model_version_by_alias(name, ALIAS))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise RegistryError(f"registry of {name}: {error.message}") from error


def watermark() -> object:
    """Something that changes whenever the embedded registry does, at the cost of one `stat`; None for a server's.

    Raises FileNotFoundError while there is no embedded registry: merely looking must not make one.
    """
    if not state.tracking_uri().startswith("sqlite:///"):
        return None
    file = Path(state.tracking_uri().removeprefix("sqlite:///"))
    return [
        (s.st_ino, s.st_mtime_ns, s.st_size)
        for s in (p.stat() for p in (file, Path(f"{file}-wal")) if p == file or p.exists())
    ]


def put_into_production(name: str, version: int) -> None:
    """Point the alias at a version, give it the stage Production and archive any other that has it.

    Under the lock; doing it again changes nothing, so that whoever comes next can finish what was cut short.
    """
    with registry_errors(name):
        check_lock(name)
        tracking.client().set_registered_model_alias(name, ALIAS, str(version))
        stages = {v.version: v.stage for v in all_of(name)}
        if stages[version] != "Production":
            _to_stage(name, version, "Production")
        for other in (v for v, stage in stages.items() if stage == "Production" and v != version):
            _to_stage(name, other, "Archived")


def to_staging(name: str, version: int) -> None:
    """Put a version into Staging, to wait for approval."""
    with registry_errors(name):
        _to_stage(name, version, "Staging")


def _to_stage(name: str, version: int, stage: str) -> None:
    check_lock(name)
    tracking.client().transition_model_version_stage(name, str(version), stage)


def tag(name: str, version: int, tags: dict[str, object]) -> None:
    """Set tags of a version."""
    with registry_errors(name):
        for key, value in tags.items():
            check_lock(name)
            tracking.client().set_model_version_tag(name, str(version), key, str(value))


def table(name: str) -> pd.DataFrame:
    """Every version: stage, model, test AUC, threshold, what was decided, the run that trained it."""
    rows = [
        {
            "version": v.version,
            "stage": v.stage,
            "model": v.tags.get("model", ""),
            "test AUC": v.tags.get("test_auc", "")[:6],
            "threshold": v.tags.get("threshold", "")[:6] or ("own" if v.tags.get("economics") else ""),
            "decision": v.tags.get("decision", ""),
            "run": v.run_id,
        }
        for v in reversed(all_of(name))
    ]
    return pd.DataFrame(rows).set_index("version")


def load_production(name: str) -> Loaded | None:
    """The version in production, loaded and verified; None when there is none. Raises ChampionUnavailable."""
    current = production(name)
    try:
        return load(current) if current else None
    except ModelUnavailable as error:
        raise ChampionUnavailable(f"{error}; it is in production, and {way_out(current)}") from error


def way_out(broken: Version) -> str:
    """What puts another version in the place of the one in production: the command, and what it does."""
    before = reversed(history.production_lineage(history.decisions(broken.name)))
    known = {v.version: v for v in all_of(broken.name) if v.version != broken.version}
    back = next((number for number in before if number in known and _is_whole(known[number])), None)
    if back:
        return f"`churn rollback {back} --params FILE --reason ...` puts version {back} in its place, as it was before"
    other = next((number for number in sorted(known, reverse=True) if _is_whole(known[number])), None)
    if other:
        return (
            f"`churn approve {other} --override --params FILE --reason ...` puts version {other} in its place, without "
            "a comparison"
        )
    return "no other version is whole: restore its files"


def load(version: Version) -> Loaded:
    """Load a version without unpickling. Raises ModelUnavailable when its files are not those that were registered,
    hold a type that is not on our own list, or do not reproduce the recorded prediction."""
    folder = verified_files(version)
    held = _in_memory(folder, version.tags["digest"], f"{version.name} version {version.version}")
    return Loaded(version, *copy.deepcopy(held))  # whoever fits it again changes nobody else's


@lru_cache(maxsize=16)
def _in_memory(folder: Path, digest: str, named: str) -> tuple[Pipeline, list[str], dict]:
    """What files with that digest hold: a stage looks at the same version several times."""
    import skops.io

    from churn.training import estimators

    file = folder / "model.skops"
    foreign = sorted(set(skops.io.get_untrusted_types(file=file)) - set(estimators.TRUSTED_TYPES))
    if foreign:
        raise ModelUnavailable(f"{named} holds types that are not trusted: {', '.join(foreign)}")
    described = mlflow.models.Model.load(str(folder))
    pipeline = skops.io.load(file, trusted=estimators.TRUSTED_TYPES)
    columns, metadata = described.signature.inputs.input_names(), described.metadata
    _verify_example(pipeline, columns, metadata, folder / described.saved_input_example_info["artifact_path"], named)
    return pipeline, columns, metadata


def columns(version: Version) -> list[str]:
    """The features that a version takes, from its signature."""
    return mlflow.models.Model.load(str(_files(version.source))).signature.inputs.input_names()


def metadata(version: Version) -> dict:
    """What a version recorded of itself, without loading it. Raises ModelUnavailable when its files are gone."""
    return _recorded(version.source, version.tags.get("digest", ""))


@lru_cache(maxsize=64)
def _recorded(source: str, digest: str) -> dict:
    """Of files with that digest, which never change: reading their YAML takes longer than all else of a page."""
    return mlflow.models.Model.load(str(_files(source))).metadata or {}


def verified_files(version: Version) -> Path:
    """A version's files. Raises ModelUnavailable when they are gone, or not those that were registered."""
    named = f"{version.name} version {version.version}"
    try:
        folder = _files(version.source)
    except ModelUnavailable as error:
        raise ModelUnavailable(f"{named}: its files are gone ({_place(version)})") from error
    if missing := [name for name in ("MLmodel", "model.skops") if not (folder / name).is_file()]:
        raise ModelUnavailable(f"{named}: {missing[0]} of its files is gone ({_place(version)})")
    if digest(folder) != version.tags.get("digest"):
        raise ModelUnavailable(f"{named}: its files are not those that were registered")
    return folder


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of a model's files."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(path.relative_to(folder).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _verify_example(pipeline: Pipeline, columns: list[str], metadata: dict, file: Path, named: str) -> None:
    from churn.training import estimators

    split = json.loads(file.read_text())
    example = pd.DataFrame(split["data"], columns=split["columns"])[columns]
    expected, predicted = metadata["example_probability"], float(estimators.probability(pipeline, example)[0])
    if abs(expected - predicted) > 1e-9:
        raise ModelUnavailable(
            f"{named} predicts {predicted:.9f} for its recorded example, where {expected:.9f} was recorded: the "
            "libraries differ from those of its training"
        )


def _is_whole(version: Version) -> bool:
    try:
        return bool(verified_files(version))
    except ModelUnavailable:
        return False


def _place(version: Version) -> str:
    """Where a version's files are kept, as far as the registry tells."""
    try:
        return _location(version.source)
    except MlflowException:
        return version.source


def _location(source: str) -> str:
    """Where a source leads: a logged model's artifacts; or itself, a folder, in the registry of a second run."""
    model = source.removeprefix("models:/")
    return source if model == source else tracking.client().get_logged_model(model).artifact_location


def _files(source: str) -> Path:
    try:
        return download(source, lies=_location(source))
    except (MlflowException, OSError) as error:
        raise ModelUnavailable(f"model files of {source}: {error}") from error


def locked(name: str) -> AbstractContextManager[None]:
    """Hold the registry of a model against every other process; may be held twice.

    Where PostgreSQL is behind MLflow (or CHURN_LOCK names one, where a tracking server stands before it) against those
    of all machines, else against those that share the state folder. The lock of a process that dies is free.
    Raises RegistryBusy, which names the holder.
    """
    if address := state.lock_database():
        return advisory.hold(address, name, seconds=LOCK_SECONDS)
    return file.hold(name, seconds=LOCK_SECONDS)


def check_lock(name: str) -> None:
    """Before each step under the lock. Raises RegistryError where it was lost meanwhile, for others may be at work."""
    advisory.check(name)


@contextmanager
def registry_errors(name: str) -> Iterator[None]:
    """Raises RegistryError, in one line, for what MLflow raises."""
    try:
        yield
    except MlflowException as error:
        raise RegistryError(f"registry of {name}: {str(error.message).splitlines()[0]}") from error


def _version(entry: entities.model_registry.ModelVersion) -> Version:
    return Version(entry.name, int(entry.version), entry.current_stage, entry.run_id, entry.source, dict(entry.tags))
