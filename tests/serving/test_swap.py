from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.serving.gunicorn_server import Server
from tests.serving.world import promote


@pytest.fixture(scope="module")
def swapped(world, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("swapped"), **world.environment) as running:
        yield running


@pytest.fixture
def own_server(swapped):
    """A gunicorn of these tests' own that serves version 1, and version 1 in Production again afterwards."""
    swapped.wait(lambda: swapped.serving(1) == 2)
    yield swapped
    promote(1)


def test_every_worker_follows_promotions_and_rollbacks_without_a_failed_request(own_server, world):
    results = own_server.batch(world.customers[:50]).json()["results"]
    customers = [result["customer_id"] for result in results if "error" not in result]

    def ask(_: int) -> tuple[int, int]:
        answer = requests.post(own_server.url + "/predict", json={"customer_id": customers[0]}, timeout=20)
        return answer.status_code, answer.json()["model"]["version"]

    with ThreadPoolExecutor(4) as clients:
        for version in (2, 3, 1):
            promote(version)
            seen = list(clients.map(ask, range(40)))
            own_server.wait(lambda version=version: own_server.serving(version) == 2)
            assert {200} == {status for status, _ in seen}
            assert [version] * 10 == [ask(0)[1] for _ in range(10)]


def test_versions_answer_with_probabilities_of_their_own(own_server, world):
    def scores() -> list[float]:
        results = own_server.batch(world.customers).json()["results"]
        return [result["churn_probability"] for result in results if "error" not in result]

    first = scores()
    promote(2)
    own_server.wait(lambda: own_server.serving(2) == 2)
    second = scores()
    promote(1)
    own_server.wait(lambda: own_server.serving(1) == 2 and own_server.serving(2) == 0)
    assert first == scores()
    assert first != second
