"""Twelve logs of different shape, from the files to a decision in two commands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests import commands
from tests.discovery.judged import judge
from tests.discovery.log import Log
from tests.discovery.logs import LOGS

SOME = ("subscriptions", "two tables", "a database")  # CI runs these; the tutorial runs order lines


@dataclass(frozen=True)
class Begun:
    """A log of which `churn init --yes` has told; `told` is empty where it has ended with an error."""

    log: Log
    out: Path
    state: Path
    code: int
    told: dict
    stderr: str


@pytest.mark.parametrize("name", LOGS)
def test_columns_are_found_and_none_is_wrong_for_certain(name, begun):
    one = begun(name)
    if not one.told:
        pytest.skip("the log is refused")

    judged = judge(one.log, one.told["tables"])

    assert ([], []) == (judged.missed, judged.wrong)


@pytest.mark.parametrize("name", LOGS)
def test_who_has_left_is_said_by_the_rule_that_the_log_allows(name, begun):
    one = begun(name)
    if not one.told:
        pytest.skip("the log is refused")

    assert one.log.label["rule"] == one.told["label"]["rule"]
    assert one.log.label.get("kind") == one.told["label"].get("kind")


@pytest.mark.parametrize("name", LOGS)
def test_each_proposed_column_has_three_parsed_rows_as_proof(name, begun):
    """Of a kind there are two where there are two kinds."""
    tables = begun(name).told.get("tables", [])
    shown = [column for table in tables for column in table["columns"] if column["role"] not in ("segment", "kind")]
    kinds = [column for table in tables for column in table["columns"] if column["role"] == "kind"]

    assert [3] * len(shown) == [len(column["rows"]) for column in shown]
    assert all(len(column["rows"]) in (2, 3) for column in kinds)


@pytest.mark.parametrize("name", LOGS)
def test_a_params_file_is_written_and_told_or_no_file_and_one_line(name, begun):
    one = begun(name)

    if one.code == 0:
        assert one.told["params"] == json.loads(json.dumps(yaml.safe_load(one.out.read_text()), default=str))
    else:
        assert (2, "too short", False) == (one.code, one.log.ends, one.out.exists())
        assert ["error: "] == [line[:7] for line in one.stderr.splitlines() if "error" in line]


def test_a_log_that_is_too_short_is_refused_or_its_horizon_is_doubted(begun):
    one = begun("a very short log")

    said = one.stderr if one.code else " ".join(one.told["unsure"])

    assert "days" in said
    assert one.code == 2 or not one.told["label"]["sure"]


@pytest.mark.system
@pytest.mark.parametrize("name", [n if n in SOME else pytest.param(n, marks=pytest.mark.long) for n in LOGS])
def test_what_is_written_runs_to_a_decision_without_an_edit(name, begun):
    one = begun(name)
    if one.code:
        pytest.skip("the log is refused")

    ran = commands.run_pipeline(params=one.out, state=one.state, **one.log.environment)

    assert 0 == ran.returncode, ran.stderr
    assert " version 1: " in ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """`begun(name)`: the log of that name after `churn init`, once for all tests."""
    made: dict[str, Begun] = {}

    def begin(name: str) -> Begun:
        if name not in made:
            made[name] = _begun(name, tmp_path_factory.mktemp("log"))
        return made[name]

    return begin


def _begun(name: str, folder: Path) -> Begun:
    log, out, state = LOGS[name](folder), folder / "found.yaml", folder / "state"
    ended = commands.init(
        *log.arguments, "--yes", "--json", "--out", str(out), state=state, cwd=folder, **log.environment
    )
    return Begun(log, out, state, ended.returncode, json.loads(ended.stdout or "{}"), ended.stderr)
