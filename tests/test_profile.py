import os
import re
import subprocess
from pathlib import Path

import pytest

from churn import profile, state
from churn.errors import UserError
from tests import commands

ADDRESSES = {"CHURN_REDIS": "127.0.0.1:1", "CHURN_FEAST_REGISTRY": "postgresql+psycopg://nobody@127.0.0.1:1/feast"}
CLUSTER = "params/streaming-cluster.yaml"


@pytest.fixture
def of_nothing(monkeypatch):
    """An environment without a profile, and without an address of a cluster."""
    for name in ("CHURN_ENGINE", "CHURN_SPARK_MASTER", *ADDRESSES):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_one_machine_is_the_profile_where_nothing_is_said(of_nothing):
    assert ("duckdb", profile.REPOSITORY) == (profile.current(), profile.folder())


def test_what_is_entered_is_the_profile_of_all_that_is_started(of_nothing):
    of_nothing.setenv("CHURN_ENGINE", "")  # put back afterwards
    for name, address in ADDRESSES.items():
        of_nothing.setenv(name, address)
    profile.enter("spark")
    assert "spark" == os.environ["CHURN_ENGINE"]
    assert profile.REPOSITORY / "cluster" == profile.folder()


def test_addresses_that_the_yaml_names_and_nobody_gives_are_told_in_one_line(of_nothing):
    of_nothing.setenv("CHURN_REDIS", ADDRESSES["CHURN_REDIS"])
    with pytest.raises(UserError) as refused:
        profile.enter("spark")
    assert re.search(r"no CHURN_FEAST_REGISTRY; .*feature_repo/cluster/feature_store.yaml", str(refused.value))
    assert "\n" not in str(refused.value)
    assert "CHURN_ENGINE" not in os.environ


def test_packages_of_the_cluster_that_lack_are_told_with_the_environment_that_has_them(of_nothing):
    of_nothing.setattr(profile, "PACKAGES", {"spark": ("no_such_package",)})
    with pytest.raises(UserError, match=r"no_such_package.*python3 environment\.py cluster"):
        profile.enter("spark")


def test_a_run_without_the_addresses_ends_with_2_before_anything_is_written(of_nothing, tmp_path):
    done = commands.run_pipeline(state=tmp_path / "state", params=CLUSTER)
    assert (2, "") == (done.returncode, done.stdout)
    assert re.fullmatch(r"error: engine: spark .* no CHURN_FEAST_REGISTRY nor CHURN_REDIS; .*\n", done.stderr)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(("given", "expected"), [
    ("", "file:///of/mine/artifacts"), ("/srv/models/", "file:///srv/models"), ("s3://bucket/models/", "s3://bucket/models"),
])  # fmt: skip
def test_artifacts_lie_in_the_state_or_where_they_are_said_to(given, expected, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", "/of/mine")
    monkeypatch.setenv("CHURN_ARTIFACTS", given)
    assert expected == state.artifacts()


@pytest.mark.parametrize(("params", "kind"), [("params/cdnow.yaml", "core"), (CLUSTER, "cluster")])
def test_make_takes_the_environment_that_the_params_file_needs(params, kind):
    command = ["make", "-n", "run", f"PARAMS={params}"]
    told = subprocess.run(command, cwd=state.PROJECT, capture_output=True, text=True, check=True)
    assert f"environment.py {kind} python run_pipeline.py" in told.stdout


def test_the_params_file_of_the_cluster_is_that_of_one_machine_but_for_its_size_and_its_rules():
    one, other = (
        Path(state.PROJECT, "params", name).read_text() for name in ("streaming.yaml", "streaming-cluster.yaml")
    )
    for word in ("label: ", "snapshots: ", "features: ", "train: ", "retrain: "):
        assert lines(one, word) == lines(other, word)


def lines(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(word)]
