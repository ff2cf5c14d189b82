"""Two months in a row of a log in files: what a later month computes, what it tells, and that the past stays."""

import json
from pathlib import Path

import pytest

from tests import commands, shop

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
RULE = ("--set", "snapshots={every: month, train: 2}")


def manifest(state: Path) -> dict:
    return json.loads((state / "shop" / "features" / "features.json").read_text())


def run(params: Path, state: Path, as_of: str, *more: str) -> str:
    done = commands.run_pipeline(*RULE, "--as-of", as_of, *more, state=state, params=params)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_a_later_month_computes_what_is_new_and_sees_nothing_of_the_next(tmp_path):
    params, state = shop.write(tmp_path / "shop", names=["log/orders.csv"]), tmp_path / "state"
    said = run(params, state, "2024-08-01")
    dates = "train 2024-03-01, 2024-04-01; test 2024-06-01; serve 2024-08-01"
    assert f"snapshots as of 2024-08-01 (every month): {dates}" in said
    assert "rows from 2024-08-01 on (as_of) are not seen" in said
    first = manifest(state)

    said = run(params, state, "2024-09-01")
    later = manifest(state)
    assert "version 2" in said
    assert {"2024-04-01", "2024-06-01"} <= {*later["kept"]} and "2024-09-01" not in later["kept"]
    assert first["snapshots"]["2024-06-01"] == later["snapshots"]["2024-06-01"]

    with (tmp_path / "shop" / "log" / "orders.csv").open("a") as log:
        log.write("k0001,2024-08-20 10:00:00,order,5.00\n")
    said = run(params, state, "2024-10-01", "--stages", "features")
    assert "features: late rows: before 2024-09-01 there are 1 more events than when its features were made" in said
    assert "2024-09-01" not in manifest(state)["kept"]
