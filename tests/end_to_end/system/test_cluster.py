"""The same run on a cluster of real parts: Spark with executors of their own, Redis, PostgreSQL, `mlflow server`.

One state is worked on: killed in the middle of the online write, of the promotion and of scoring, then finished by the
same command. Another one is made of the same parameters by DuckDB, and the two are compared.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from sqlalchemy import create_engine, text

from churn.state import PROJECT
from tests.end_to_end.system.servers import mlflow_server, redis_server
from tests.serving.gunicorn_server import Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]
NAME = "streaming_cluster"
# A JVM that lives for a minute is not worth compiling for; two cores are not worth 200 partitions.
BRIEF = {
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "PYSPARK_SUBMIT_ARGS": "--conf spark.sql.shuffle.partitions=2 pyspark-shell",
}
# Spark takes half a minute for a snapshot.
SMALL = ("--set", "snapshots.train=2", "--set", "evaluate.bootstrap=200")


@dataclass
class Cluster:
    """A state folder, and the addresses of what the run is told."""

    state: Path
    addresses: dict[str, str]
    told: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | BRIEF | self.addresses | {"CHURN_STATE": str(self.state)}

    def start(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "run_pipeline.py", "--params", "params/streaming-cluster.yaml", *SMALL, *arguments]
        return subprocess.Popen(
            command, cwd=PROJECT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def finish(self, *arguments: str) -> "Cluster":
        process = self.start(*arguments)
        told, _ = process.communicate()
        assert 0 == process.returncode, told
        self.told.append(told)
        return self

    def killed_at(self, line: str, then=lambda: None) -> None:
        """Run until it tells of something, and kill the run with all that it has started once `then` returns."""
        process, told = self.start(), []
        while not told or not re.search(line, told[-1]):
            told.append(process.stdout.readline())
            assert told[-1], f"it was over before {line}: {''.join(told)}"
        then()
        assert process.poll() is None, f"it was over before {line}"
        of_it = [process, *psutil.Process(process.pid).children(recursive=True)]
        for one in of_it:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.communicate()

    def json(self, *path: str) -> dict:
        return json.loads(self.state.joinpath(NAME, *path).read_text())

    def rows(self, *path: str) -> pd.DataFrame:
        rows = pd.read_parquet(self.state.joinpath(NAME, *path))
        return rows.sort_values([c for c in ("customer_id", "snapshot") if c in rows], ignore_index=True)


@pytest.fixture(scope="module")
def databases(postgres) -> dict[str, str]:
    """A database each for Feast's registry, for the server of MLflow's, and for MLflow without one."""
    with create_engine(postgres, isolation_level="AUTOCOMMIT").connect() as opened:
        for name in ("feast", "served", "direct"):
            opened.execute(text(f"CREATE DATABASE {name}"))
    return {name: f"{postgres.rpartition('/')[0]}/{name}" for name in ("feast", "served", "direct")}


@pytest.fixture(scope="module")
def embedded(databases, tmp_path_factory) -> Cluster:
    """The run by DuckDB, with MLflow's store in PostgreSQL and artifacts where CHURN_ARTIFACTS says."""
    folder = tmp_path_factory.mktemp("embedded")
    addresses = {"MLFLOW_TRACKING_URI": databases["direct"], "CHURN_ARTIFACTS": f"file://{folder}/elsewhere"}
    return Cluster(folder / "state", addresses).finish("--set", "engine=duckdb")


@pytest.fixture(scope="module")
def cluster(databases, tmp_path_factory) -> Iterator[Cluster]:
    """The run by Spark, killed three times and then finished by the same command."""
    folder = tmp_path_factory.mktemp("cluster")
    with redis_server(folder) as redis, mlflow_server(folder, databases["served"]) as mlflow:
        made = Cluster(
            folder / "state",
            {
                "CHURN_SPARK_MASTER": "local-cluster[2,1,1024]",
                "CHURN_REDIS": f"127.0.0.1:{redis.port}",
                "CHURN_FEAST_REGISTRY": databases["feast"],
                "MLFLOW_TRACKING_URI": mlflow.url,
            },
        )
        held = client(made.addresses["CHURN_REDIS"])
        made.killed_at(r"features: Into the feature store", then=lambda: hold_the_first_rows(held))
        made.half_written = held.keys("churn:*:*:*:*"), held.get(f"churn:{{{NAME}}}:online")
        held.client_unpause()
        made.killed_at(r"promote: The decision")
        made.killed_at(
            r"score: Score \(", then=lambda: until_there(made.state / NAME / "scores", ".*/.scored.parquet*")
        )
        made.half_listed = [*made.state.glob(f"{NAME}/scores/[0-9]*/list.json")]
        yield made.finish()


