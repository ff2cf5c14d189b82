"""The answers around a prediction: keys, limits, request ids, freshness, headers, metrics, logs and documents."""

from __future__ import annotations

import gzip
import json
import re
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest
import requests

from benchmarks import load
from churn.errors import UserError
from churn.features.online.packing import ARROW, Layout
from churn.features.online.sqlite_file import SqliteFile
from churn.registry import versions
from serving.app import create_app
from serving.champion import ChampionHolder
from serving.problems import Problem
from serving.request_checks import BODY_LIMIT, Slots
from tests.serving.gunicorn_server import Server


@pytest.fixture(scope="module")
def customer(server, world) -> str:
    results = server.batch(world.customers[:50]).json()["results"]
    return next(result["customer_id"] for result in results if "error" not in result)


@pytest.fixture
def client(world, tmp_path, monkeypatch):
    """A client of an application in this process, made for the world's params file with another serving section.

    It looks at the registry once: a thread would go on to look when the test is over and the environment another.
    """
    monkeypatch.setattr(ChampionHolder, "start", lambda holder: (holder.refresh(), holder.refreshed.set()))

    def make(serving: str = "{}"):
        file = tmp_path / "params.yaml"
        file.write_text((world.folder / "world.yaml").read_text() + f"serving: {serving}\n")
        return create_app(str(file)).test_client()

    return make


def test_request_id_is_taken_over_when_well_formed_and_made_otherwise(server):
    given = "order-2023.11:7_a"
    answer = server.predict("nobody", headers={"X-Request-ID": given})
    assert [given, given] == [answer.headers["X-Request-ID"], answer.json()["request_id"]]
    for bad in ("", "a b", "x" * 129, "é", "<script>"):
        made = server.predict("nobody", headers={"X-Request-ID": bad.encode()}).json()["request_id"]
        assert re.fullmatch("[0-9a-f]{32}", made), bad


def test_a_key_is_asked_for_where_keys_are_set(client, monkeypatch, customer):
    monkeypatch.setenv("CHURN_API_KEYS", "first-key, second-key")
    api = client()
    body = {"customer_id": customer}
    for headers in ({}, {"X-API-Key": "first-ke"}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "é"}):
        refused = api.post("/predict", json=body, headers=headers)
        assert (refused.status_code, refused.json["type"]) == (401, "unauthorized")
        assert "Bearer" in refused.headers["WWW-Authenticate"]
    for headers in ({"X-API-Key": "second-key"}, {"Authorization": "Bearer first-key"}):
        assert api.post("/predict", json=body, headers=headers).status_code == 200
    assert api.get("/", auth=("anyone", "first-key")).status_code == 200
    assert [200, 401, 401] == [api.get(path).status_code for path in ("/health", "/model", "/reports/x/index.html")]


def test_keys_have_names_that_the_log_shows_and_the_document_asks_for(client, monkeypatch, customer, caplog):
    monkeypatch.setenv("CHURN_API_KEYS", "shop:first-key, second-key")
    api = client()
    caplog.set_level("INFO", logger="serving")
    for key in ("first-key", "second-key", "shop:first-key"):
        api.post("/predict", json={"customer_id": customer}, headers={"X-API-Key": key})
    lines = [record.fields for record in caplog.records if record.message == "request"]
    assert [(200, "shop"), (200, "key 2"), (401, None)] == [(line["status"], line.get("key")) for line in lines]
    document = api.get("/openapi/openapi.json", headers={"X-API-Key": "first-key"}).json
    assert {"header", "bearer", "basic"} == set(document["components"]["securitySchemes"])
    asked = {path: next(iter(of.values())).get("security") for path, of in document["paths"].items()}
    assert [{"header": []}, {"bearer": []}, {"basic": []}] == asked["/predict"]
    assert [[], []] == [asked["/health"], asked["/metrics"]]


