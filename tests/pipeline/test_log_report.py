"""The report of a log: made once, and anew where the log or the label has changed; a run does without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn import state
from churn.log import kept
from churn.params import schema
from churn.pipeline import log_report

PARAMS = "params/smoke.yaml"


@pytest.fixture
def staged(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CHURN_STATE", str(tmp_path))
    kept.staged(schema.load(PARAMS))
    return kept.whole("smoke")


def test_a_report_is_made_anew_only_where_log_or_label_has_changed_or_it_is_gone(staged):
    params = schema.load(PARAMS)
    first = log_report.made(params, staged)
    made = first.stat().st_mtime_ns
    assert "How many leave" in first.read_text()
    assert made == log_report.made(params, staged).stat().st_mtime_ns
    other = schema.load(PARAMS, ["label.horizon_days=21"])
    assert made < (second := log_report.made(other, staged).stat().st_mtime_ns)
    first.unlink()
    assert second < log_report.made(other, staged).stat().st_mtime_ns
    assert {"log.html", "log.ipynb", "log.json"} <= {file.name for file in state.path("smoke", "log").iterdir()}


def test_ready_made_tables_have_no_log_to_report_on(tmp_path):
    tables = schema.load("params/streamflow.yaml")
    beside = log_report.Beside(tables)
    beside.begin(None, ran=True)
    assert beside.put_into(tmp_path, finished=True) is None
