"""Features online in a real Redis, and in a Redis Cluster: the same rules as of a file, and its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest
import redis

from churn.errors import FeatureStoreUnavailable
from churn.features.online import redis_keys
from churn.features.online.redis_keys import RedisKeys
from churn.features.online.snapshot import Online, View
from tests.features.online.whole import *  # noqa: F403
from tests.features.online.whole import COLUMNS, CUSTOMERS, VIEWS, put, seen
from tests.serving.gunicorn_server import free_port

pytestmark = pytest.mark.system


class Keys(RedisKeys):
    def assert_nothing_is_left(self) -> None:
        """What is not online is about to end; Redis removes it by itself."""
        live = {view.generation for view in self.online().views.values()}
        rows = [key.decode() for key in self._reader.scan_iter(f"{self._rows}:*")]
        staying = {key.split(":")[-2] for key in rows if self._reader.ttl(key) == -1}
        assert live == staying == {name.decode() for name in self._reader.hgetall(self._generations)}


@pytest.fixture(scope="module", params=[False, True], ids=["one", "cluster"])
def server(request) -> Iterator[tuple[str, bool, subprocess.Popen]]:
    """Its address, whether it is a cluster, and its process."""
    port, folder = free_port() % 50_000 + 2_000, tempfile.mkdtemp(prefix="papertrail-redis-")
    options = ["--cluster-enabled", "yes", "--cluster-port", str(port + 1)] if request.param else []
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            client = redis.Redis(port=port)
            until_answered(client.ping)
            if request.param:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                until_answered(lambda: client.execute_command("GET", "anything"))
            yield f"127.0.0.1:{port}", request.param, process
        finally:
            process.kill()
            shutil.rmtree(folder)


def until_answered(ask) -> None:
    for _ in range(200):
        try:
            ask()
            return
        except redis.RedisError:
            time.sleep(0.05)
    raise AssertionError("redis-server does not answer")


@pytest.fixture
def place(server) -> Iterator[Keys]:
    address, cluster, _ = server
    made = Keys("mine {1}: é", address=address, cluster=cluster)
    yield made
    made.remove()
    made._reader.flushall()


@pytest.fixture
def another(place, server) -> Keys:
    return Keys("mine {1}: é", address=server[0], cluster=server[1])


@pytest.fixture
def code(place, server) -> str:
    """Writers that are killed: the next one waits for the end of their lease, which has to outlive a busy machine."""
    return (
        "from churn.features.online import redis_keys; redis_keys.LEASE = 3\n"
        f"place = redis_keys.RedisKeys('mine {{1}}: é', address={server[0]!r}, cluster={server[1]})"
    )


def test_two_experiments_share_a_server(place, server):
    other = Keys("mine", address=server[0], cluster=server[1])
    put(place, "1")
    put(other, "2", customers=["ann"])
    assert ({"1"}, {"2"}) == (seen(place, CUSTOMERS[:2]), seen(other, ["ann"]))
    other.remove()
    assert {"1"} == seen(place, CUSTOMERS[:2])


def test_a_writer_whose_lock_is_gone_publishes_nothing(place):
    """One that was held up for so long that another has written since."""
    put(place, "1")
    online = Online("2", "of", {"visit 1": View(COLUMNS)})
    told = pytest.raises(FeatureStoreUnavailable, match="another run has written to the Redis at 127")
    with told, place.locked(), place.replacing(online) as write:
        write("visit 1", ["ann"], [b"2"])
        place._reader.delete(place._lock)
    assert {"1"} == seen(place, CUSTOMERS[:2])


def test_rows_of_the_snapshot_before_end_after_a_while(place):
    put(place, "1")
    put(place, "2")
    old = [key for key in place._reader.scan_iter(f"{place._rows}:*") if place._reader.ttl(key) != -1]
    assert len(VIEWS) * redis_keys.HASHES == len(old)
    assert {True} == {0 < place._reader.ttl(key) <= redis_keys.GRACE for key in old}
    place.assert_nothing_is_left()


def test_a_server_that_is_silent_is_told_in_time_and_answers_again(place, server, monkeypatch):
    monkeypatch.setattr(redis_keys, "ANSWERS", 0.2)
    put(place, "1")
    silent = Keys("mine {1}: é", address=server[0], cluster=server[1])
    assert {"1"} == seen(silent, CUSTOMERS[:2])
    server[2].send_signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(FeatureStoreUnavailable, match="the Redis at 127"):
        silent.read(VIEWS, ["ann"])
    assert time.monotonic() - began < 30
    server[2].send_signal(signal.SIGCONT)
    assert {"1"} == seen(silent, CUSTOMERS[:2])


def test_a_server_that_is_not_there_is_told_without_its_password():
    nowhere = RedisKeys("mine", address=f"redis://me:secret@127.0.0.1:{free_port()}/0")
    with pytest.raises(FeatureStoreUnavailable, match="the Redis at 127") as raised:
        nowhere.read(VIEWS, ["ann"])
    assert "secret" not in str(raised.value)
