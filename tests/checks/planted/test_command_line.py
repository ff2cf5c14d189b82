"""The same by the real command: a copy of the project with one line changed, or sound code on unsound data."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from churn import state
from churn.features.definitions import from_events
from tests.checks.planted.conftest import keep

PARTS = ("churn", "notebooks", "feature_repo", "run_pipeline.py")


@pytest.fixture
def refused(request, tmp_path):
    """`run_pipeline.py` ends with exit code 2 and one line on stderr, which is returned."""

    def _refused(file: Path, *arguments: str, by: str, project: Path = state.PROJECT) -> str:
        done = subprocess.run(
            [sys.executable, str(project / "run_pipeline.py"), "--params", str(file), *arguments],
            env=os.environ, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert 2 == done.returncode, done.stdout + done.stderr
        [line] = done.stderr.splitlines()
        assert by in line
        keep(request, by, line)
        return line

    return _refused


def test_one_second_past_the_snapshot_by_the_command(tmp_path, given, events, customers, refused):
    copy = tmp_path / "project"
    for part in PARTS:
        copied = shutil.copytree if (state.PROJECT / part).is_dir() else shutil.copy
        copied(state.PROJECT / part, copy.joinpath(part) if copied is shutil.copytree else copy)
    definition = copy / Path(inspect.getfile(from_events.known_before)).relative_to(state.PROJECT)
    sound = definition.read_text()
    definition.write_text(sound.replace("< moment(day)", "< moment(day) + ibis.interval(seconds=1)"))
    assert sound != definition.read_text()
    line = refused(given(events, customers), by="future invariance", project=copy)
    assert line.startswith(
        "error: features: the checks of the feature tables fail: future invariance: days_since_payment"
    )


def test_a_segment_that_encodes_the_label_by_the_command(given, events, customers, refused):
    gone = customers.customer_id.isin(events.customer_id[events.kind == "cancel"])
    line = refused(given(events, customers.assign(standing=np.where(gone, "bad", "good"))), by="standing at 2023-05-01")
    assert line.startswith("error: train: the checks of the training set fail: no feature tells by itself: ")


def test_labels_not_yet_known_by_the_command(given, events, customers, refused):
    line = refused(given(events, customers), "--set", "snapshots.test=2023-05-15", by="snapshots")
    assert "the label of the last train snapshot 2023-05-01 is known on 2023-05-31" in line