def client(address: str):
    import redis

    return redis.Redis.from_url(f"redis://{address}")


def hold_the_first_rows(held) -> None:
    """Return when rows of features have begun to come into Redis, which takes no more of them."""
    with held.monitor() as seen:
        for command in seen.listen():
            if command["command"].startswith("HSET churn:") and "written" not in command["command"]:
                held.client_pause(600_000, all=False)
                return


def until_there(folder: Path, pattern: str) -> None:
    while not next(folder.glob(pattern), None):
        time.sleep(0.1)


def test_the_same_parameters_give_the_same_fingerprint_on_duckdb_and_on_spark(embedded, cluster):
    by_duckdb, by_spark = (of.json("features", "features.json") for of in (embedded, cluster))
    print(f"features_fingerprint by DuckDB {by_duckdb['fingerprint']}, by Spark {by_spark['fingerprint']}")
    assert by_duckdb["snapshots"] == by_spark["snapshots"]
    assert by_duckdb["fingerprint"] == by_spark["fingerprint"]


def test_labels_and_the_join_are_the_same_rows(embedded, cluster):
    pd.testing.assert_frame_equal(*(of.rows("training", "training_set.parquet") for of in (embedded, cluster)))


def test_the_scores_are_the_same_to_a_billionth(embedded, cluster):
    [date] = [f.name for f in (embedded.state / NAME / "scores").glob("[0-9]*")]
    one, other = (of.rows("scores", date, "scores.parquet") for of in (embedded, cluster))
    assert one.customer_id.tolist() == other.customer_id.tolist()
    assert 1e-9 > np.abs(one.probability - other.probability).max()
    assert one.group.tolist() == other.group.tolist()


def test_a_kill_in_the_middle_of_the_online_write_leaves_nothing_online(cluster):
    rows, online = cluster.half_written
    assert (True, None) == (bool(rows), online)


def test_a_kill_in_the_middle_of_scoring_leaves_no_list(cluster):
    assert [] == cluster.half_listed


def test_after_the_kills_the_same_command_finishes_and_one_version_is_in_production(cluster):
    import mlflow

    assert re.search(rf"{NAME} version \d+: promoted", cluster.told[-1])
    assert re.search(r"^  train +reused", cluster.told[-1], re.MULTILINE)
    store = mlflow.MlflowClient(cluster.addresses["MLFLOW_TRACKING_URI"])
    versions = store.search_model_versions(f"name = '{NAME}'")
    in_production = [v.version for v in versions if v.current_stage == "Production"]
    assert [store.get_model_version_by_alias(NAME, "production").version] == in_production


def test_what_is_listed_is_what_the_api_answers_from_redis(cluster, tmp_path):
    [date] = [f.name for f in (cluster.state / NAME / "scores").glob("[0-9]*")]
    listed = cluster.rows("scores", date, "scores.parquet").set_index("customer_id").probability
    held, asked = client(cluster.addresses["CHURN_REDIS"]), listed.index[:20].tolist()
    before = held.info("commandstats")["cmdstat_hmget"]["calls"]
    given = cluster.addresses | {"CHURN_STATE": str(cluster.state), "CHURN_PARAMS": "params/streaming-cluster.yaml"}
    with Server(tmp_path, **given) as server:
        server.wait(lambda: server.get("/ready").status_code == 200)
        answers = server.batch(asked).json()["results"]
        unknown = server.predict("nobody").status_code
    assert listed[asked].tolist() == [answer["churn_probability"] for answer in answers]
    assert 404 == unknown
    assert before < held.info("commandstats")["cmdstat_hmget"]["calls"]
    assert not [*cluster.state.rglob("online.db")]


def test_artifacts_lie_where_churn_artifacts_says(embedded):
    elsewhere = Path(embedded.addresses["CHURN_ARTIFACTS"].removeprefix("file://"))
    assert {NAME, f"{NAME}-decisions"} <= {folder.name for folder in elsewhere.iterdir()}
    assert not (embedded.state / "artifacts").exists()
