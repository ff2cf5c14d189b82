"""`churn backup` and `churn restore`: a state goes into one file and comes back, or stays as it was."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest

from churn import state
from churn.audit import doctor
from churn.cli.main import main
from churn.errors import ChurnError, UserError
from churn.pipeline import launch
from churn.registry import history, tracking, versions
from churn.retention import backup
from tests.registry.test_decisions import NAME, decide


@pytest.fixture(scope="module")
def held(registered, tmp_path_factory) -> Path:
    """A state with runs, models, a decision, an answer of the API, and what does not belong into a backup."""
    root = tmp_path_factory.mktemp("held") / "state"
    shutil.copytree(registered, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(root))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        backup._lead_to(root / "mlflow.db", str(registered), str(root))
        decide(1)
        for name in ("predictions/2026-11-01/a.parquet", "cache/train/k/entry.json", "feast/.online.db.1.tmp"):
            (root / NAME / name).parent.mkdir(parents=True, exist_ok=True)
            (root / NAME / name).write_text("x")
    return root


@pytest.fixture
def at(monkeypatch):
    """Work in a state folder."""

    def _at(root: Path) -> Path:
        monkeypatch.setenv("CHURN_STATE", str(root))
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return root

    return _at


def test_a_state_comes_back_whole_in_another_place_and_serves_what_it_served(held, at, tmp_path, capsys):
    at(held)
    told = backup.make(str(tmp_path / "kept.tar"))
    assert [NAME] == told["experiments"]
    at(tmp_path / "elsewhere")
    assert 0 == main(["restore", str(tmp_path / "kept.tar")])
    assert f"{tmp_path / 'elsewhere'}: {NAME}, as of " in capsys.readouterr().out
    assert "promoted" == history.decisions(NAME)[-1]["decision"]
    assert [] == doctor.examine(NAME)
    loaded = versions.load_production(NAME)
    assert str(versions.verified_files(loaded.version)).startswith(str(tmp_path / "elsewhere"))
    assert (tmp_path / "elsewhere" / NAME / "predictions/2026-11-01/a.parquet").exists()
    assert not list(tmp_path.rglob("entry.json")) and not list((tmp_path / "elsewhere").rglob("*.tmp"))
    decide(2)
    assert 2 == versions.production(NAME).version


def test_a_backup_is_for_its_owner_alone(held, at, tmp_path):
    at(held)
    assert 0 == main(["backup", "--out", str(tmp_path / "kept.tar")])
    assert 0o600 == (tmp_path / "kept.tar").stat().st_mode & 0o777


def test_it_says_what_lies_on_servers_and_is_not_in_it(held, at, tmp_path, monkeypatch, capsys):
    at(held)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    monkeypatch.setenv("CHURN_REDIS", "redis:6379")
    told = backup.make(str(tmp_path / "kept.tar"))["without"]
    assert ["runs, models and decisions: they lie behind MLFLOW_TRACKING_URI", "the features online (CHURN_REDIS)"] == [
        one.partition(";")[0].partition(" and their")[0] for one in told
    ]


def test_nothing_is_copied_while_a_run_is_under_way(held, at, tmp_path):
    at(held)
    with launch.only_one(NAME), pytest.raises(ChurnError, match=f"another run of {NAME} is under way"):
        backup.make(str(tmp_path / "kept.tar"))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("out", "told"), [
    ("kept.zip", "a backup is a .tar file"),
    ("state/kept.tar", "it lies in the state folder"),
])  # fmt: skip
def test_a_name_that_will_not_do_is_one_line(held, at, out, told, capsys):
    at(held)
    assert 2 == main(["backup", "--out", str(held.parent / out)])
    assert told in capsys.readouterr().err


def test_where_there_is_no_state_nothing_is_kept(at, tmp_path, capsys):
    at(tmp_path / "nothing")
    assert 2 == main(["backup", "--out", str(tmp_path / "kept.tar")])
    assert f"error: there is no state to keep in {tmp_path / 'nothing'}" in capsys.readouterr().err


def test_a_backup_goes_into_an_empty_state_only(held, at, tmp_path):
    at(held)
    backup.make(str(tmp_path / "kept.tar"))
    with pytest.raises(
        UserError, match=r"is not empty \(artifacts, load, mlflow.db\): a backup goes into an empty one"
    ):
        backup.restore(str(tmp_path / "kept.tar"))


@pytest.mark.parametrize(("spoil", "told"), [
    (lambda tar: tar.unlink(), "there is no such file"),
    (lambda tar: tar.write_text("no tar"), "cannot be read as a backup"),
    (lambda tar: os.truncate(tar, tar.stat().st_size // 2), "cannot be read as a backup|is cut off"),
    (lambda tar: _another(tar), "is no backup of this project"),
])  # fmt: skip
def test_a_file_that_is_no_whole_backup_is_refused_and_leaves_the_state_empty(held, at, tmp_path, spoil, told):
    at(held)
    backup.make(str(tmp_path / "kept.tar"))
    spoil(tmp_path / "kept.tar")
    root = at(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=told):
        backup.restore(str(tmp_path / "kept.tar"))
    assert [] == [path.name for path in root.iterdir() if path.name != backup.WORK]


def _another(tar: Path) -> None:
    with tarfile.open(tar, "w") as other:
        other.add(__file__, "x.py")


def test_a_restore_that_was_killed_is_finished_by_the_same_command(held, at, tmp_path, monkeypatch):
    at(held)
    backup.make(str(tmp_path / "kept.tar"))
    root, moved = at(tmp_path / "elsewhere"), []

    def dies(self: Path, target: Path) -> None:
        if moved:
            raise KeyboardInterrupt
        moved.append(self.rename(target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            backup.restore(str(tmp_path / "kept.tar"))
    backup.restore(str(tmp_path / "kept.tar"))
    assert not (root / backup.WORK).exists()
    assert [] == doctor.examine(NAME)


def test_a_database_that_is_being_written_is_copied_as_of_one_moment(held, at, tmp_path):
    at(held)
    with sqlite3.connect(state.path("mlflow.db"), isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM registered_models")
        backup.make(str(tmp_path / "kept.tar"))
        writer.execute("ROLLBACK")
    at(tmp_path / "elsewhere")
    told = backup.restore(str(tmp_path / "kept.tar"))
    assert json.dumps(told)
    assert 4 == len(versions.all_of(NAME)) == len(tracking.client().search_model_versions(f"name = '{NAME}'"))
