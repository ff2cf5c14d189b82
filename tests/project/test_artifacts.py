"""What the page of artifacts lists is what a run leaves, to the last file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import mlflow
import pytest

from docs.generate import artifacts

PARTS = {"<stage>": "(?:features|monitor|train|evaluate|promote|score)"}
LATER = {  # of the API, of the next run, and what is there while it runs
    "<experiment>/predictions/", "<experiment>/refusals/", "<experiment>/monitoring/", "spill/",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(finished):
    return mlflow.MlflowClient(f"sqlite:///{finished.state}/mlflow.db")


def files(store: mlflow.MlflowClient, run_id: str, folder: str | None = None) -> Iterator[str]:
    """Every artifact of a run."""
    for found in store.list_artifacts(run_id, folder):
        if found.is_dir:
            yield from files(store, run_id, found.path)
        else:
            yield found.path


def pattern(listed: str) -> re.Pattern:
    parts = re.split(r"(<[a-z ]+>)", listed)
    return re.compile("".join(PARTS.get(p, "[^/]+") if p.startswith("<") else re.escape(p) for p in parts))


def unlike(listed: Iterable[str], found: Iterable[str]) -> tuple[list[str], list[str]]:
    """Files that no row describes, and rows that describe no file."""
    found, patterns = list(found), {row: pattern(row) for row in listed}
    alone = [name for name in found if not any(p.fullmatch(name) for p in patterns.values())]
    return alone, [row for row, p in patterns.items() if not any(p.fullmatch(name) for name in found)]


@pytest.mark.parametrize(("experiment", "listed"), [("smoke", artifacts.RUN), ("smoke-decisions", artifacts.DECISION)])
def test_a_run_leaves_what_is_listed(store, experiment, listed):
    [run] = store.search_runs([store.get_experiment_by_name(experiment).experiment_id])
    assert ([], []) == unlike(listed, files(store, run.info.run_id))


def test_the_state_folder_holds_what_is_listed(finished):
    state = finished.state
    entries = [*state.glob("[!.]*"), *state.glob("runs/*"), *state.glob("smoke/*")]
    found = [f"{e.relative_to(state)}{'/' if e.is_dir() else ''}" for e in entries if e.name not in ("runs", "smoke")]
    assert ([], []) == unlike(set(artifacts.STATE) - LATER, found)
