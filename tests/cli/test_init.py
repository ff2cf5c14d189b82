"""`churn init` as a user types it: what it refuses, what it asks, what it writes, and what it never does."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from churn.params import schema
from tests import commands
from tests.discovery.logs import LOGS

CHURN = str(Path(sys.executable).with_name("churn"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder with a small log of order lines."""
    folder = tmp_path_factory.mktemp("shop")
    LOGS["shop order lines"](folder)
    return folder


def init(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    return commands.init(*map(str, arguments), state=cwd / "state", cwd=cwd, **variables)


def refused(*arguments: object, cwd: Path, **variables: str) -> str:
    """The one line of a refusal, which has written nothing."""
    before = sorted(cwd.iterdir())
    ended = init(*arguments, cwd=cwd, **variables)
    assert (2, "") == (ended.returncode, ended.stdout)
    assert before == [file for file in sorted(cwd.iterdir()) if file.name != "state"]
    assert not list((cwd / "state").glob("*/log/*")) or not (cwd / "state").exists()
    [line] = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    return line.removeprefix("error: ")


@pytest.mark.parametrize("arguments, said", [
    ([], "init of what? name files"),
    (["nowhere.csv", "--yes"], "nowhere.csv"),
    (["notes.csv", "--yes"], "no table is an event log"),
    (["empty.csv", "--yes"], "empty.csv"),
    (["notes.csv"], "asks on a terminal, and this is none; take every proposal with --yes"),
    (["notes.csv", "--yes", "--out", "shop.json"], "a params file ends with .yaml"),
    (["notes.csv", "--yes", "--out", "there.yaml"], "is there already"),
    (["notes.csv", "--yes", "--out", "none/shop.yaml"], "there is no folder none"),
    (["--url", "sqlite:////a.db", "--yes"], "--url: name a variable"),
    (["--url", "${NOBODY}", "--yes"], "the environment has no NOBODY"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_written(arguments, said, tmp_path):
    (tmp_path / "notes.csv").write_text("colour,shape\nred,round\nblue,square\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "there.yaml").write_text("seed: 1\n")
    assert said in refused(*arguments, cwd=tmp_path)
    assert "seed: 1\n" == (tmp_path / "there.yaml").read_text()


def test_json_alone_tells_the_proposal_and_writes_nothing(shop, tmp_path):
    ended = init(shop / "bestelregels.csv", "--json", cwd=tmp_path)
    told = json.loads(ended.stdout)
    assert (0, None, None) == (ended.returncode, told["out"], told["report"])
    assert [] == [file for file in tmp_path.rglob("*") if file.is_file()]


def test_the_params_file_is_commented_and_the_report_lies_where_it_is_said(shop, tmp_path):
    ended = init(shop / "bestelregels.csv", "--yes", "--out", "webshop.yaml", cwd=tmp_path)
    assert 0 == ended.returncode, ended.stderr
    written = (tmp_path / "webshop.yaml").read_text()
    assert "webshop" == schema.load(tmp_path / "webshop.yaml").experiment
    assert "01-03-2021 15:32 is 1 March 2021 15:32" in written
    assert "come back within a year" in written
    report = tmp_path / "state" / "webshop" / "log" / "log.html"
    assert f"report  {report}" in ended.stdout and "Who comes back" in report.read_text()
    assert "make run PARAMS=webshop.yaml" in ended.stdout


def test_what_is_uncertain_is_asked_and_an_answer_counts(tmp_path):
    """The card's number is no certain name of a customer; the horizon is asked as well."""
    rows = pd.DataFrame({"card": [f"K{i % 120}" for i in range(9_000)], "till": [i % 7 for i in range(9_000)],
                         "at": pd.date_range("2022-01-01", periods=9_000, freq="2h"), "sum": 1.5})  # fmt: skip
    rows = rows[rows.index % 120 + rows.index // 75 < 130]  # one after the other stays away
    rows.rename(columns={"card": "bezug"}).to_csv(tmp_path / "till.csv", index=False)
    asked = _on_a_terminal([CHURN, "init", "till.csv"], "bezug\n14\n", tmp_path)
    assert "which column is the customer_id?" in asked and "horizon in days?" in asked
    params = yaml.safe_load((tmp_path / "till.yaml").read_text())
    assert ("bezug", 14) == (params["data"]["columns"]["customer_id"], params["label"]["horizon_days"])


def test_a_value_with_a_line_break_stays_within_its_comment(tmp_path):
    """What stands in a file must not become a line of the params file."""
    folder = tmp_path / "shop"
    folder.mkdir()
    LOGS["subscriptions"](folder)
    rows = pd.read_csv(folder / "billing_events.csv", dtype=str)
    rows["account_id"] = rows.account_id + "\nseed: 666\r\u2028experiment: mine"
    rows.to_csv(tmp_path / "hostile.csv", index=False)
    ended = init("hostile.csv", "--yes", cwd=tmp_path)
    assert 0 == ended.returncode, ended.stderr
    params = schema.load(tmp_path / "hostile.yaml")
    assert (1, "hostile") == (params.seed, params.experiment)


def test_a_log_in_a_database_is_proposed_and_its_url_is_nowhere(tmp_path):
    log = LOGS["a database"](tmp_path)
    ended = init(*log.arguments, "--yes", "--out", "till.yaml", cwd=tmp_path, **log.environment)
    assert 0 == ended.returncode, ended.stderr
    assert "database" == schema.load(tmp_path / "till.yaml").data.source
    url = next(iter(log.environment.values()))
    assert url not in (tmp_path / "till.yaml").read_text() + ended.stdout + ended.stderr


def _on_a_terminal(command: list[str], typed: str, cwd: Path) -> str:
    """What a command says on a terminal at which that is typed."""
    ours, theirs = pty.openpty()
    environment = commands.environment(cwd / "state") | {"TERM": "dumb", "COLUMNS": "200"}
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    said = b""
    try:
        while block := os.read(ours, 4096):
            said += block
    except OSError:  # the other end has closed
        pass
    assert 0 == process.wait(), said.decode()
    return said.decode()
