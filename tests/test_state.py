"""Rules of the state folder: what is written there is whole or absent, and the environment stays as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from churn import state


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path):
    target = tmp_path / "new" / "table.txt"
    with state.replacing(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert "whole" == target.read_text()
    with pytest.raises(RuntimeError), state.replacing(target) as temporary:
        temporary.write_text("a part")
        raise RuntimeError
    assert "whole" == target.read_text()
    assert [target] == list(target.parent.iterdir())


def test_a_folder_is_replaced_whole_and_nothing_of_the_former_stays(tmp_path):
    target = tmp_path / "snapshot"
    for name in ("first", "second"):
        with state.replacing(target) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert [target / "second"] == list(target.iterdir())
    with pytest.raises(RuntimeError), state.replacing(target) as temporary:
        temporary.mkdir()
        raise RuntimeError
    assert [target / "second"] == list(target.iterdir())
    assert [target] == list(tmp_path.iterdir())


def test_what_a_killed_process_left_does_not_get_into_the_place(tmp_path):
    target = tmp_path / "snapshot"
    left = tmp_path / f".snapshot.{os.getpid()}.tmp"
    left.mkdir()
    (left / "left.parquet").touch()
    with state.replacing(target) as temporary:
        temporary.mkdir()
    assert [] == list(target.iterdir())


def test_variables_of_a_block_are_as_before_at_its_end(monkeypatch):
    monkeypatch.setenv("PAPERTRAIL_HELD", "before")
    monkeypatch.delenv("PAPERTRAIL_NEW", raising=False)
    with pytest.raises(RuntimeError), state.environment(PAPERTRAIL_HELD="within", PAPERTRAIL_NEW="within"):
        assert ["within"] * 2 == [os.environ["PAPERTRAIL_HELD"], os.environ["PAPERTRAIL_NEW"]]
        raise RuntimeError
    assert ["before", None] == [os.environ["PAPERTRAIL_HELD"], os.environ.get("PAPERTRAIL_NEW")]


def test_a_file_takes_no_folder_s_place(tmp_path):
    (tmp_path / "page" / "inside").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        state.write_text(tmp_path / "page", "text")
    assert ["page"] == [path.name for path in tmp_path.iterdir()]
    assert (tmp_path / "page" / "inside").is_dir()


def test_a_folder_whose_successor_cannot_take_its_place_is_back_there(tmp_path, monkeypatch):
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "old").touch()
    rename = Path.replace

    def fails(path: Path, target: Path) -> Path:
        if path.name.endswith(".tmp"):
            raise OSError("no")
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="no"), state.replacing(tmp_path / "table") as temporary:
        temporary.mkdir()
    assert ["table/old"] == [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
