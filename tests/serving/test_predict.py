from __future__ import annotations

import json
from datetime import datetime, timedelta

import pandas as pd
import pytest

from churn import manifest, registry, state
from churn import model as models
from tests.serving.gunicorn_server import Server


@pytest.fixture(scope="module")
def expected(world) -> pd.Series:
    """Probabilities of every customer by scikit-learn from the tables, without Feast or serving."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(world.folder))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{world.folder / 'mlflow.db'}")
        made = manifest.load(state.path("world", "features", "features.json"))
        tables = [pd.read_parquet(manifest.table_path(made, "2023-09-01", view)).set_index("customer_id") for view in manifest.views(made)]
        loaded = registry.load_production("world")
    X = pd.concat(tables, axis=1)[loaded.columns]
    return pd.Series(models.probability(loaded.pipeline, X), index=X.index)


def test_answer_is_what_the_pipeline_gives_for_the_tables_features(server, world, expected):
    customer = world.customers[0]
    answer = server.predict(customer).json()
    assert expected[customer] == pytest.approx(answer["churn_probability"], abs=1e-12)


def test_answer_names_what_it_rests_on(server, world):
    before = registry.production("world")
    answer = server.predict(world.customers[0]).json()
    assert {
        "request_id", "customer_id", "churn_probability", "model", "features_as_of", "scored_at", "threshold", "flagged", "out_of_range",
    } == set(answer)
    assert world.customers[0] == answer["customer_id"]
    assert {"name": "world", "version": before.version, "run_id": before.run_id} == answer["model"]
    assert "2023-09-01T00:00:00Z" == answer["features_as_of"]
    assert datetime.now().astimezone() - datetime.fromisoformat(answer["scored_at"]) < timedelta(minutes=1)
    assert 0.2 == answer["threshold"]
    assert (answer["churn_probability"] >= 0.2) is answer["flagged"]


def test_batch_gives_every_customer_its_own_answer_in_order(server, world, expected):
    customers = [*world.customers, "nobody"]
    results = server.batch(customers).json()["results"]
    assert customers == [result["customer_id"] for result in results]
    assert expected[world.customers].tolist() == pytest.approx([r["churn_probability"] for r in results[:-1]], abs=1e-12)
    assert ("unknown-customer", 404) == (results[-1]["error"]["type"], results[-1]["error"]["status"])


def test_nulls_that_the_model_was_trained_with_are_no_error(server, world):
    made = manifest.load(state.path("world", "features", "features.json"))
    tickets = pd.read_parquet(manifest.table_path(made, "2023-09-01", "ticket")).set_index("customer_id")
    never = tickets.index[tickets.days_since_ticket.isna()][0]
    assert 200 == server.predict(never).status_code


def test_unknown_customer_is_404(server):
    answer = server.predict("nobody")
    assert 404 == answer.status_code
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert "unknown-customer" == answer.json()["type"]


@pytest.mark.parametrize(("body", "field"), [
    ({}, "customer_id"), ({"customer_id": 1}, "customer_id"), ({"customer_id": None}, "customer_id"), ({"customer_id": ""}, "customer_id"),
    ({"customer_id": "x" * 201}, "customer_id"), ({"customer_id": ["a"]}, "customer_id"), ({"customer_id": "\ud800"}, "customer_id"),
    ({"customer_id": "C0000001", "threshold": 0}, "threshold"), ([], "body"), ("C0000001", "body"), (None, "body"), (5, "body"),
])  # fmt: skip
def test_invalid_request_is_422_and_names_the_field(server, body, field):
    answer = server.http.post(server.url + "/predict", data=json.dumps(body), headers={"Content-Type": "application/json"}, timeout=20)
    assert (422, "invalid-request") == (answer.status_code, answer.json()["type"])
    assert [field] == [fault["field"] for fault in answer.json()["errors"]]


def test_unreadable_json_is_422(server):
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"customer_id": "a"', b'"{\\"customer_id\\": \\"a\\"}"', b"1" * 5000):
        answer = server.http.post(server.url + "/predict", data=body, headers={"Content-Type": "application/json"}, timeout=20)
        assert (422, "invalid-request") == (answer.status_code, answer.json()["type"]), body[:20]


def test_health_answers_and_ready_names_the_model(server):
    assert {"status": "ok"} == server.get("/health").json()
    assert 1 == server.get("/ready").json()["model"]["version"]


def test_without_a_production_model_it_waits_and_becomes_ready_by_itself(world, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with Server(tmp_path, **world.environment | {"CHURN_STATE": str(empty)}) as lonely:
        assert 200 == lonely.get("/health").status_code
        for answer in (lonely.get("/ready"), lonely.predict("C0000001")):
            assert (503, "model-unavailable") == (answer.status_code, answer.json()["type"])
            assert int(answer.headers["Retry-After"]) > 0
        assert not (empty / "mlflow.db").exists(), "looking must not make a registry"
        for name in ("world", "mlflow.db"):
            (empty / name).symlink_to(world.folder / name)
        lonely.wait(lambda: lonely.predict(world.customers[0]).status_code == 200, seconds=10)


def test_a_wrong_params_file_ends_in_one_line(world, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text((world.folder / "world.yaml").read_text().replace("seed", "sead", 1))
    server = Server(tmp_path, **world.environment | {"CHURN_PARAMS": str(broken)})
    assert 2 == server.process.wait(60)
    lines = server.log().splitlines()
    assert all("sead" in line or "seed" in line for line in lines) and len(lines) <= 2, lines
