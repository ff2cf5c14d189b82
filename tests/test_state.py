"""Rules of the state folder: what is written there is whole or absent, and the environment stays as it was."""

from __future__ import annotations

import os
import pwd
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


# --- a home for libraries ---


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """A state folder, and none of the variables by which libraries find a home; sets HOME."""
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / "state"))
    for name in state.HOMES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    return lambda home: monkeypatch.setenv("HOME", str(home))


@pytest.mark.parametrize("home", ["/dev/null", "missing", "a-file", "a-file/below"])
def test_libraries_live_in_the_state_folder_where_the_home_folder_can_hold_nothing(homeless, tmp_path, home):
    (tmp_path / "a-file").touch()
    homeless(tmp_path / home)
    state.give_libraries_a_home()
    assert {str(tmp_path / "state" / place) for place in state.HOMES.values()} == {os.environ[n] for n in state.HOMES}
    assert str(tmp_path / home) == os.environ["HOME"], "a path that begins with ~ means what it meant"
    assert not (tmp_path / "state").exists()


def test_libraries_live_at_home_where_there_is_one(homeless, tmp_path):
    homeless(tmp_path)
    state.give_libraries_a_home()
    assert [] == [name for name in state.HOMES if name in os.environ]


def test_a_home_that_was_chosen_stays(homeless, monkeypatch):
    homeless("/dev/null")
    monkeypatch.setenv("MPLCONFIGDIR", "/elsewhere")
    state.give_libraries_a_home()
    assert "/elsewhere" == os.environ["MPLCONFIGDIR"]


def test_a_user_whom_the_system_does_not_know_lives_in_the_state_folder(homeless, monkeypatch, tmp_path):
    homeless("/dev/null")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    (tmp_path / "state").mkdir()
    state.give_libraries_a_home()
    assert str(tmp_path / "state") == os.environ["HOME"]
