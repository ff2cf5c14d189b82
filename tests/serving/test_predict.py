from __future__ import annotations

import json
from datetime import datetime, timedelta

import pandas as pd
import pytest
from scipy.special import logit

from churn import state
from churn.features import manifest
from churn.registry import versions
from churn.training import estimators
from tests.serving.gunicorn_server import Server
from tests.serving.world import LEVEL


@pytest.fixture(scope="module")
def expected(world) -> pd.Series:
    """Probabilities by scikit-learn from the tables, without Feast or serving, of all who count and have events.

    Others have nulls that no training customer had.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(world.folder))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{world.folder / 'mlflow.db'}")
        made = manifest.load(state.path("world", "features", "features.json"))
        paths = [manifest.table_path(made, "2023-09-01", view) for view in manifest.views(made)]
        tables = [pd.read_parquet(path).set_index("customer_id").drop(columns="snapshot") for path in paths]
        loaded = versions.load_production("world")
    X = pd.concat(tables, axis=1).query("counts == 1")[loaded.columns]
    X = X.dropna(subset=["momentum_7d_30d", "days_since_payment"])
    return pd.Series(estimators.probability(loaded.pipeline, X, LEVEL.log_odds), index=X.index)


def test_answer_is_what_the_pipeline_gives_for_the_tables_features(server, world, expected):
    customer = expected.index[0]
    answer = server.predict(customer).json()
    assert expected[customer] == pytest.approx(answer["churn_probability"], abs=1e-12)


def test_answer_names_what_it_rests_on(server, world):
    before = versions.production("world")
    answer = server.predict(world.inside[0]).json()
    assert {
        "request_id",
        "customer_id",
        "churn_probability",
        "model",
        "features_as_of",
        "level_as_of",
        "scored_at",
        "threshold",
        "flagged",
        "out_of_range",
    } == set(answer)
    assert world.inside[0] == answer["customer_id"]
    assert {"name": "world", "version": before.version, "run_id": before.run_id} == answer["model"]
    assert answer["features_as_of"] == "2023-09-01T00:00:00Z"
    assert answer["level_as_of"] == "2023-09-01"
    assert datetime.now().astimezone() - datetime.fromisoformat(answer["scored_at"]) < timedelta(minutes=1)
    assert answer["threshold"] == 0.2
    assert (answer["churn_probability"] >= 0.2) is answer["flagged"]


def test_batch_gives_every_customer_its_own_answer_in_order(server, world, expected):
    customers = [*expected.index, "nobody"]
    results = server.batch(customers).json()["results"]
    assert customers == [result["customer_id"] for result in results]
    assert expected.tolist() == pytest.approx([result["churn_probability"] for result in results[:-1]], abs=1e-12)
    assert (results[-1]["error"]["type"], results[-1]["error"]["status"]) == ("unknown-customer", 404)


def test_whoever_is_outside_the_population_gets_no_score_but_the_reason(server, world, expected):
    """Before any null is looked at, for one and in a batch, and it is counted."""
    [(gone, day), *_] = world.gone.items()
    metric = 'churn_refused_total{type="outside-population"}'
    counted = server.metric(metric) or 0
    answer = server.predict(gone)
    problem = answer.json()
    assert (409, "outside-population") == (answer.status_code, problem["type"])
    ago = round((datetime(2023, 9, 1) - day) / timedelta(days=1))
    assert problem["detail"] == (
        f"customer {gone!r}: the cancel was on {day:%Y-%m-%d}, {ago} days before the snapshot 2023-09-01; "
        "who counts has signed up and has no cancel yet, and the model has seen nobody else"
    )
    [refused, score] = server.batch([gone, expected.index[0]]).json()["results"]
    assert ("outside-population", problem["detail"]) == (refused["error"]["type"], refused["error"]["detail"])
    assert "churn_probability" in score
    assert counted + 2 == server.metric(metric)


def test_reasons_come_on_request_and_add_up_to_the_log_odds(server, expected):
    customers = expected.index[:20].tolist()
    for answer in server.batch(customers, reasons=3).json()["results"]:
        told = answer["log_odds"]
        total = told["average"] + sum(reason["log_odds"] for reason in answer["reasons"]) + told["others"]
        assert logit(answer["churn_probability"]) == pytest.approx(told["score"], abs=1e-9)
        assert total == pytest.approx(told["score"], abs=1e-9)
        assert 3 == len({reason["said"] for reason in answer["reasons"]})
        alone = server.predict(answer["customer_id"], reasons=3).json()
        assert (alone["log_odds"], alone["reasons"]) == (told, answer["reasons"])
    assert 2 == len(server.predict(customers[0], reasons=2.0).json()["reasons"])
    assert {"log_odds", "reasons"}.isdisjoint(server.predict(customers[0]).json())


def test_nulls_that_the_model_was_trained_with_are_no_error(server, expected):
    made = manifest.load(state.path("world", "features", "features.json"))
    tickets = pd.read_parquet(manifest.table_path(made, "2023-09-01", "ticket")).set_index("customer_id")
    never = tickets.index[tickets.days_since_ticket.isna() & tickets.index.isin(expected.index)][0]
    assert server.predict(never).status_code == 200


def test_unknown_customer_is_404(server):
    answer = server.predict("nobody")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "unknown-customer"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *[
            ({"customer_id": value}, "customer_id")
            for value in (True, None, "", " \t", "x" * 201, int("9" * 201), float("nan"), ["a"], {}, "\ud800")
        ],
        *[(body, "body") for body in ([], "C0000001", None, 5)],
        ({}, "customer_id"),
        ({"customer_id": "C0000001", "threshold": 0}, "threshold"),
        *[({"customer_id": "C0000001", "reasons": value}, "reasons") for value in (-1, 21, 1.5, "3", True, None)],
    ],
)
def test_invalid_request_is_422_and_names_the_field(server, body, field):
    answer = server.http.post(
        server.url + "/predict", data=json.dumps(body), headers={"Content-Type": "application/json"}, timeout=20
    )
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request")
    assert [field] == [fault["field"] for fault in answer.json()["errors"]]


def test_unreadable_json_is_422(server):
    for body in (
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"customer_id": "a"',
        b'"{\\"customer_id\\": \\"a\\"}"',
        b"1" * 5000,
    ):
        answer = server.http.post(
            server.url + "/predict", data=body, headers={"Content-Type": "application/json"}, timeout=20
        )
        assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request"), body[:20]


def test_health_answers_and_ready_names_the_model(server):
    assert server.get("/health").json() == {"status": "ok"}
    assert server.get("/ready").json()["model"]["version"] == 1


def test_without_a_production_model_it_waits_and_becomes_ready_by_itself(world, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with Server(tmp_path, **world.environment | {"CHURN_STATE": str(empty)}) as lonely:
        assert lonely.get("/health").status_code == 200
        for answer in (lonely.get("/ready"), lonely.predict("C0000001")):
            assert (answer.status_code, answer.json()["type"]) == (503, "model-unavailable")
            assert int(answer.headers["Retry-After"]) > 0
        assert not (empty / "mlflow.db").exists(), "looking must not make a registry"
        for name in ("world", "mlflow.db"):
            (empty / name).symlink_to(world.folder / name)
        lonely.wait(lambda: lonely.predict(world.inside[0]).status_code == 200)


def test_a_wrong_params_file_ends_in_one_line(world, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text((world.folder / "world.yaml").read_text().replace("seed", "sead", 1))
    server = Server(tmp_path, **world.environment | {"CHURN_PARAMS": str(broken)})
    assert server.process.wait(60) == 2
    lines = server.log().splitlines()
    assert all("sead" in line or "seed" in line for line in lines) and len(lines) <= 2, lines
