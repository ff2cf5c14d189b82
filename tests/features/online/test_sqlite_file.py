"""Features online in an SQLite file."""

from __future__ import annotations

import sqlite3

import pytest

from churn.errors import FeatureStoreUnavailable
from churn.features.online.snapshot import Online
from churn.features.online.sqlite_file import SqliteFile
from tests.features.online.whole import *  # noqa: F403
from tests.features.online.whole import CUSTOMERS, VIEWS, put, seen


class File(SqliteFile):
    def assert_nothing_is_left(self) -> None:
        assert {"online.db", ".online.db.lock"} == {file.name for file in self.path.parent.iterdir()}


@pytest.fixture
def place(tmp_path) -> File:
    return File(tmp_path / "feast" / "online.db")


@pytest.fixture
def another(place) -> File:
    return File(place.path)


@pytest.fixture
def code(place) -> str:
    return f"from churn.features.online.sqlite_file import SqliteFile; place = SqliteFile({str(place.path)!r})"


def of_feast(path) -> None:
    """A file as Feast's own store, and so earlier versions of this project, left it."""
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE mine_visit (entity_key BLOB, feature_name TEXT, value BLOB)")
    path.with_name("online.txt").write_text("2024-01-01\nof")


def test_a_file_of_an_earlier_version_holds_nothing_and_says_what_to_do(place):
    of_feast(place.path)
    assert Online() == place.online()
    with pytest.raises(FeatureStoreUnavailable, match="is of an earlier version of this project, or empty; run"):
        place.read(VIEWS, ["ann"])


def test_a_snapshot_takes_the_place_of_a_file_of_an_earlier_version(place):
    of_feast(place.path)
    put(place, "1")
    assert {"1"} == seen(place, CUSTOMERS[:2])
    place.assert_nothing_is_left()


def test_a_file_that_is_none_is_told(place):
    place.path.parent.mkdir()
    place.path.write_bytes(b"no database, and long enough to be looked at" * 100)
    for look in (place.online, lambda: place.read(VIEWS, ["ann"])):
        with pytest.raises(FeatureStoreUnavailable, match=r"online\.db: file is not a database"):
            look()


def test_a_file_that_is_locked_is_told_in_time(place, monkeypatch):
    monkeypatch.setattr("churn.features.online.sqlite_file.WAITS", 0.05)
    put(place, "1")
    with sqlite3.connect(place.path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FeatureStoreUnavailable, match=r"online\.db: database is locked"):
            place.read(VIEWS, ["ann"])
        other.execute("ROLLBACK")
    assert {None, "1"} == seen(place, ["ann"])


def test_a_snapshot_is_put_in_place_while_a_reader_holds_the_file(place):
    put(place, "1")
    with sqlite3.connect(place.path, isolation_level=None) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM online").fetchone()
        put(place, "2")
    assert {"2"} == seen(place, CUSTOMERS[:2])


def test_views_that_are_not_there_are_named(place):
    put(place, "1")
    with pytest.raises(FeatureStoreUnavailable, match="holds nothing of visit_9; run the pipeline"):
        place.read(["visit_9"], ["ann"])
