"""Finished stages are kept whole or not at all, and put back as they were."""

import os
import time
from pathlib import Path

import pytest

from churn import state
from churn.pipeline import cache, cache_key

PARTS = {"notebook": "one"}
KEY = cache_key.key(PARTS)


def write(name: str, text: str) -> Path:
    return state.write_text(state.path("mine", name), text)


def entry(stage: str = "features", finished: float = 1.0, ingredients: dict | None = None) -> cache.Entry:
    return cache.Entry(stage, "run1", finished, 2.5, ingredients or PARTS, {"manifest": "m"})


@pytest.fixture
def kept(state_folder):
    """A features stage that wrote two snapshots, kept."""
    write("source/events.parquet", "events")
    write("features/2024-01-01/visit.parquet", "january")
    write("features/features.json", "{}")
    cache.keep("mine", entry(), also={"artifacts/a.txt": write("other.txt", "logged")})
    return cache.folder("mine", "features", KEY)


def written() -> dict[str, str]:
    return {
        str(path.relative_to(state.path("mine"))): path.read_text()
        for name in cache.WRITES["features"] for path in state.path("mine", name).rglob("*") if path.is_file()
    }  # fmt: skip


def test_what_was_kept_is_found_by_its_key(kept):
    found = cache.find("mine", "features", KEY)
    assert ({"manifest": "m"}, "run1", PARTS) == (found.glued, found.run_id, found.ingredients)
    assert cache.find("mine", "features", "another") is None
    assert cache.find("mine", "train", KEY) is None


def test_a_stage_is_put_back_as_it_was_and_nothing_else_stays(kept):
    before = written()
    write("features/2024-01-01/visit.parquet", "another run's")
    write("features/2024-02-01/visit.parquet", "another run's")
    state.path("mine", "source", "events.parquet").unlink()
    cache.restore("mine", "features", KEY)
    assert before == written()
    assert not state.path("mine", "features", "2024-02-01").exists()


def test_what_a_later_run_writes_leaves_the_kept_files_alone(kept):
    write("features/2024-01-01/visit.parquet", "another run's")
    assert "january" == (kept / "files/features/2024-01-01/visit.parquet").read_text()
    assert cache.find("mine", "features", KEY)


def test_kept_files_take_no_room_while_they_are_in_their_place(kept):
    assert os.path.samefile(kept / "files/source/events.parquet", state.path("mine", "source", "events.parquet"))


@pytest.mark.parametrize("damage", [
    lambda place: (place / "files/source/events.parquet").unlink(),
    lambda place: (place / "files/source/events.parquet").write_text("EVENTS, and more"),
    lambda place: (place / "entry.json").write_text('{"stage": "feat'),
    lambda place: (place / "entry.json").unlink(),
    lambda place: (place / "entry.json").write_text("{}"),
], ids=["file gone", "file changed", "description cut short", "no description", "of another version"])  # fmt: skip
def test_a_damaged_entry_is_not_used(kept, damage):
    damage(kept)
    assert cache.find("mine", "features", KEY) is None


def test_a_damaged_entry_is_replaced_by_the_next_run(kept):
    (kept / "files/source/events.parquet").unlink()
    cache.keep("mine", entry(finished=2.0), also={})
    assert 2.0 == cache.find("mine", "features", KEY).finished


def test_a_process_that_died_while_keeping_leaves_nothing_to_find(kept):
    kept.rename(kept.with_name(f".{KEY}.123.tmp"))
    assert cache.find("mine", "features", KEY) is None
    assert [] == list(cache.entries("mine"))


def test_the_newest_entry_is_the_one_to_compare_with(kept):
    cache.keep("mine", entry(finished=9.0, ingredients={"notebook": "two"}), also={})
    assert {"notebook": "two"} == cache.newest("mine", "features").ingredients
    assert cache.newest("mine", "train") is None


def test_pruning_removes_what_was_not_used_for_so_long(kept):
    cache.keep("mine", entry(ingredients={"notebook": "two"}), also={})
    long_ago = time.time() - 10 * 86_400
    os.utime(kept, (long_ago, long_ago))
    assert [KEY] == cache.prune("mine", unused_days=7)
    assert [cache_key.key({"notebook": "two"})] == [e["key"] for e in cache.overview("mine")]


def test_using_an_entry_keeps_it_from_being_pruned(kept):
    os.utime(kept, (0, 0))
    cache.restore("mine", "features", KEY)
    assert [] == cache.prune("mine", unused_days=7)


def test_pruning_leaves_what_is_in_place_and_clears_what_killed_processes_left(kept):
    left = kept.with_name(".abc.77.tmp")
    left.mkdir()
    before = written()
    cache.prune("mine", unused_days=0)
    assert (before, False, []) == (written(), left.exists(), cache.overview("mine"))
