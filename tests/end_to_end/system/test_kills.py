"""The runner killed at any moment: what is kept is right, and the same command completes."""

import json
import math
import random
import re
import subprocess
import time
from pathlib import Path

import pytest

from churn.pipeline import plan
from churn.state import PROJECT
from tests.end_to_end.system.workplace import Workplace

KILLS = 3
pytestmark = [pytest.mark.system, pytest.mark.timeout(3000)]


def complete(state: Path) -> str:
    done = Workplace(PROJECT, state).run()
    assert 0 == done.returncode, done.stderr
    return done.stdout


def killed_after(seconds: float, state: Path) -> float:
    """Start the run and kill it, and its kernels with it, as a machine that goes down would.

    Returns the seconds that it took where it was over before, for ever where it was not.
    """
    began, process = time.monotonic(), Workplace(PROJECT, state).start()
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return math.inf
    return time.monotonic() - began


@pytest.fixture(scope="module")
def expected(undisturbed) -> dict:
    """What the run that nobody disturbed told."""
    return json.loads((undisturbed / "told.json").read_text())


@pytest.mark.long
def test_killed_at_random_moments_the_same_command_completes_with_the_same_results(expected, tmp_path):
    seconds = expected["seconds"]
    draw, killed = random.Random(5), 0
    while killed < KILLS:
        took = killed_after(draw.uniform(0.5, seconds), tmp_path)
        killed += took == math.inf
        seconds = min(seconds, took)  # the next one reuses the stages, and is over sooner
    told = complete(tmp_path)
    assert re.search(r"smoke version \d+: promoted", told)
    assert expected["results"] == Workplace(PROJECT, tmp_path).results()


def test_killed_in_each_stage_the_finished_ones_are_reused_and_no_orphan_is_in_production(expected, tmp_path):
    for stage in plan.STAGES:
        process = Workplace(PROJECT, tmp_path).start()
        for line in process.stdout:
            if re.search(rf"\] {stage}: .*\(cell \d+", line):
                break
        time.sleep(0.1)  # some are over in a second
        process.kill()
        process.communicate()
    told = complete(tmp_path)
    assert {"features", "train"} <= set(re.findall(r"^  (\w+) +reused", told, re.MULTILINE))
    assert expected["results"] == Workplace(PROJECT, tmp_path).results()
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    versions = client.search_model_versions("name = 'smoke'")
    in_production = [v for v in versions if v.current_stage == "Production"]
    assert [client.get_model_version_by_alias("smoke", "production").version] == [v.version for v in in_production]
    runs = client.search_runs([client.get_experiment_by_name("smoke").experiment_id])
    assert {"FINISHED", "KILLED"} == {r.info.status for r in runs}
    assert 1 == len([r for r in runs if r.info.status == "FINISHED"])
