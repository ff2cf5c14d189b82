"""Machines that share no disk, and servers that stop: what the API and a person's decision need of a run comes from
MLflow's server and from where the features are online, and what callers see while one of these is gone."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from churn.state import PROJECT
from tests import commands
from tests.end_to_end.system.servers import Postgres, Program, mlflow_server, redis_server
from tests.serving.fault_table import observed, row, said
from tests.serving.gunicorn_server import Server, clean_environment, make_world

pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]
PUBLISH = "import sys; from churn.features import store; store.publish('world', sys.argv[1], '2023-09-01')"
CLIENTS = 4


@dataclass(frozen=True)
class Elsewhere:
    """A machine that never ran a pipeline: its state folder, the params file, and what its environment names."""

    state: Path
    params: Path
    environment: dict[str, str]
    mlflow: Program
    redis: Program
    postgres: Postgres

    def churn(self, *arguments: str, code: int = 0) -> dict:
        """What a command answers there."""
        done = commands.churn(*arguments, "--json", state=self.state, params=self.params, **self.environment)
        assert code == done.returncode, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def elsewhere(postgres_server: Postgres, tmp_path_factory) -> Iterator[Elsewhere]:
    """The world was made on one machine, which is gone; another one has its params file and an empty state folder."""
    made, state, servers = (tmp_path_factory.mktemp(name) for name in ("made", "elsewhere", "servers"))
    with mlflow_server(servers, postgres_server.url) as mlflow, redis_server(servers) as redis:
        environment = {
            "MLFLOW_TRACKING_URI": mlflow.url, "CHURN_LOCK": postgres_server.url,
            "CHURN_FEAST_REGISTRY": postgres_server.url, "CHURN_REDIS": f"127.0.0.1:{redis.port}",
        }  # fmt: skip
        make_world(made, **environment)
        manifest = str(made / "world" / "features" / "features.json")
        given = clean_environment() | environment | {"CHURN_STATE": str(made), "CHURN_ENGINE": "spark"}
        subprocess.run([sys.executable, "-c", PUBLISH, manifest], cwd=PROJECT, env=given, check=True)
        params = state.with_suffix(".yaml")
        params.write_text((made / "world.yaml").read_text() + "engine: spark\n")
        shutil.rmtree(made)
        yield Elsewhere(state, params, environment, mlflow, redis, postgres_server)


@pytest.fixture(scope="module")
def server(elsewhere, tmp_path_factory) -> Iterator[Server]:
    own = {"CHURN_STATE": str(elsewhere.state), "CHURN_PARAMS": str(elsewhere.params)} | elsewhere.environment
    with Server(tmp_path_factory.mktemp("api"), **own) as running:
        running.wait(lambda: running.get("/ready").status_code == 200)
        yield running


@pytest.fixture(scope="module")
def customer(server) -> str:
    results = server.batch([f"C{number:07d}" for number in range(1, 51)]).json()["results"]
    return next(result["customer_id"] for result in results if "error" not in result)


def test_an_api_with_an_empty_state_answers_what_a_run_elsewhere_has_made(server, customer):
    assert 1 == server.predict(customer).json()["model"]["version"]
    told = server.get("/model").json()
    assert ("logistic", []) == (told["model"]["kind"], told["warnings"])
    assert "world" in server.get("/").text


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


def test_nothing_of_a_run_lies_in_the_state_that_the_api_has(elsewhere, server):
    kept = {path.relative_to(elsewhere.state).parts[:2] for path in elsewhere.state.rglob("*") if path.is_file()}
    ours = {("runs", path.name) for path in (elsewhere.state / "runs").glob("decision-*")}
    assert kept <= {("world", "predictions"), ("world", "refusals")} | ours


# --- servers that stop, under load ---


@pytest.fixture(scope="module")
def table():
    with observed("outages") as rows:
        yield rows


@contextmanager
def under_load(server: Server, customer: str) -> Iterator[list[tuple[float, str, float]]]:
    """What callers are answered meanwhile: when, in two words, and the seconds that it took."""
    seen: list[tuple[float, str, float]] = []
    done = threading.Event()

    def call() -> None:
        with requests.Session() as session:
            while not done.wait(0.01):
                began = time.monotonic()
                answer = session.post(f"{server.url}/predict", json={"customer_id": customer}, timeout=20)
                seen.append((began, said(answer), time.monotonic() - began))

    callers = [threading.Thread(target=call) for _ in range(CLIENTS)]
    for caller in callers:
        caller.start()
    try:
        yield seen
    finally:
        done.set()
        for caller in callers:
            caller.join()


def answers(seen: list[tuple[float, str, float]], begin: float, end: float) -> str:
    """All that was asked and said within a time, the most frequent first."""
    said_then = Counter(text for at, text, seconds in seen if begin <= at and at + seconds < end)
    return ", ".join(text for text, _ in said_then.most_common())


@pytest.mark.parametrize(("fault", "stop", "start", "predict", "ready", "afterwards"), [
    ("`redis-server` is killed", lambda e: e.redis.stop(), lambda e: e.redis.start(),
     "503 feature-store-unavailable", "503 feature-store-unavailable",
     "as soon as it answers, with what it has kept on its disk; what it has lost, the next features stage puts back"),
    ("PostgreSQL is stopped", lambda e: e.postgres.stop(), lambda e: e.postgres.start(),
     "200", "200, with a warning; `churn_registry_up` 0", "as soon as it answers"),
    ("`mlflow server` is killed", lambda e: e.mlflow.stop(), lambda e: e.mlflow.start(),
     "200", "200, with a warning; `churn_registry_up` 0", "as soon as it answers"),
    ("`mlflow server` hangs (`kill -STOP`)", lambda e: e.mlflow.signal(signal.SIGSTOP),
     lambda e: e.mlflow.signal(signal.SIGCONT),
     "200", "200, with a warning; `churn_registry_up` 0", "as soon as it answers"),
], ids=["redis", "postgresql", "mlflow", "mlflow hangs"])  # fmt: skip
def test_a_server_that_stops_under_load(
    elsewhere, server, customer, table, fault, stop, start, predict, ready, afterwards
):
    registry = not fault.startswith("`redis")
    with under_load(server, customer) as seen:
        server.wait(lambda: len(seen) > 20)
        stop(elsewhere)
        stopped = time.monotonic()
        if registry:
            server.wait(lambda: server.metric("churn_registry_up") == 0 and server.get("/ready").json()["warnings"])
        time.sleep(3)  # of load, on what is gone
        told, until = server.get("/ready"), time.monotonic()
        start(elsewhere)
        server.wait(lambda: server.predict(customer).status_code == 200)
        server.wait(lambda: server.metric("churn_registry_up") == 1 and not server.get("/ready").json()["warnings"])
        again = time.monotonic()
        server.wait(lambda: seen[-1][0] > again + 0.5)
    assert "200" == answers(seen, 0, stopped - 1) or not answers(seen, 0, stopped - 1)
    assert "200" == answers(seen, again, time.monotonic())
    found = answers(seen, stopped + 0.5, until)
    assert max(seconds for _, _, seconds in seen) < 5
    what = f"{said(told)}, with a warning; `churn_registry_up` 0" if told.status_code == 200 else said(told)
    table.append(row(fault, found, what, afterwards))
    assert (predict, ready) == (found, what)


def test_a_worker_that_starts_while_the_registry_is_silent_waits_for_it(elsewhere, server, customer, table):
    elsewhere.mlflow.stop()
    [victim, *_] = server.workers()
    victim.kill()
    server.wait(lambda: len({worker.pid for worker in server.workers()} - {victim.pid}) == 2)
    time.sleep(2)
    seen = Counter()
    for _ in range(60):  # connections of their own, which either worker may take
        answer = requests.post(f"{server.url}/predict", json={"customer_id": customer}, timeout=20)
        seen[said(answer)] += 1
    elsewhere.mlflow.start()
    server.wait(lambda: server.serving(2) == 2)
    assert {"200", "503 model-unavailable"} >= set(seen)
    assert 200 == server.predict(customer).status_code
    told = "200 by the others; 503 model-unavailable by this one"
    table.append(row("a worker starts while the registry is silent", told, told, "as soon as it answers"))
