"""Fixtures of the planted bugs, and the table of bugs and messages at the end of the run."""

from __future__ import annotations

import re
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from churn.errors import UserError
from tests.checks.planted import business

LEAK = "leak"


@pytest.fixture(scope="session")
def sound(tmp_path_factory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and customers without a fault."""
    return business.simulate(tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> str:
    """One MLflow store for all, for it takes seconds to make one."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch, store):
    """Every test has a state of its own."""
    live_in(tmp_path, monkeypatch, store)


def live_in(folder: Path, patch: pytest.MonkeyPatch, store: str) -> None:
    """Keep the state, and whatever MLflow writes into the working directory, in a folder."""
    patch.setenv("CHURN_STATE", str(folder / "state"))
    patch.setenv("MLFLOW_TRACKING_URI", store)
    patch.setenv("MPLBACKEND", "Agg")
    patch.chdir(folder)


@pytest.fixture
def events(sound) -> pd.DataFrame:
    return sound[0].copy()


@pytest.fixture
def customers(sound) -> pd.DataFrame:
    return sound[1].copy()


@pytest.fixture
def given(tmp_path):
    """Write a log and its customers; returns the params file."""
    return lambda events, customers: business.write(tmp_path, events, customers)


@pytest.fixture(scope="session")
def featured(sound, store, tmp_path_factory) -> tuple[Path, Path]:
    """The params file of the sound business, and a state in which its features stage is done."""
    folder = tmp_path_factory.mktemp("sound")
    file = business.write(folder, *sound)
    with pytest.MonkeyPatch.context() as patch:
        live_in(folder, patch, store)
        business.run(file, stages=("features",))
    return file, folder / "state"


@pytest.fixture
def trained(featured, monkeypatch):
    """Run the train stage on the features of the sound business."""
    file, folder = featured
    monkeypatch.setenv("CHURN_STATE", str(folder))
    return lambda *settings: business.run(file, *settings, stages=("train",))


@pytest.fixture
def plant(monkeypatch):
    """Edit a function of the package as long as the test lasts: see business.plant."""
    return lambda *edit: business.plant(monkeypatch, *edit)


@pytest.fixture
def stops(request):
    """The run stops with exit code 2, in one line: the check that failed, and all of `told` (patterns)."""

    @contextmanager
    def _stops(by: str, *told: str):
        with pytest.raises(UserError) as caught:
            yield
        message = str(caught.value)
        assert 2 == caught.value.exit_code
        assert "\n" not in message
        for pattern in (re.escape(by), *told):
            assert re.search(pattern, message), f"{pattern!r} is not in: {message}"
        keep(request, by, message)

    return _stops


def keep(request: pytest.FixtureRequest, by: str, message: str) -> None:
    """For the table at the end."""
    request.node.user_properties.append((LEAK, (by, message)))


def pytest_terminal_summary(terminalreporter) -> None:
    """A table of the planted bugs: what stopped each of them, with which message."""
    reports = [report for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    caught = [(r.nodeid, dict(r.user_properties)[LEAK]) for r in reports if LEAK in dict(r.user_properties)]
    if not caught:
        return
    terminalreporter.section(f"{len(caught)} planted bugs, each stopped by a check")
    for nodeid, (by, message) in caught:
        bug = nodeid.split("::")[-1].removeprefix("test_").replace("_", " ")
        terminalreporter.write_line(f"{bug}  |  {by}", bold=True)
        terminalreporter.write_line(textwrap.fill(message, 116, initial_indent="    ", subsequent_indent="    "))
