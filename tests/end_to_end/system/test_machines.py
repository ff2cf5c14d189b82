"""Machines that share no disk: what the API and a person's decision need of a run comes from MLflow, whose server and
artifacts another machine reaches, and from where the features are online."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import commands
from tests.end_to_end.system.servers import Postgres, Program, mlflow_server
from tests.serving.gunicorn_server import Server, make_world

pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]


@dataclass(frozen=True)
class Elsewhere:
    """A machine that never ran a pipeline: its state folder, the params file, and what its environment names."""

    state: Path
    params: Path
    environment: dict[str, str]
    mlflow: Program

    def churn(self, *arguments: str, code: int = 0) -> dict:
        """What a command answers there."""
        done = commands.churn(*arguments, "--json", state=self.state, params=self.params, **self.environment)
        assert code == done.returncode, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def elsewhere(postgres_server: Postgres, tmp_path_factory) -> Iterator[Elsewhere]:
    """The world was made on one machine; another one has its params file and, of the features, what is online."""
    made, state, server = (tmp_path_factory.mktemp(name) for name in ("made", "elsewhere", "mlflow"))
    with mlflow_server(server, postgres_server.url) as mlflow, pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        environment = {"MLFLOW_TRACKING_URI": mlflow.url, "CHURN_LOCK": postgres_server.url}
        make_world(made, **environment)
        shutil.copytree(made / "world" / "feast", state / "world" / "feast")
        params = Path(shutil.move(made / "world.yaml", state / "world.yaml"))
        made.rename(made.with_name("unplugged"))
        yield Elsewhere(state, params, environment, mlflow)


@pytest.fixture(scope="module")
def server(elsewhere, tmp_path_factory) -> Iterator[Server]:
    own = {"CHURN_STATE": str(elsewhere.state), "CHURN_PARAMS": str(elsewhere.params)} | elsewhere.environment
    with Server(tmp_path_factory.mktemp("api"), **own) as running:
        running.wait(lambda: running.get("/ready").status_code == 200)
        yield running


def scored(server: Server) -> dict:
    results = server.batch([f"C{number:07d}" for number in range(1, 51)]).json()["results"]
    return next(result for result in results if "error" not in result)


def test_an_api_with_an_empty_state_answers_what_a_run_elsewhere_has_made(server):
    assert 1 == server.predict(scored(server)["customer_id"]).json()["model"]["version"]
    told = server.get("/model").json()
    assert ("logistic", []) == (told["model"]["kind"], told["warnings"])
    assert "world" in server.get("/").text
    assert 200 == server.get("/openapi/openapi.json").status_code


def test_decisions_are_taken_explained_and_taken_back_where_no_run_was_and_the_api_follows(elsewhere, server):
    for version in (2, 3):
        elsewhere.churn("approve", str(version), "--reason", "by hand", "--override")
        server.wait(lambda version=version: server.serving(version) == 2)
    assert 2 == elsewhere.churn("rollback", "--reason", "worse")["production"]
    server.wait(lambda: server.serving(2) == 2)
    assert ["promoted", "promoted", "rolled back"] == [d["decision"] for d in elsewhere.churn("history")]
    told = elsewhere.churn("why")
    assert (2, True) == (told["version"], told["in_production"])
    assert [] == elsewhere.churn("doctor")["findings"]
    assert scored(server)["level_as_of"] == "2023-09-01"


def test_nothing_of_a_run_is_copied_into_the_state_that_the_api_has(elsewhere, server):
    kept = {path.relative_to(elsewhere.state).parts[:2] for path in elsewhere.state.rglob("*") if path.is_file()}
    assert kept <= {("world.yaml",), ("world", "feast"), ("world", "predictions"), ("world", "refusals")} | {
        ("runs", path.name) for path in (elsewhere.state / "runs").glob("decision-*")
    }
    assert not (elsewhere.state / "mlflow.db").exists()
