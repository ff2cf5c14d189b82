from __future__ import annotations

import os
from functools import partial

import pandas as pd
import pytest

from churn import state
from churn.scoring import lists

ROWS = pd.DataFrame({"customer_id": ["b", "a"], "probability": [0.9, 0.2]})


@pytest.fixture(autouse=True)
def state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(tmp_path))


def made(snapshot: str, version: int, **more) -> lists.ScoreList:
    folder = state.path("made")
    folder.mkdir(exist_ok=True)
    ROWS.assign(version=version).to_parquet(folder / lists.ROWS)
    ROWS.to_csv(folder / lists.TEXT)
    return lists.put(folder, document(snapshot, version, **more))


def document(snapshot: str, version: int, **more) -> dict:
    return dict.fromkeys(lists.FOLLOWS_FROM) | {"experiment": "shop", "snapshot": snapshot, "version": version} | more


def seen() -> list[tuple[str, int, bool]]:
    return [(found.snapshot, found.version, found.superseded) for found in lists.all_of("shop")]


def test_without_lists_there_is_none():
    assert ([], None, None) == (lists.all_of("shop"), lists.latest("shop"), lists.current("shop", "2024-01-01"))


def test_lists_come_by_snapshot_those_superseded_before_the_one_in_their_place():
    for snapshot, version in [("2024-02-01", 2), ("2024-01-01", 1), ("2024-02-01", 3), ("2024-02-01", 2)]:
        made(snapshot, version)
    february = [("2024-02-01", 2, True), ("2024-02-01", 3, True), ("2024-02-01", 2, False)]
    assert [("2024-01-01", 1, False), *february] == seen()
    assert [1, 2, 3, 2] == [found.rows(["version"]).version[0] for found in lists.all_of("shop")]


def test_the_latest_list_is_that_of_the_newest_snapshot_before_a_date():
    made("2024-01-01", 1), made("2024-02-01", 2)
    assert ["2024-02-01", "2024-01-01"] == [lists.latest("shop").snapshot, lists.latest("shop", "2024-02-01").snapshot]
    assert lists.latest("shop", "2024-01-01") is None


@pytest.mark.parametrize("changed", lists.FOLLOWS_FROM)
def test_a_list_follows_from_its_document_and_from_nothing_else(changed):
    standing = made("2024-01-01", 1)
    assert standing.follows_from(document("2024-01-01", 1, created="later"))
    assert not standing.follows_from(document("2024-01-01", 1) | {changed: "another"})


@pytest.mark.parametrize("call", range(8))
def test_a_process_killed_at_any_moment_loses_no_list_and_shows_none_twice(call, monkeypatch):
    made("2024-01-01", 1)
    left = [call]

    def until_killed(act, *given, **more):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return act(*given, **more)

    with monkeypatch.context() as patched:
        for name in ("link", "replace", "unlink"):
            patched.setattr(os, name, partial(until_killed, getattr(os, name)))
        with pytest.raises(KeyboardInterrupt):
            made("2024-01-01", 2)
    assert [1] == [version for _, version, _ in seen()]
    made("2024-01-01", 2)
    assert [("2024-01-01", 1, True), ("2024-01-01", 2, False)] == seen()
