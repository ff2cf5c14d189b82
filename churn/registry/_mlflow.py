"""MLflow as this project uses it: quiet, without telemetry. The other modules of this room import it from here."""

import logging
import os
import shutil
import sys
import tempfile
import warnings
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
warnings.filterwarnings("ignore", message=".*Model registry stages", category=FutureWarning)
warnings.filterwarnings("ignore", message=".*``noload`` loader", category=DeprecationWarning)

# MLflow imports what it could log a dataset of, where it is installed: half a second in every process.
not_needed = [name for name in ("polars", "pyspark") if name not in sys.modules]
sys.modules |= dict.fromkeys(not_needed)
import mlflow  # noqa: E402  it reads the variables as it is imported
from mlflow import MlflowClient, entities  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

for name in not_needed:
    del sys.modules[name]

if os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http"):
    # Before the first request MLflow asks plug-ins for its headers. Feast's serves Feast's own server, and its import
    # is all of Feast: 3 s in every process.
    from mlflow.utils import plugins

    headers = [point for point in plugins.get_entry_points("mlflow.request_header_provider") if point.name != "feast"]
    with mock.patch.object(plugins, "get_entry_points", lambda _: headers):
        import mlflow.tracking.request_header.registry

__all__ = ["MlflowClient", "MlflowException", "download", "entities", "mlflow", "without_package_scan"]

logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it prints the traceback of what it raises


_copies: dict[str, Path] = {}  # by address, in a folder that is gone when this process ends


@cache
def _place_of_copies() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="churn-artifacts-")


def download(address: str, *, lies: str = "") -> Path:
    """Where an artifact lies, or a fresh copy of one that lies elsewhere: MLflow itself would leave every copy behind.

    `lies` is where an address such as `models:/m-1` leads. Raises MlflowException or OSError.
    """
    if urlsplit(lies or address).scheme in ("", "file"):
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=address))
    fresh = tempfile.mkdtemp(dir=_place_of_copies().name)
    copy = Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=fresh))
    before, _copies[address] = _copies.get(address), Path(fresh)
    if before:
        shutil.rmtree(before, ignore_errors=True)
    return copy


def without_package_scan() -> AbstractContextManager:
    """Within it, MLflow takes a model's requirements as they are given.

    It would compare them with the installed versions, which they are, and read every installed package for that: 0.5 s
    a model (0.7 s where 0.2 s is enough), half of it computing.
    """
    return mock.patch("mlflow.utils.requirements_utils._MODULES_TO_PACKAGES", {})
