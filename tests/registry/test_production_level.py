"""The level of the version in production: a decision on the record, and nobody is served without one."""

from __future__ import annotations

import pandas as pd
import pytest

from churn.audit import doctor
from churn.cli import output
from churn.errors import RegistryError
from churn.features.online import places
from churn.features.online.snapshot import Online
from churn.registry import decisions, history, production_level, version_levels, versions
from churn.training.levels import ORIGINS, Level
from tests.registry.test_decisions import NAME, decide, roll_back

OCTOBER, NOVEMBER = "2025-10-01", "2025-11-01"


def tag(snapshot: str, log_odds: float, why: str = "season of last year") -> dict[str, str]:
    return version_levels.tag(Level(snapshot, log_odds, [], why, True, pd.DataFrame(columns=ORIGINS)))


def goes_online(snapshot: str) -> None:
    place = places.of_experiment(NAME)
    with place.locked(), place.replacing(Online(snapshot, "content")):
        pass


@pytest.fixture
def in_october(world):
    """Version 1 in production, at the level of a snapshot that is online."""
    versions.tag(NAME, 1, tag(OCTOBER, -0.25))
    goes_online(OCTOBER)
    decide(1)
    return versions.get(NAME, 1)


def test_a_new_level_is_on_the_version_and_on_the_record_with_from_to_and_why(in_october):
    told = production_level.follow(NAME, [(in_october, tag(NOVEMBER, 0.5))], run_id="r")
    assert "Version **1** stands at **+0.500** there: season of last year." == told
    last = history.decisions(NAME)[-1]
    assert {"snapshot": NOVEMBER, "from": -0.25, "to": 0.5, "why": "season of last year"} == last["level"]
    assert ("level", "level set", 1, 1) == tuple(
        last[name] for name in ("action", "decision", "production_before", "production_after")
    )
    assert 0.5 == version_levels.of(versions.get(NAME, 1), NOVEMBER)["log_odds"]
    assert "version 1: level +0.500 at 2025-11-01, before it -0.250; season of last year" == last["said"]


def test_a_level_that_the_version_has_is_no_new_decision(in_october):
    production_level.follow(NAME, [(in_october, tag(OCTOBER, -0.25))], run_id="r")
    assert ["promoted"] == [decision["decision"] for decision in history.decisions(NAME)]


def test_where_nothing_is_in_production_there_is_no_level_to_find(world):
    assert [] == production_level.find(
        NAME, {"service": "s"}, None, label={}, snapshots=[], newest=1, every="", serve=OCTOBER
    )
    assert "Nothing is in production" in production_level.follow(NAME, [], run_id="r")


def test_what_may_take_its_place_has_a_level_too_and_a_rollback_from_anywhere_finds_it(in_october):
    versions.tag(NAME, 2, tag(OCTOBER, 0.0))
    decide(2)
    decide(3, approval="required")
    champion, *line = [versions.load(versions.get(NAME, number)) for number in (2, 1, 3)]
    assert {1, 3} == {one.version.version for one in production_level._next_in_line(NAME, champion)}
    found = [(one.version, tag(NOVEMBER, 0.5)) for one in (champion, *line)]
    production_level.follow(NAME, found, run_id="r")
    goes_online(NOVEMBER)
    assert "rolled back" == roll_back(1)["decision"]
    assert 0.5 == version_levels.of(versions.get(NAME, 3), NOVEMBER)["log_odds"]


def test_a_level_moves_nothing_in_the_line_of_versions(in_october):
    versions.tag(NAME, 2, tag(OCTOBER, 0.0))
    decide(2)
    production_level.follow(NAME, [(versions.get(NAME, 2), tag(NOVEMBER, 0.5))], run_id="r")
    assert 1 == history.previous(history.decisions(NAME))


def test_a_level_that_was_cut_short_is_finished_by_the_next_decision(in_october, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(versions, "tag", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            production_level.follow(NAME, [(in_october, tag(NOVEMBER, 0.5))], run_id="r")
    assert version_levels.of(versions.get(NAME, 1), NOVEMBER) is None
    assert decisions.finish_open(NAME)
    assert 0.5 == version_levels.of(versions.get(NAME, 1), NOVEMBER)["log_odds"]
    assert [] == doctor.examine(NAME)


def test_a_promotion_says_from_which_level_to_which(in_october):
    versions.tag(NAME, 2, tag(OCTOBER, 0.125, "that of the newest snapshot"))
    decision = decide(2)
    expected = {"snapshot": OCTOBER, "from": -0.25, "to": 0.125, "why": "that of the newest snapshot"}
    assert expected == decision["level"]


def test_a_version_without_a_level_at_the_snapshot_online_does_not_go_into_production(in_october):
    with pytest.raises(RegistryError, match="version 2 has no level at 2025-10-01, the snapshot that is online"):
        decide(2)
    assert 1 == versions.production(NAME).version


def test_there_is_no_way_back_to_a_version_without_a_level(in_october):
    versions.tag(NAME, 2, tag(OCTOBER, 0.0))
    decide(2)
    versions.tag(NAME, 2, tag(NOVEMBER, 0.5))
    goes_online(NOVEMBER)
    refused = roll_back(1)
    assert "refused" == refused["decision"]
    told = "level known: none at 2025-11-01, the snapshot that is online; run the pipeline, or ask where it ran last"
    assert told in refused["failed"]


def test_the_history_shows_a_level_in_few_words(in_october):
    production_level.follow(NAME, [(in_october, tag(NOVEMBER, 0.5))], run_id="r")
    row = output._decision_row(history.decisions(NAME)[-1])
    assert ["level +0.500 at 2025-11-01", 1, "1 -> 1", "season of last year"] == row[2:6]