@pytest.mark.parametrize("keys", ["shop:a,shop:b", "shop:", ":a"])
def test_keys_that_cannot_be_told_apart_or_are_empty_are_refused(keys, client, monkeypatch):
    monkeypatch.setenv("CHURN_API_KEYS", keys)
    with pytest.raises(UserError, match="name:key,other:key2, each name once"):
        client()


def test_features_beyond_the_limit_are_409_and_on_the_limit_are_not(client, customer):
    limit = "{max_feature_age_days: 30, as_of: %s}"
    fresh = client(limit % "2023-10-01T00:00:00").post("/predict", json={"customer_id": customer})
    stale = client(limit % "2023-10-01T00:00:01").post("/predict", json={"customer_id": customer})
    assert fresh.status_code == 200
    assert (stale.status_code, stale.json["type"]) == (409, "stale-features")
    assert "30" in stale.json["detail"]


@pytest.fixture
def profile(world, customer):
    """Change the customer's row of profiles online, by a function of its bytes and their layout; None takes it away."""
    path = world.folder / "world" / "feast" / "online.db"
    [(view, columns)] = [(v, c.columns) for v, c in SqliteFile(path).online().views.items() if v.startswith("profile_")]
    opened = sqlite3.connect(path, isolation_level=None)
    [(row,)] = opened.execute(f'SELECT row FROM "view {view}" WHERE customer = ?', [customer])

    @contextmanager
    def changed(change: Callable[[bytes, Layout], bytes] | None) -> Iterator[None]:
        opened.execute(f'DELETE FROM "view {view}" WHERE customer = ?', [customer])
        if change:
            opened.execute(f'INSERT INTO "view {view}" VALUES (?, ?)', [customer, change(row, Layout(columns))])
        try:
            yield
        finally:
            opened.execute(f'INSERT OR REPLACE INTO "view {view}" VALUES (?, ?)', [customer, row])

    return changed


def test_views_of_two_snapshots_are_never_mixed(profile, server, customer):
    with profile(lambda row, _: (int.from_bytes(row[:8], "little") + 86_400_000_000).to_bytes(8, "little") + row[8:]):
        between = server.predict(customer)
    assert (between.status_code, between.json()["type"]) == (503, "feature-store-unavailable")
    assert server.predict(customer).status_code == 200


def test_features_that_are_not_in_the_store_are_409(profile, server, customer):
    with profile(None):
        answer = server.predict(customer)
    assert (answer.status_code, answer.json()["type"]) == (409, "missing-features")
    assert "more are not in the store; run the features stage again" in answer.json()["detail"]
    assert server.predict(customer).status_code == 200


def without(name: str) -> Callable[[bytes, Layout], bytes]:
    """A row that has a null in the place of one feature."""

    def change(row: bytes, layout: Layout) -> bytes:
        held = layout.unpack(row, [len(row)])
        values = {column: pa.array(held.values(column), ARROW[kind]) for column, kind in layout.columns}
        return layout.pack(values | {name: pa.nulls(1)}, held.times)[0]

    return change


def test_a_null_that_the_model_was_never_trained_with_is_409(profile, server, customer):
    with profile(without("momentum_7d_30d")):
        answer = server.predict(customer)
    assert (answer.status_code, answer.json()["type"]) == (409, "missing-features")
    assert "momentum_7d_30d have no value, though every customer had one in training" in answer.json()["detail"]


def test_out_of_range_names_exactly_the_features_outside_training(world, server):
    ranges = versions.load_production("world").metadata["training_ranges"]
    tables = [
        pd.read_parquet(path).set_index("customer_id")
        for path in (world.folder / "world/features/2023-09-01").iterdir()
    ]
    features = pd.concat(tables, axis=1)
    numbers = [name for name, seen in ranges.items() if "low" in seen]
    outside = {
        name: (features[name] < ranges[name]["low"]) | (features[name] > ranges[name]["high"]) for name in numbers
    }
    expected = pd.DataFrame(outside)
    results = [r for r in server.batch(world.customers).json()["results"] if "error" not in r]
    assert any(result["out_of_range"] for result in results)
    for result in results:
        row = expected.loc[result["customer_id"]]
        assert sorted(row.index[row]) == sorted(result["out_of_range"])


