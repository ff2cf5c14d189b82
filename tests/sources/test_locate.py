"""Paths that name the environment: what they mean, what is refused, and that no value is ever told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.errors import InvalidData
from churn.params import schema
from churn.pipeline import stage_parameters
from churn.sources import locate
from churn.state import PROJECT
from tests.sources.concealed import read
from tests.sources.concealed import refusal as refusal_of

VALUE = "kept-from-everyone"  # what the environment holds and nobody may read elsewhere
EVENTS = {"source": "events", "path": "${ORDERS_DIR}/orders.csv", "columns": {"customer_id": "who", "at": "day"}}
TABLES = {
    "source": "tables", "path": "${ORDERS_DIR}", "columns": {"customer_id": "id"}, "tables": ["users"],
    "snapshots": {"2024-01-31": "month_${MONTH}"}, "labels": {"table": "labels", "column": "gone"},
}  # fmt: skip


@pytest.fixture
def orders(tmp_path, monkeypatch) -> Path:
    """The folder that ORDERS_DIR names."""
    folder = tmp_path / VALUE
    folder.mkdir()
    monkeypatch.setenv("ORDERS_DIR", str(folder))
    return folder


def log(folder: Path, name: str = "orders.csv", text: str = "who,day\na,2024-01-01\nb,2024-01-02\n") -> Path:
    (folder / name).write_text(text)
    return folder / name


refusal = partial(refusal_of, secret=VALUE)


@pytest.mark.parametrize("path", ["${ORDERS_DIR}/orders.csv", "${ORDERS_DIR}", "${ORDERS_DIR}/*.csv"])
def test_a_path_may_name_the_environment(orders, tmp_path, path):
    log(orders)
    assert 2 == read(EVENTS | {"path": path}, tmp_path).counts["events"]


def test_a_variable_may_stand_in_the_middle_and_hold_a_pattern(orders, tmp_path, monkeypatch):
    monkeypatch.setenv("WHICH", "or*s")
    log(orders)
    assert 2 == read(EVENTS | {"path": f"{orders}/${{WHICH}}.csv"}, tmp_path).counts["events"]


def test_the_customers_and_the_folders_of_snapshots_may_too(orders, tmp_path, monkeypatch):
    monkeypatch.setenv("MONTH", "000")
    log(orders)
    log(orders, "people.csv", "who,since\na,2023-01-01\nb,2023-01-01\n")
    people = {"path": "${ORDERS_DIR}/people.csv", "columns": {"customer_id": "who", "signup_at": "since"}}
    assert 2 == read(EVENTS | {"customers": people}, tmp_path).counts["customers"]
    (orders / "month_000").mkdir()
    log(orders / "month_000", "users.csv", "id,age\na,1\nb,2\n")
    log(orders / "month_000", "labels.csv", "id,gone\na,1\nb,0\n")
    assert 2 == read(TABLES, tmp_path).counts["labels"]
    locate.files_of(TABLES)


def test_an_unset_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("ORDERS_DIR", raising=False)
    said = "${ORDERS_DIR}/orders.csv: the environment has no ORDERS_DIR; set it where you start the command"
    assert said == refusal(EVENTS, tmp_path)
    with pytest.raises(InvalidData, match="the environment has no ORDERS_DIR"):
        locate.files_of(EVENTS)
    monkeypatch.setenv("ORDERS_DIR", "")
    assert said == refusal(EVENTS, tmp_path)


def test_a_path_that_begins_with_a_relative_value_is_refused_for_kernels_start_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERS_DIR", VALUE)
    assert "${ORDERS_DIR}/orders.csv: has to be an absolute path" in refusal(EVENTS, tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("other.csv", "", "${ORDERS_DIR}/orders.csv: no such file"),
        ("orders.csv", "id,day\na,2024-01-01\n", "${ORDERS_DIR}/orders.csv: no column 'who'"),
        ("orders.csv", "", "${ORDERS_DIR}/orders.csv: the table is empty"),
        ("orders.csv", "who,day\na,never\n", "events at ${ORDERS_DIR}/orders.csv: 100.00% of 1 rows"),
    ],
)
def test_errors_show_the_path_as_it_is_written(orders, tmp_path, name, text, said):
    log(orders, name, text)
    assert said in refusal(EVENTS, tmp_path)


@pytest.mark.parametrize("path", ["${ORDERS_DIR}", "${ORDERS_DIR}/*.parquet", "${PATTERN}", "${LINK}/orders.parquet"])
def test_errors_of_the_engine_are_told_without_the_value(orders, tmp_path, monkeypatch, path):
    pd.DataFrame({"who": ["a"] * 500, "day": ["2024-01-01"] * 500}).to_parquet(orders / "orders.parquet")
    whole = (orders / "orders.parquet").read_bytes()
    (orders / "orders.parquet").write_bytes(whole[:4] + b"\0" * 200 + whole[204:])
    (tmp_path / "link").symlink_to(orders)
    monkeypatch.setenv("PATTERN", f"{orders}/*.parquet")
    monkeypatch.setenv("LINK", str(tmp_path / "link"))
    said = refusal(EVENTS | {"path": path}, tmp_path)
    assert "cannot be read" in said


def test_an_error_that_nobody_foresaw_is_told_without_the_value_too(orders):
    with pytest.raises(RuntimeError) as caught, locate.concealed(EVENTS):
        raise OSError(28, "No space left", f"{orders}/orders.csv")
    assert "OSError: [Errno 28] No space left: '${ORDERS_DIR}/orders.csv'" == str(caught.value)
    assert caught.value.__suppress_context__


def test_without_variables_an_error_keeps_its_story():
    with pytest.raises(ZeroDivisionError), locate.concealed({"path": "orders.csv"}):
        _ = 1 / 0


def test_short_values_are_no_secrets_and_are_shown_where_they_stand_alone(monkeypatch):
    monkeypatch.setenv("YEAR", "24")
    with (
        pytest.raises(InvalidData, match=re.escape("/data/${YEAR}/a.csv has 24 rows")),
        locate.concealed({"path": "/data/${YEAR}/a.csv"}),
    ):
        raise InvalidData("/data/24/a.csv has 24 rows")


@pytest.mark.parametrize("path", ["data/${WHICH}.csv", "/data/${WHICH}.csv"])
def test_a_pattern_hides_no_more_than_itself(tmp_path, monkeypatch, path):
    monkeypatch.setenv("WHICH", "or*s")
    said = f"{tmp_path}/data/orders.csv, /data/orders.csv: too few"
    with pytest.raises(InvalidData) as caught, locate.concealed({"path": path}):
        raise InvalidData(said)
    assert said == str(caught.value)


def test_paths_are_made_absolute_without_their_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YEAR", "24")
    given = ["a/../b.csv", "${YEAR}/b.csv", "${HOME}", "a/${YEAR}/../b.csv", "~/b.csv", "/x/b.csv"]
    made = ["/b.csv", "${YEAR}/b.csv", "${HOME}", "/a/${YEAR}/../b.csv", "~/b.csv", "/x/b.csv"]
    wanted = [f"{tmp_path}{m}" if g[0] == "a" else m for g, m in zip(given, made, strict=True)]
    assert wanted == locate.absolute_paths({"source": "events", "path": given})["path"]


def test_notebooks_are_given_paths_as_they_are_written(tmp_path):
    columns = "{customer_id: who, at: day}"
    data = f"data={{source: events, path: ['${{ORDERS_DIR}}/orders.csv'], columns: {columns}}}"
    label = "label={rule: inactivity, horizon_days: 30, active_within_days: 60}"
    found = schema.load(PROJECT / "params/smoke.yaml", [data, label])
    assert ["${ORDERS_DIR}/orders.csv"] == stage_parameters.input_of(found)["path"]


def run(folder: Path, orders: Path, *more: str) -> subprocess.CompletedProcess:
    columns = "{customer_id: who, at: day, value: amount}"
    overrides = [f"data={{source: events, path: '${{ORDERS_DIR}}/orders.csv', columns: {columns}}}",
                 "label={rule: inactivity, horizon_days: 30, active_within_days: 60}", *more]  # fmt: skip
    command = [sys.executable, str(PROJECT / "run_pipeline.py"), "--params", str(PROJECT / "params/smoke.yaml")]
    command += [word for override in overrides for word in ("--set", override)]
    environment = os.environ | {"CHURN_STATE": str(folder), "ORDERS_DIR": str(orders)}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def holding(folder: Path, words: str) -> list[str]:
    """The files below a folder whose name, target or content holds the words."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(p) for p in files if words.encode() in p.read_bytes() + f"{p.relative_to(folder)}".encode()]


