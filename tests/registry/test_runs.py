"""MLflow runs as they were recorded, on a real store: which there are, what each holds, and which were left open."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from churn.registry import runs, tracking


def run(status: str | None = None, *, experiment: str = "mine", **tags: str) -> tracking.Run:
    """A run that ended so; None for one that is open."""
    log = tracking.start(experiment, tags=tags)
    if status:
        log.end(status)
    return log


def test_an_experiment_that_there_is_not_has_no_runs(registry):
    assert [] == runs.of("nobody")


def test_runs_are_listed_oldest_first_with_what_was_recorded(registry):
    one, two = run("FINISHED"), run("FAILED", mood="bad")
    run("FINISHED", experiment="another")
    two.params({"seed": 7, "train": {"model": "logistic"}})
    listed = runs.of("mine")
    assert [one.id, two.id] == [found["id"] for found in listed]
    last = listed[-1]
    assert ("FAILED", {"seed": "7", "train.model": "logistic"}, "bad") == (
        last["status"], last["params"], last["tags"]["mood"],
    )  # fmt: skip
    assert last["started"] <= last["ended"] and last["ended"].endswith("Z")


def test_runs_are_listed_by_status(registry):
    run("FINISHED")
    failed, under_way = run("FAILED"), run()
    assert [failed.id] == [found["id"] for found in runs.of("mine", status="FAILED")]
    assert [(under_way.id, "")] == [(found["id"], found["ended"]) for found in runs.of("mine", status="RUNNING")]


def test_a_run_is_given_with_its_metrics_and_data_sets(registry):
    log = run()
    log.metrics({"auc": 0.75, "unknown": float("nan")})
    log.dataset("events", "12-abc", "log.csv", context="training")
    log.dataset("labels", "no-number"[:2], "labels.csv", context="evaluation")
    found = runs.get(log.id)
    assert {"auc": 0.75} == found["metrics"]
    assert [("events", "training", 12, "12-abc"), ("labels", "evaluation", None, None)] == [
        (d["name"], d["context"], d.get("rows"), d.get("fingerprint")) for d in found["datasets"]
    ]


def test_the_run_before_is_the_last_one_that_finished(registry):
    one = run("FINISHED")
    assert runs.before("mine", one.id) is None
    one.metrics({"test_auc": 0.75})
    run("FAILED")
    two = run()
    assert (one.id, {"test_auc": 0.75}) == ((found := runs.before("mine", two.id))["id"], found["metrics"])
    two.end("FINISHED")
    assert one.id == runs.before("mine", two.id)["id"], "nothing comes before itself"


def test_evaluated_runs_are_those_with_a_score(registry):
    run("FINISHED")
    scored = run("FINISHED", version="3")
    scored.metrics({"test_auc": 0.75, "train_auc": 0.8, "test_auc_low": 0.7})
    [row] = runs.evaluated("mine").to_dict("records")
    assert (scored.id, 3.0, 0.8, 0.75, 0.7, None) == tuple(
        row[name] for name in ("run", "version", "auc_train", "auc_test", "low", "high")
    )


def test_what_a_stage_has_added_to_a_run_is_told_apart_from_what_was_there(registry):
    log = run()
    log.metrics({"same": 1.0, "other": 1.0})
    log.text("a", "deep/old.txt")
    log.dataset("events", "12-abc", "log.csv", context="training")
    before = runs.contents(log.id)
    log.metrics({"other": 2.0, "new": 3.0})
    log.tags({"mood": "good"})
    log.text("a", "deep/down/new.txt")
    log.dataset("labels", "9-abc", "labels.csv", context="training")
    added = runs.added(before, runs.contents(log.id))
    assert ({"other": 2.0, "new": 3.0}, {"mood": "good"}, ["deep/down/new.txt"], ["labels"]) == (
        added["metrics"], added["tags"], added["artifacts"], [d["name"] for d in added["datasets"]],
    )  # fmt: skip
    assert [] == [name for name in before["tags"] if name.startswith("mlflow.")]


def test_an_artifact_is_given_where_it_lies(registry):
    log = run()
    log.text("kept", "deep/note.txt")
    assert "kept" == runs.artifact(log.id, "deep/note.txt").read_text()
    assert registry in runs.artifact(log.id, "deep/note.txt").parents
    assert ["deep/note.txt"] == runs.artifacts(log.id, "deep")


def test_an_artifact_that_a_run_does_not_keep_is_missing(registry):
    log = run()
    with pytest.raises(runs.Missing, match=f"run {log.id} keeps no note.txt"):
        runs.artifact(log.id, "note.txt")
    with pytest.raises(runs.Missing, match=r"run nobody keeps no note\.txt"):
        runs.artifact("nobody", "note.txt")


def test_runs_whose_process_is_gone_are_ended_and_no_others(registry):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = run(**{"runner.process": f"{platform.node()}:{gone.pid}"})
    ours = run()
    elsewhere = run(**{"runner.process": f"another-{platform.node()}:{gone.pid}"})
    run("FINISHED", **{"runner.process": f"{platform.node()}:{gone.pid}"})
    assert [dead.id] == runs.end_abandoned("mine")
    assert "KILLED" == runs.get(dead.id)["status"]
    assert {ours.id, elsewhere.id} == {found["id"] for found in runs.of("mine", status="RUNNING")}
    assert [] == runs.end_abandoned("mine")
