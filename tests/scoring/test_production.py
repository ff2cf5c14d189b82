from __future__ import annotations

import json

import pytest

from churn import state
from churn.features import manifest as manifests
from churn.registry import version_levels, versions
from churn.scoring import lists, production

SNAPSHOT = "2023-09-01"
ECONOMICS = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
INTERVALS = [
    {"model": model, "metric": metric, "estimate": estimate, "low": 0.1, "high": 0.9}
    for model, metric, estimate in [("candidate", "auc", 0.7), ("champion", "auc", 0.6), ("candidate", "log_loss", 0.3)]
]


def listed(share: float = 0.1, **changed) -> production.Listed:
    given = {"share": share, "budget": None, "seed": 7, "run_id": "run"} | changed
    return production.listed("world", manifests.of_experiment("world"), SNAPSHOT, **given)


def evaluated(version: int) -> None:
    content = {"version": version, "policy": {"economics": ECONOMICS}, "intervals": INTERVALS, "empc": {"empc": 1.0}}
    content["calibration"] = {"slope": {"estimate": 0.9, "error": 0.1}}
    state.write_json(state.path("world", "evaluation", "evaluation.json"), content)


def test_a_list_tells_what_it_follows_from_and_what_was_promised(own_world):
    evaluated(1)
    made, version = listed(), versions.get("world", 1)
    told = made.document
    assert [1, version.run_id, "run", SNAPSHOT] == [told[n] for n in ("version", "run_id", "made_in", "snapshot")]
    assert [ECONOMICS, 0.2, {"empc": 1.0}] == [told[n] for n in ("economics", "threshold", "empc")]
    assert version_levels.of(version, SNAPSHOT) == told["level"]
    assert {"auc": 0.7, "log_loss": 0.3} == {name: score["estimate"] for name, score in told["promised"].items()}
    assert {"estimate": 0.9, "error": 0.1} == told["slope"]
    assert told["customers"] == sum(map(len, made.portions())) > told["flagged"] >= told["contact"] > 0
    assert json.loads((made.list.folder / "list.json").read_text()) == told


def test_what_was_not_evaluated_is_null(own_world):
    told = listed().document
    found = [told[n] for n in ("economics", "empc", "promised", "slope")]
    assert [None, None, {"auc": None, "log_loss": None}, None] == found


def test_a_list_that_follows_from_the_same_stays_as_it_is(own_world):
    first = listed()
    assert (first, [first.list]) == (listed(run_id="another run"), lists.all_of("world"))


def test_another_control_share_or_version_makes_another_list_and_the_old_one_is_superseded(own_world):
    first, second = listed(), listed(0.2)
    with versions.locked("world"):
        versions.put_into_production("world", 2)
    third = listed(0.2)
    expected = [(m.document, superseded) for m, superseded in [(first, True), (second, True), (third, False)]]
    assert expected == [(found.document, found.superseded) for found in lists.all_of("world")]
    assert [] == [left.name for left in lists.place("world", "").iterdir() if left.name != SNAPSHOT]


def test_where_nothing_is_in_production_nothing_is_written_and_it_is_said(own_world, monkeypatch):
    monkeypatch.setattr(versions, "ALIAS", "nobody")
    made = listed()
    assert (0, None, "", {}) == (made.version, made.list, made.path, made.document)
    assert "nothing is in production yet" in made.why
    assert [] == list(made.portions())
    assert not state.path("world", "scores").exists()


@pytest.mark.parametrize("tag, value, why", [
    ("feature_service", "churn_other", "takes the features of churn_other"),
    (f"level.{SNAPSHOT}", "null", f"has no level at {SNAPSHOT}"),
])  # fmt: skip
def test_a_version_that_cannot_score_these_features_makes_no_list_and_it_is_said(tag, value, why, own_world):
    versions.tag("world", 1, {tag: value})
    made = listed()
    assert (1, None) == (made.version, made.list)
    assert why in made.why
