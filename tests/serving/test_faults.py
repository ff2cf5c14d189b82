"""What the API answers while something is broken, and that it recovers by itself. Each test adds a row to the fault
table of docs/reference/api.md: `WRITE_FAULT_TABLE=1 pytest tests/serving/test_faults.py` writes it anew."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from churn.registry import tracking, version_levels, versions
from serving.feature_lookup import TIMEOUT_SECONDS
from tests.serving.fault_table import observed, row, said
from tests.serving.gunicorn_server import Server
from tests.serving.world import LEVEL, promote

STORE_SECONDS = 5  # what a locked SQLite waits, and the slow store of slow_app.py


@pytest.fixture(scope="module")
def server(world, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("faults"), **world.environment) as running:
        running.wait(lambda: running.get("/ready").status_code == 200)
        yield running


@pytest.fixture(scope="module")
def table():
    """Rows of the fault table, as they were observed; at the end the document must say the same."""
    with observed("faults") as rows:
        yield rows


@pytest.fixture
def customer(world, server) -> str:
    results = server.batch(world.customers[:50]).json()["results"]
    return next(result["customer_id"] for result in results if "error" not in result)


def test_a_killed_worker_is_replaced(server, customer, table):
    [victim, *_] = server.workers()
    victim.kill()
    server.http.close()
    answer = server.predict(customer)
    server.wait(lambda: len({w.pid for w in server.workers()} - {victim.pid}) == 2)
    answers = [requests.post(server.url + "/predict", json={"customer_id": customer}, timeout=20) for _ in range(50)]
    assert {200} == {a.status_code for a in answers}
    table.append(
        row("a worker is killed (`kill -9`)", said(answer), said(server.get("/ready")), "a new worker within seconds")
    )


def test_a_locked_online_store_is_503_in_time(world, server, customer, table):
    before = server.predict(customer).json()["churn_probability"]
    lock = sqlite3.connect(world.folder / "world" / "feast" / "online.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    answer, ready = server.predict(customer), server.get("/ready")
    assert time.monotonic() - began < 2 * STORE_SECONDS
    assert answer.headers["Retry-After"]
    lock.execute("ROLLBACK")
    server.wait(lambda: server.predict(customer).status_code == 200)
    assert before == server.predict(customer).json()["churn_probability"]
    assert said(answer) == "503 feature-store-unavailable"
    table.append(row("the online store is locked", said(answer), said(ready), "as soon as the lock is gone"))


def test_a_missing_online_store_is_503_and_its_return_is_seen(world, server, customer, table):
    path = world.folder / "world" / "feast" / "online.db"
    path.rename(path.with_suffix(".away"))
    answer, ready = server.predict(customer), server.get("/ready")
    assert not path.exists(), "looking must not make an empty store"
    path.with_suffix(".away").rename(path)
    assert server.predict(customer).status_code == 200
    assert said(answer) == "503 feature-store-unavailable"
    table.append(row("the online store is missing", said(answer), said(ready), "with the next request"))


@pytest.mark.system
def test_a_slow_store_costs_a_second_and_never_blocks_the_probes(world, tmp_path, table):
    slow = tmp_path / "slow"
    with Server(
        tmp_path, app="tests.serving.slow_app:create_app()", **world.environment, SLOW_WHILE=str(slow)
    ) as running:
        running.wait(lambda: running.get("/ready").status_code == 200)
        slow.touch()
        answer = running.predict("C0000001")
        assert TIMEOUT_SECONDS < answer.elapsed.total_seconds() < STORE_SECONDS
        with ThreadPoolExecutor(60) as clients:
            statuses = {said(a) for a in clients.map(lambda _: requests.post(
                running.url + "/predict", json={"customer_id": "C0000001"}, timeout=20), range(60))}  # fmt: skip
            assert statuses <= {"503 feature-store-unavailable", "429 overloaded"}, statuses
        assert running.get("/health").elapsed.total_seconds() < STORE_SECONDS
        ready = running.get("/ready")
        slow.unlink()
        running.wait(lambda: running.predict("C0000001").status_code in (200, 409))
    predict = f"{said(answer)} after {TIMEOUT_SECONDS:g} s; 429 overloaded beyond 16 at once a worker"
    table.append(row("the feature store takes 5 s", predict, said(ready), "as soon as it is fast again"))


def test_a_corrupt_model_never_serves(server, customer, table):
    two = versions.get("world", 2)
    file = Path(versions.verified_files(two)) / "model.skops"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] + b"tampered" + whole[-92:])
    promote(2)
    server.wait(lambda: server.get("/ready").json()["warnings"])
    answer, ready = server.predict(customer), server.get("/ready")
    assert answer.json()["model"]["version"] == 1
    assert "not those that were registered" in ready.json()["warnings"][0]
    file.write_bytes(whole)
    server.wait(lambda: server.predict(customer).json()["model"]["version"] == 2)
    promote(1)
    server.wait(lambda: server.predict(customer).json()["model"]["version"] == 1)
    fault, predict = "the promoted model's files are not those registered", f"{said(answer)}, by the last good version"
    table.append(row(fault, predict, f"{said(ready)}, with a warning", "tried again every 10 s"))


def test_a_version_without_a_level_for_the_snapshot_online_answers_so(server, customer, table):
    two = versions.get("world", 2)
    tags = {n: value for n, value in two.tags.items() if n != "digest" and not n.startswith(version_levels.TAG)}
    unsettled = versions.register("world", source=two.source, run_id=two.run_id, tags=tags)
    promote(unsettled.version)
    server.wait(lambda: server.predict(customer).status_code == 503)
    answer = server.predict(customer)
    assert "model-unavailable" == answer.json()["type"]
    assert f"version {unsettled.version} has no level for the snapshot 2023-09-01" in answer.json()["detail"]
    versions.tag("world", unsettled.version, version_levels.tag(LEVEL))
    server.wait(lambda: server.predict(customer).status_code == 200)
    promote(1)
    server.wait(lambda: server.predict(customer).json()["model"]["version"] == 1)
    fault, predict = "the Production version has no level for the snapshot online", said(answer)
    table.append(row(fault, predict, said(server.get("/ready")), "as soon as the pipeline has found it out"))


def test_a_version_deleted_from_the_registry_keeps_serving(server, customer, table):
    two = versions.get("world", 2)
    tags = {name: value for name, value in two.tags.items() if name != "digest"}
    doomed = versions.register("world", source=two.source, run_id=two.run_id, tags=tags)
    promote(doomed.version)
    server.wait(lambda: server.predict(customer).json()["model"]["version"] == doomed.version)
    tracking.client().delete_model_version("world", str(doomed.version))
    server.wait(lambda: server.get("/ready").json()["warnings"])
    answer, ready = server.predict(customer), server.get("/ready")
    assert doomed.version == answer.json()["model"]["version"]
    promote(1)
    server.wait(lambda: server.predict(customer).json()["model"]["version"] == 1)
    fault, predict = "the Production version is deleted from the registry", f"{said(answer)}, by the deleted version"
    table.append(row(fault, predict, f"{said(ready)}, with a warning", "with the next promotion"))


def test_a_missing_registry_is_a_warning_and_leaves_predictions_alone(world, server, customer, table):
    path = world.folder / "mlflow.db"
    path.rename(path.with_suffix(".away"))
    server.wait(lambda: server.metric("churn_registry_up") == 0)
    server.wait(lambda: server.get("/ready").json()["warnings"])
    answer, ready, up = server.predict(customer), server.get("/ready"), server.metric("churn_registry_up")
    path.with_suffix(".away").rename(path)
    server.wait(lambda: server.metric("churn_registry_up") == 1)
    server.wait(lambda: not server.get("/ready").json()["warnings"])
    assert (200, 200, 0) == (answer.status_code, ready.status_code, up)
    assert "the registry does not answer" in ready.json()["warnings"][0]
    fault, told = "the registry is missing", f"{said(ready)}, with a warning; `churn_registry_up` 0"
    table.append(row(fault, said(answer), told, "as soon as it answers"))


def test_a_full_disk_costs_the_log_and_nothing_else(world, server, customer, table):
    folder = world.folder / "world" / "predictions"
    folder.mkdir(exist_ok=True)
    full = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], check=False, capture_output=True)
    if full.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        answer = server.predict(customer)
        server.wait(lambda: server.metric("churn_prediction_log_dropped_total") > 0)
        ready = server.get("/ready")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
    server.predict(customer)
    server.wait(lambda: list(folder.rglob("*.parquet")))
    afterwards = "logged again; `churn_prediction_log_dropped_total` counts what was lost"
    table.append(row("the disk of the prediction log is full", said(answer), said(ready), afterwards))
