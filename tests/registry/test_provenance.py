"""Who ran which code in which environment, and how what is here differs from what was recorded."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from churn import state
from churn.registry import provenance

HERE = {"mlflow.source.git.commit": "a" * 40, "code.clean": "true", "lock.sha256": "1234"}


@pytest.mark.parametrize(("recorded", "told"), [
    ({}, []),
    ({"mlflow.source.git.commit": "b" * 40}, [f"commit {'b' * 12} was recorded, {'a' * 12} is checked out"]),
    ({"lock.sha256": "99"}, ["lock 99 was recorded, 1234 is here"]),
])  # fmt: skip
def test_other_code_is_named(recorded, told, monkeypatch):
    monkeypatch.setattr(provenance, "tags", lambda: HERE)
    assert told == provenance.other_code(HERE | recorded)


def test_local_changes_here_are_named(monkeypatch):
    monkeypatch.setattr(provenance, "tags", lambda: HERE | {"code.clean": "false"})
    assert ["the tree here has local changes"] == provenance.other_code(HERE)


@pytest.mark.parametrize(("recorded", "told"), [
    (HERE, []),
    (HERE | {"code.clean": "false"}, ["the run was made with local changes that no commit holds"]),
    (HERE | {"mlflow.source.git.commit": "none"}, ["the run recorded no commit"]),
])  # fmt: skip
def test_code_that_nobody_can_have_again_is_named(recorded, told):
    assert told == provenance.unrestorable(recorded)


@pytest.mark.parametrize("name", ["python", "numpy", "cpu", "blas", "machine", "libc", "scipy"])
def test_another_environment_is_named(name):
    here = provenance.environment()
    assert [f"{name} 0.1 was recorded, {here[name]} is here"] == provenance.other_environment(here | {name: "0.1"})
    assert [] == provenance.other_environment(here)


def test_what_a_run_recorded_beyond_what_is_known_here_is_no_difference():
    assert [] == provenance.other_environment({"gpu": "none"})
    assert [] == provenance.other_environment({})


def test_an_unknown_state_of_the_tree_here_is_no_clean_one(monkeypatch):
    """Git could not be asked."""
    monkeypatch.setattr(provenance, "tags", lambda: HERE | {"code.clean": "unknown"})
    assert ["the tree here has local changes"] == provenance.other_code(HERE)
    assert ["the run was made with local changes that no commit holds"] == provenance.unrestorable(
        HERE | {"code.clean": "unknown"}
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one file, committed, in place of this one."""
    monkeypatch.setattr(state, "PROJECT", tmp_path)
    monkeypatch.setattr(state, "NOTEBOOKS", tmp_path / "notebooks")
    provenance.tags.cache_clear()
    (tmp_path / "requirements.txt").write_text("pandas==2.0\n")
    for words in (["init", "-q"], ["add", "-A"], [*WHO, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    yield tmp_path
    provenance.tags.cache_clear()


WHO = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]


def test_a_clean_tree_is_recorded_with_its_commit_its_lock_and_who_ran_it(project):
    head = (project / ".git" / "refs" / "heads").glob("*")
    assert {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": "run_pipeline.py",
        "mlflow.source.git.commit": next(head).read_text().strip(),
        "code.clean": "true",
        "lock.sha256": hashlib.sha256(b"pandas==2.0\n").hexdigest()[:16],
        "python": platform.python_version(),
        "runner.process": f"{platform.node()}:{os.getpid()}",
    } == provenance.tags()


def commit(project: Path, files: dict[str, str]) -> None:
    write(project, files)
    for words in (["add", "-A"], [*WHO, "commit", "-q", "-m", "more"]):
        subprocess.run(["git", "-C", str(project), *words], check=True)


def write(project: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)


IMPORTS = r'"from churn.deep.er import (\n", "    x)"'
CODE = {
    "churn/__init__.py": "",
    "churn/a.py": "from churn import b, state\n",
    "churn/state.py": "STAGES = ('features',)\n",
    "run_pipeline.py": "import churn.a\n",
    "feature_repo/definitions.py": "import pandas\n",
    "notebooks/train.ipynb": f'{{"cells": [{{"cell_type": "code", "source": [{IMPORTS}]}}]}}',
}


@pytest.mark.parametrize("name", [
    "shop.yaml", "orders.csv", "params/mine.yaml", "data/a b.csv", "Zoë.py", "churn/scratch.py", "notes.md",
    "notebooks/mine.ipynb", "churn/deep/other.py", "tests/test_mine.py",
])  # fmt: skip
def test_an_untracked_file_that_no_code_uses_leaves_the_tree_clean(project, name):
    commit(project, CODE)
    write(project, {name: "{}"})
    assert "true" == provenance.tags()["code.clean"]


@pytest.mark.parametrize("name", [
    "churn/b.py", "churn/b/__init__.py", "churn/deep/__init__.py", "churn/deep/er.py", "notebooks/features.ipynb",
    "feature_repo/more.py", "feature_repo/feature_store.yaml", "pandas.py", "json.py", "six.py",
])  # fmt: skip
def test_an_untracked_file_that_is_used_as_code_makes_the_tree_unclean(project, name):
    commit(project, CODE)
    write(project, {name: ""})
    assert "false" == provenance.tags()["code.clean"]


def test_what_an_untracked_module_in_use_imports_is_used_as_well(project):
    commit(project, CODE)
    write(project, {"churn/b.py": "import churn.c", "churn/c.py": "", "churn/d.py": ""})
    untracked = [Path("churn/b.py"), Path("churn/c.py"), Path("churn/d.py")]
    assert untracked[:2] == provenance.untracked_code(untracked)


@pytest.mark.parametrize("change", [
    lambda project: (project / "requirements.txt").write_text("pandas==3.0\n"),
    lambda project: (project / "churn" / "a.py").unlink(),
    lambda project: subprocess.run(["git", "-C", str(project), "rm", "-q", "--cached", "churn/a.py"], check=True),
], ids=["changed", "deleted", "removed-from-the-index"])  # fmt: skip
def test_a_change_of_a_tracked_file_makes_the_tree_unclean(project, change):
    commit(project, CODE)
    change(project)
    assert "false" == provenance.tags()["code.clean"]


def test_without_a_repository_and_a_lock_the_tags_say_that_nobody_knows(project):
    shutil.rmtree(project / ".git")
    (project / "requirements.txt").unlink()
    tags = provenance.tags()
    assert ("none", "unknown", "none") == (tags["mlflow.source.git.commit"], tags["code.clean"], tags["lock.sha256"])


def test_a_user_without_a_name_has_a_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    assert f"user {os.getuid()}" == provenance.user()


def test_the_environment_names_the_versions_that_results_depend_on():
    here = provenance.environment()
    assert set(provenance.LIBRARIES) < set(here)
    assert platform.python_version() == here["python"]
    assert all(here[name] for name in ("machine", "system", "cpu", "blas", "numpy"))


def test_an_image_without_git_says_which_commit_it_was_built_from(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHURN_COMMIT", "c" * 40)
    provenance.tags.cache_clear()
    found = provenance.tags()
    provenance.tags.cache_clear()
    assert ("c" * 40, "unknown") == (found["mlflow.source.git.commit"], found["code.clean"])
