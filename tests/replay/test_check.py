"""Which dates are run for real, where such a run writes, and what counts as a difference."""

import sqlite3
from contextlib import closing

import pytest

from churn.replay import check
from churn.replay.record import Month


def month(number: int, *, before: int = 0, stopped: bool = False) -> Month:
    day = f"2024-{number:02d}-01"
    return Month(
        as_of=day, train=[], test="", serve=day, trained=True, why="", alarm=False, decision="refused", failed=[],
        said="", gate=[], candidate=number, before=before, production=before, list="", other=None, evaluation="",
        stopped=stopped,
    )  # fmt: skip


def chosen(months: list[Month]) -> list[int]:
    return [one.candidate for one in check.chosen(months)]


def test_first_halfway_and_last_of_those_that_met_a_version_in_production():
    assert [3, 8, 12] == chosen([month(n, before=int(n > 2)) for n in range(1, 13)])


def test_three_are_run_where_fewer_than_three_met_a_version():
    assert [1, 3, 5] == chosen([month(n, before=int(n > 3)) for n in range(1, 6)])


def test_a_month_whose_run_stopped_is_not_run_again():
    assert [2, 3, 4] == chosen([month(n, before=1, stopped=n in (1, 5)) for n in range(1, 6)])


@pytest.mark.parametrize(("there", "expected"), [(0, []), (1, [1]), (2, [1, 2])])
def test_a_month_is_run_once(there, expected):
    assert expected == chosen([month(n) for n in range(1, there + 1)])


def differing(replayed: dict, fresh: dict) -> list[str]:
    return [row["what"] for row in check.rows_of("2024-01-01", replayed, fresh) if not row["equal"]]


def test_equal_is_equal_to_the_last_bit():
    same = {"candidate": 2, "threshold": "0.1", "test AUC": None}
    assert [] == differing(same, dict(same))
    assert ["threshold"] == differing(same, same | {"threshold": "0.10000000000000001"})


def test_what_differs_only_where_it_is_no_longer_shown_differs():
    long = "x" * 200
    [row] = check.rows_of("2024-01-01", {"gate": long + "a"}, {"gate": long + "b"})
    assert (80, row["replayed"], False) == (len(row["fresh"]), row["fresh"], row["equal"])


@pytest.mark.parametrize(("replayed", "fresh"), [("trained", "not"), ("not", "trained")])
def test_a_version_that_only_one_of_the_two_has_trained_is_a_difference(replayed, fresh):
    of = {"trained": {"candidate": 2, "threshold": None}, "not": {"candidate": 0}}
    assert ["candidate", "threshold"] == differing(of[replayed], of[fresh])


def test_a_run_for_real_writes_beside_the_life_and_reads_what_the_life_has_made(tmp_path):
    life, home, kept = tmp_path / "life" / "state", tmp_path / "home", tmp_path / "kept.db"
    home.mkdir()
    with closing(sqlite3.connect(kept)) as store, store:
        store.execute("CREATE TABLE experiments (artifact_location TEXT)")
        store.execute("CREATE TABLE runs (artifact_uri TEXT)")
        store.execute("INSERT INTO experiments VALUES (?)", (f"file://{life}/artifacts/shop",))
        store.execute("INSERT INTO runs VALUES (?)", (f"file://{life}/artifacts/shop/1",))
    before = kept.read_bytes()
    check._own_registry(kept, life, home)
    with closing(sqlite3.connect(home / "mlflow.db")) as store:
        [(runs_go,)] = store.execute("SELECT artifact_location FROM experiments")
        [(made,)] = store.execute("SELECT artifact_uri FROM runs")
    assert (f"file://{home}/artifacts/shop", f"file://{life}/artifacts/shop/1") == (runs_go, made)
    assert before == kept.read_bytes()
