"""Facts as pages show them, and where the audit document may be written."""

from __future__ import annotations

import pytest

from churn.audit import document, facts, purpose
from churn.errors import UserError

TOLD = {
    "version": 3,
    "gate": [{"rule": "min_auc", "limit": [0.8, 1.25]}],
    "at": "2026-11-27T01:10:56Z",
    "by": "<b>",
    "no": None,
}


def test_a_fact_carries_its_place_and_its_whole_value():
    assert '<data data-fact="gate.0.limit" value="[0.8, 1.25]">0.8, 1.25</data>' == facts.of(TOLD)("gate.0.limit", "g")
    assert '<data data-fact="version" data-of="a" value="3">3</data>' == facts.of(TOLD, of="a")("version")


def test_a_value_is_never_markup():
    assert '<data data-fact="by" value="&#34;&lt;b&gt;&#34;">&lt;b&gt;</data>' == facts.of(TOLD)("by")


@pytest.mark.parametrize("path", ["gate.1.rule", "gate.x", "nothing", "version.deeper"])
def test_a_fact_that_the_document_does_not_hold_is_not_shown(path):
    with pytest.raises(KeyError):
        facts.of(TOLD)(path)


@pytest.mark.parametrize(("value", "form", "shown"), [
    (None, ".3f", "none"), ("", "", "none"), (0.81449, ".3f", "0.814"), (69659, ",d", "69,659"), (True, "", "yes"),
    ("2026-11-27T01:10:56Z", "when", "27 November 2026, 01:10 UTC"), ("1998-07-01", "day", "1 July 1998"),
    ("min_auc", "rule", "AUC reaches the floor"), ("a_new_rule", "rule", "a new rule"),
    ("23570-4bcfcd38a6ca3600", "id", "4bcfcd38"), ([1, 2], "", "1, 2"), ({"C": 1.0}, "", "C 1.0"), ({}, "", "none"),
])  # fmt: skip
def test_a_value_is_shown_as_people_read_it(value, form, shown):
    assert shown == facts.shown(value, form)


@pytest.mark.parametrize(("name", "told"), [
    ("nowhere/audit.html", "there is no folder"), ("audit.pdf", "ends with .html; found .pdf"),
    ("audit", "ends with .html; found no ending"), ("folder.html", "that is a folder"),
])  # fmt: skip
def test_a_file_that_cannot_be_the_document_is_refused_before_anything_is_read(tmp_path, name, told):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UserError, match=told):
        document.refuse_unwritable(str(tmp_path / name))


def test_what_it_is_for_is_told_in_words():
    params = {
        "label": {"rule": "inactivity", "horizon_days": 180, "active_within_days": 365},
        "evaluate": {"economics": {"contact_cost": 1.0, "saved_value": 40.0, "success_rate": 0.2}},
    }
    assert [
        "It finds, among customers who had an event in the 365 days before, those without any event in the 180 days "
        "to come.",
        "Whom it flags is contacted: a contact costs 1.00, keeps 20% of leavers, and each is worth 40.00.",
    ] == purpose.of(params, "run")["said"]
    assert [] == purpose.of({}, "run")["said"]


def test_what_the_gate_left_open_is_a_limit_with_the_decision_it_is_from():
    gate = [{"outcome": "undecided", "text": "too few"}, {"outcome": "pass", "text": "fine"}]
    trail = {
        "run": {"id": "r1", "clean": "true"},
        "reproduced": {"result": "same"},
        "evaluation": None,
        "decisions": [{"gate": gate, "decision_run": "d1"}, {"gate": [], "decision_run": "d2"}],
        "monitoring": {"run": "m1", "own": [], "alarm": {"standing": False}},
    }
    told = [(one["said"], one["from"]) for one in purpose.limits(trail)]
    assert ("Not settled at the gate: too few.", "d1") in told
    assert [("No test of it is on the record.", "r1"), ("No list of its own has come true yet.", "m1")] == [
        told[2], told[-1]
    ]  # fmt: skip