@pytest.mark.parametrize(
    ("customers", "status"), [([], 422), (["a"] * 1001, 422), (["a", True], 422), ("a", 422), (["a"] * 1000, 200)]
)
def test_a_batch_has_one_to_a_thousand_customers(server, customers, status):
    assert status == server.batch(customers).status_code


def test_other_bodies_methods_and_addresses_are_refused_with_a_problem(server):
    url, plain = server.url + "/predict", {"Content-Type": "text/plain"}
    answers = {
        "unsupported-media-type": server.http.post(url, data="{}", headers=plain, timeout=20),
        "payload-too-large": server.http.post(url, json={"customer_id": "x" * (BODY_LIMIT + 1)}, timeout=20),
        "method-not-allowed": server.get("/predict"),
        "not-found": server.get("/nowhere"),
    }
    for kind, answer in answers.items():
        assert (kind, "application/problem+json") == (answer.json()["type"], answer.headers["Content-Type"])
    assert [415, 413, 405, 404] == [answer.status_code for answer in answers.values()]
    assert "POST" in answers["method-not-allowed"].headers["Allow"]


@pytest.mark.parametrize("line", ["GET /health", "DELETE /predict", "POST /nowhere"])
def test_no_answer_overtakes_the_body_so_the_next_request_is_never_lost(server, line):
    """Else gunicorn reads the body together with the next request, and then waits for the latter."""
    head = f"{line} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
        connection.sendall(head)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(20)
        for rest in (b"{}", head + b"{}"):
            connection.sendall(rest)
            assert load.answer(connection)[0] in (200, 404, 405)


def test_more_at_once_than_there_are_slots_is_429_at_once():
    slots, inside, leave = Slots(1), threading.Event(), threading.Event()

    def hold() -> None:
        with slots.hold():
            inside.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    with pytest.raises(Problem) as refused, slots.hold():
        pass
    assert (429, "overloaded", 1) == (refused.value.status, refused.value.kind, refused.value.retry_after)
    leave.set()
    holder.join()
    with slots.hold():
        pass


def test_answers_carry_security_headers_and_pages_load_nothing_from_elsewhere(server):
    for path in ("/", "/openapi/", "/customers", "/versions/1", "/health", "/nowhere"):
        answer = server.get(path)
        assert "nosniff" == answer.headers["X-Content-Type-Options"]
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", answer.text), path


def test_page_and_model_say_what_is_in_production(server):
    page = server.get("/model").json()
    assert ("world", 1, "logistic") == (page["model"]["name"], page["model"]["version"], page["model"]["kind"])
    assert "version 1 in production" in server.get("/").text


def test_document_is_openapi_3_1_and_names_every_problem(server):
    document = server.get("/openapi/openapi.json").json()
    assert "3.1.0" == document["openapi"]
    assert {"/predict", "/predict/batch", "/health", "/ready", "/model", "/metrics"} == set(document["paths"])
    assert {"200", "401", "404", "409", "413", "415", "422", "429", "500", "503"} == set(
        document["paths"]["/predict"]["post"]["responses"]
    )


def test_metrics_cover_all_workers_and_name_no_customer(server, customer):
    with requests.Session() as other:
        for _ in range(20):
            other.post(server.url + "/predict", json={"customer_id": customer}, timeout=20)
    text = server.get("/metrics").text
    assert re.search(r'churn_model_info\{name="world",run_id="\w+",version="1"\} 2.0', text)
    assert re.search(r'churn_request_seconds_count\{route="/predict",status="200"\} (\d+)', text)
    assert customer not in text and "feast_" not in text