@pytest.fixture(scope="module")
def year(tmp_path_factory) -> Path:
    """A folder with a log of 600 customers over 2023, each with a pace of their own, of whom some leave."""
    folder = tmp_path_factory.mktemp("orders") / VALUE
    folder.mkdir()
    rng = np.random.default_rng(3)
    days = rng.exponential(rng.lognormal(3, 0.7, (600, 1)), (600, 60)).cumsum(axis=1)
    who, nth = np.nonzero(days < np.minimum(304, rng.exponential(400, (600, 1))))
    when = (pd.Timestamp("2023-01-01") + pd.to_timedelta(days[who, nth], unit="D")).round("min")
    log = pd.DataFrame({"who": [f"c{i}" for i in who], "day": when, "amount": rng.gamma(2, 15, len(who)).round(2)})
    log.to_csv(folder / "orders.csv", index=False)
    return folder


def test_a_value_of_the_environment_reaches_no_file_of_a_run(year, tmp_path):
    done = run(tmp_path / "state", year)
    assert 0 == done.returncode, done.stderr
    assert VALUE not in done.stdout + done.stderr
    assert [] == holding(tmp_path / "state", VALUE)
    assert holding(tmp_path / "state", "${ORDERS_DIR}/orders.csv"), "as it is written it is kept"


def test_nor_of_a_run_that_is_refused_or_stops_at_the_input(year, tmp_path):
    refused = run(tmp_path / "state", year, "data.columns.at=when")
    assert (2, VALUE in refused.stderr) == (refused.returncode, False), refused.stderr
    assert "${ORDERS_DIR}/orders.csv: no column 'when'" in refused.stderr
    stopped = run(tmp_path / "state", year, "data.columns.value=who")
    assert (2, VALUE in stopped.stderr) == (stopped.returncode, False), stopped.stderr
    assert "${ORDERS_DIR}/orders.csv: 100.00% of" in stopped.stderr
    assert [] == holding(tmp_path / "state", VALUE)
    assert list((tmp_path / "state/runs").glob("*/features.html"))


def test_a_folder_of_a_snapshot_that_is_not_there_is_refused_by_name(tmp_path):
    data = {"source": "tables", "path": str(tmp_path), "tables": ["users"], "labels": {"table": "labels"}}
    with pytest.raises(InvalidData, match="month_000: no such folder"):
        locate.files_of(data | {"snapshots": {"2024-01-31": "month_000"}})
