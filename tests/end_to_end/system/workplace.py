"""A copy of the project with a state folder of its own, whose notebooks and modules a test may change; a free port."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd

from churn.state import PROJECT

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".environments", "state", "__pycache__", ".*_cache", "mutants", "build", "site"
)  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _as_on_a_terminal() -> None:
    """Ctrl-C ends it: a shell lets what it starts in the background, such as these tests, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Workplace:
    """The folder of the code, and the state folder beside it."""

    code: Path
    state: Path

    @classmethod
    def make(cls, folder: Path) -> "Workplace":
        """Copy the project as it is now."""
        shutil.copytree(PROJECT, folder / "code", ignore=LEFT_OUT)
        return cls(folder / "code", folder / "state")

    @property
    def temporary(self) -> Path:
        """Where its processes make temporary files."""
        return self.state.with_name(f"{self.state.name}-tmp")

    def start(self, *arguments: str) -> subprocess.Popen:
        """The smoke run under way, its output to be read."""
        command = [sys.executable, "run_pipeline.py", "--params", "params/smoke.yaml", *arguments]
        self.temporary.mkdir(exist_ok=True)
        environment = os.environ | {"CHURN_STATE": str(self.state), "TMPDIR": str(self.temporary)}
        return subprocess.Popen(
            command, cwd=self.code, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=_as_on_a_terminal,
        )  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """The smoke run, ended."""
        process = self.start(*arguments)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def insert(self, stage: str, heading: str, source: str) -> None:
        """Put a code cell under a heading of a stage's notebook."""
        path = self.code / "notebooks" / f"{stage}.ipynb"
        made = nbformat.read(path, as_version=4)
        (place,) = [i for i, cell in enumerate(made.cells) if cell.source.startswith(f"## {heading}")]
        made.cells.insert(place + 1, nbformat.v4.new_code_cell(source))
        nbformat.write(made, path)

    def mend(self) -> None:
        """Put the notebooks back as they are in the project."""
        shutil.copytree(PROJECT / "notebooks", self.code / "notebooks", ignore=LEFT_OUT, dirs_exist_ok=True)

    def last_run(self):
        """The newest run of the experiment, as MLflow holds it, and the names of its artifacts."""
        import mlflow

        client = mlflow.MlflowClient(f"sqlite:///{self.state}/mlflow.db")
        found = client.search_runs([client.get_experiment_by_name("smoke").experiment_id])[0]
        kept = {a.path.removeprefix("notebooks/") for a in client.list_artifacts(found.info.run_id, "notebooks")}
        return found, kept

    def plan(self, *arguments: str) -> dict[str, tuple[str, str]]:
        """Stage -> (run or reuse, why)."""
        told = self.run("--plan", *arguments)
        assert 0 == told.returncode, told.stderr
        lines = [line.split(maxsplit=2) for line in told.stdout.splitlines()]
        return {stage: (what, why) for stage, what, why in lines}

    def results(self) -> dict:
        """What a run leaves for people: the training set and the evaluation, without the version's number."""
        rows = pd.read_parquet(self.state / "smoke/training/training_set.parquet")
        document = json.loads((self.state / "smoke/evaluation/evaluation.json").read_text())
        return {
            "rows": rows.sort_values(["customer_id", "snapshot"]).to_csv(index=False),
            "scores": [s for s in document["scores"] if s["model"] != "champion"],
        }

    def page(self, name: str) -> str:
        """A page of the newest run."""
        found, _ = self.last_run()
        return (self.state / "runs" / found.info.run_id / name).read_text()
