"""`churn forget`: what is longer ago, or all of one customer, and nothing else."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from churn import state
from churn.cli.main import main
from churn.features.online.snapshot import Online, View
from churn.features.online.sqlite_file import SqliteFile
from churn.retention import forgetting
from churn.scoring import lists
from churn.state import PROJECT

PARAMS = ["--params", str(PROJECT / "params/smoke.yaml")]
TODAY = date(2026, 11, 26)


@pytest.fixture
def answered(state_folder) -> Path:
    """Three days of answers, one of refusals, a list and what is online, of the customers a and b."""
    rows = pa.table({"customer_id": ["a", "b", "a"], "features": [{"visits": 1.0}] * 3})
    for kind, day in (("predictions", "2025-11-25"), ("predictions", "2025-11-26"), ("predictions", "2100-01-01"),
                      ("refusals", "2024-01-01")):  # fmt: skip
        place = state.path("smoke", kind, day)
        place.mkdir(parents=True)
        pq.write_table(rows.replace_schema_metadata({"stands_for": "[]"}), place / "1.parquet")
    folder = state.path("smoke", "scores", "2026-10-01")
    folder.mkdir(parents=True)
    pq.write_table(rows.select(["customer_id"]), folder / lists.ROWS)
    pyarrow.csv.write_csv(rows.select(["customer_id"]), folder / lists.TEXT)
    state.write_json(folder / lists.DOCUMENT, {"snapshot": "2026-10-01", "customers": 3})
    online = SqliteFile(state.path("smoke", "feast", "online.db"))
    view = View((("visits", "number"),))
    with online.locked(), online.replacing(Online("2026-10-01", "c", {"profile": view})) as write:
        write("profile", ["a", "b"], [b"row of a", b"row of b"])
    return state_folder / "smoke"


def left(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*.parquet"))


def told(capsys) -> dict:
    return {one["what"]: (one["rows"], one["files"]) for one in json.loads(capsys.readouterr().out)["removed"]}


def test_answers_that_are_longer_ago_are_gone_and_those_of_that_day_stay(answered):
    forgetting.answers_older_than("smoke", 365, today=TODAY, plan=False)
    assert ["predictions/2025-11-26/1.parquet", "predictions/2100-01-01/1.parquet"] == left(answered)[:2]
    assert not list(answered.glob("refusals/*"))


def test_a_plan_says_what_would_go_and_removes_nothing(answered, capsys):
    before = left(answered)
    assert 0 == main(["forget", *PARAMS, "--answers-older-than", "0d", "--plan", "--json"])
    assert {"predictions": (6, 2), "refusals": (3, 1)} == told(capsys)
    assert 0 == main(["forget", *PARAMS, "--customer", "a", "--plan", "--json"])
    assert {"predictions": (6, 3), "refusals": (2, 1), "scores": (2, 1), "online": (1, 0)} == told(capsys)
    assert before == left(answered)
    files = [answered / name for name in before if name.startswith("predictions")]
    assert 6 == sum(pq.read_table(file)["customer_id"].to_pylist().count("a") for file in files)


def test_a_customer_is_gone_from_answers_lists_and_what_is_online_and_nobody_else_is(answered, capsys):
    assert 0 == main(["forget", *PARAMS, "--customer", " a "])
    assert "removed" == capsys.readouterr().out.splitlines()[-1]
    for file in answered.rglob("*.parquet"):
        assert ["b"] == pq.read_table(file, partitioning=None)["customer_id"].to_pylist()
    file = answered / "predictions" / "2025-11-25" / "1.parquet"
    assert b"[]" == pq.read_metadata(file).metadata[b"stands_for"]
    assert '"customer_id"\n"b"\n' == (answered / "scores/2026-10-01/scores.csv").read_text()
    assert 1 == json.loads((answered / "scores/2026-10-01/list.json").read_text())["erased"]
    online = SqliteFile(answered / "feast" / "online.db")
    found, [(rows, lengths)] = online.read(["profile"], ["a", "b"])
    assert ([0, 8], b"row of b", "c") == (lengths, rows, found.content)
    assert b"row of a" not in (answered / "feast" / "online.db").read_bytes()


def test_whoever_is_nowhere_leaves_everything_as_it_was(answered, capsys):
    assert 0 == main(["forget", *PARAMS, "--customer", "nobody", "--json"])
    assert {"predictions": (0, 0), "refusals": (0, 0), "scores": (0, 0), "online": (0, 0)} == told(capsys)


def test_a_day_that_a_killed_process_left_half_removed_is_seen_by_nobody_and_goes_next_time(answered):
    gone = answered / "predictions" / ".2025-01-01.gone"
    gone.mkdir()
    (gone / "1.parquet").write_text("half")
    forgetting.customer("smoke", "a", plan=False)
    forgetting.answers_older_than("smoke", 10_000, today=TODAY, plan=False)
    assert not gone.exists()


@pytest.mark.parametrize(("given", "said"), [
    ([], "forget what? name --answers-older-than DAYS or --customer ID, one of them"),
    (["--customer", "a", "--answers-older-than", "1d"], "forget what?"),
    (["--answers-older-than", "a year"], "'a year' is no number of days: say so many whole ones, as in 365d"),
    (["--answers-older-than=-1d"], "'-1d' is no number of days"),
    (["--customer", " "], "--customer ' ' is no id"),
])  # fmt: skip
def test_what_cannot_be_meant_is_one_line(answered, given, said, capsys):
    assert 2 == main(["forget", *PARAMS, *given])
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(("customer", "gone"), [("a", True), ("c", False)])
def test_a_replay_that_has_seen_a_customer_goes_as_a_whole(answered, customer, gone):
    log = answered / "replay" / "log"
    log.mkdir(parents=True)
    pq.write_table(pa.table({"customer_id": ["a", "b", "a"]}), log / "events.parquet")
    (answered / "replay" / "replay.json").write_text("{}")
    removed = [one for one in forgetting.customer("smoke", customer, plan=False) if one.what == "replay"]
    assert ([(2, 2)] if gone else []) == [(one.rows, one.files) for one in removed]
    assert gone != (answered / "replay").exists()


@pytest.mark.parametrize(("customer", "gone"), [("a", True), ("c", False)])
def test_the_log_that_a_check_has_kept_goes_as_a_whole(answered, customer, gone):
    kept = answered / "log" / "whole"
    kept.mkdir(parents=True)
    pq.write_table(pa.table({"customer_id": ["a", "b", "a"]}), kept / "events.parquet")
    pq.write_table(pa.table({"row": ["{}"]}), kept / "rejected.parquet")
    pq.write_table(pa.table({"since": [1]}), kept.parent / "stretches.parquet")
    removed = [one for one in forgetting.customer("smoke", customer, plan=False) if one.what == "log"]
    assert ([(2, 3)] if gone else []) == [(one.rows, one.files) for one in removed]
    assert gone != kept.parent.exists()