def test_the_registry_is_up_while_every_worker_reaches_it(server):
    assert 200 == server.get("/ready").status_code
    server.wait(lambda: server.metric("churn_registry_up") == 1)
    [victim, *_] = server.workers()
    victim.kill()
    server.wait(lambda: len({worker.pid for worker in server.workers()} - {victim.pid}) == 2)
    server.wait(lambda: server.serving(1) == 2)
    assert {1.0} == {server.metric("churn_registry_up") for _ in range(20)}


def test_the_age_of_features_is_that_of_now_and_absent_until_any_are_used(world, tmp_path):
    with Server(tmp_path, **world.environment) as fresh:
        fresh.wait(lambda: fresh.get("/ready").status_code == 200)
        assert fresh.metric("churn_feature_age_seconds") is None
        fresh.batch(world.customers[:20])
        for _ in range(2):
            age = (datetime.now(UTC) - datetime(2023, 9, 1, tzinfo=UTC)).total_seconds()
            assert age == pytest.approx(fresh.metric("churn_feature_age_seconds"), abs=1)
            time.sleep(1.5)


def test_log_lines_are_json_with_the_request_id(server):
    name = f"log-test-{uuid.uuid4().hex}"
    server.predict("nobody", headers={"X-Request-ID": name})
    [line] = [json.loads(line) for line in server.log().splitlines() if name in line]
    assert ("request", "/predict", 404) == (line["event"], line["route"], line["status"])
    assert "nobody" not in json.dumps(line)


def test_prediction_log_holds_what_was_answered(world, server, customer):
    name = f"logged-{uuid.uuid4().hex}"
    answer = server.predict(customer, headers={"X-Request-ID": name}).json()
    folder = world.folder / "world" / "predictions"

    def rows() -> pd.DataFrame:
        files = [pd.read_parquet(path) for path in folder.rglob("*.parquet")]
        return pd.concat([file[file.request_id == name] for file in files]) if files else pd.DataFrame()

    server.wait(lambda: len(rows()) == 1)
    row = rows().iloc[0]
    assert (customer, answer["churn_probability"]) == (row.customer_id, row.churn_probability)
    assert (1, 0.2, answer["scored_at"][:10]) == (row.model_version, row.threshold, row.scored_at.date().isoformat())
    assert {"momentum_7d_30d", "plan"} < set(row.features)


def test_a_log_that_is_full_drops_and_counts(client, customer, monkeypatch):
    monkeypatch.setattr("serving.prediction_log.CAPACITY", 1)
    api = client()
    api.application.prediction_log.start = lambda: None  # nothing empties it
    assert [200, 200] == [api.post("/predict", json={"customer_id": customer}).status_code for _ in range(2)]
    assert 1 == len(api.application.prediction_log._answered)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "made-up"])
def test_a_body_that_is_encoded_is_415(server, coding):
    body = gzip.compress(b'{"customer_id": "C0000001"}')
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = server.http.post(server.url + "/predict", data=body, headers=headers, timeout=20)
    assert (415, "unsupported-media-type") == (answer.status_code, answer.json()["type"])
    assert f"without Content-Encoding; found '{coding}'" in answer.json()["detail"]
    plain = server.http.post(server.url + "/predict", data=b'{"customer_id": "nobody"}',
                             headers=headers | {"Content-Encoding": "identity"}, timeout=20)  # fmt: skip
    assert 404 == plain.status_code


def test_an_id_is_looked_up_as_the_log_s_ids_are_read(server, customer):
    spelt = [customer, f" {customer}", f"{customer}\n", f"\t{customer} "]
    answers = [server.predict(one).json() for one in spelt]
    assert [customer] * 4 == [answer["customer_id"] for answer in answers]
    assert 1 == len({answer["churn_probability"] for answer in answers})
    assert [404] * 3 == [server.predict(one).status_code for one in (customer.lower(), f"{customer}.0", f"{customer}.")]
    numbers = server.batch([12345, 12345.0, "12345.00", "12345.10", 1.5]).json()["results"]
    assert ["12345", "12345", "12345", "12345.10", "1.5"] == [result["customer_id"] for result in numbers]
    assert {404} == {result["error"]["status"] for result in numbers}
