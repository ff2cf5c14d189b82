"""A replay equals what a user would have lived: the whole pipeline at each date, on a log that was cut there."""

from datetime import date

import pytest

from tests.end_to_end import lives

pytestmark = pytest.mark.timeout(900)
DAYS = [date(2023, 6, 1), date(2023, 7, 1), date(2023, 8, 1)]
ASKED = ("--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--policy", "always")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("lives")


@pytest.fixture(scope="module")
def params(place):
    return lives.write_log(place, customers=1200, months=9)


@pytest.fixture(scope="module")
def fresh(place, params):
    lives.live_afresh(place, DAYS, place / "fresh")
    return place / "fresh"


@pytest.fixture(scope="module")
def replayed(place, params):
    """A state folder in which nothing but a replay has happened, and the replay's answer."""
    home = place / "home"
    return home, lives.replay(params, home, *ASKED)


def test_every_decision_threshold_level_and_score_equals_fresh_runs_on_logs_cut_at_the_date(fresh, replayed):
    home, _ = replayed
    lived = home / "lived" / "replay" / "lives" / "always" / "state"
    expected, found = lives.told(fresh, DAYS), lives.told(lived, DAYS)
    assert {"promoted"} <= {tags.get("decision") for tags in expected.values()}, "nothing is proved of no champion"
    assert expected == found


def test_every_rule_of_every_gate_says_the_same(fresh, replayed):
    home, _ = replayed
    assert lives.gates(fresh) == lives.gates(home / "lived" / "replay" / "lives" / "always" / "state")


def test_nothing_lies_outside_the_folder_of_replays(replayed):
    home, _ = replayed
    assert {} == lives.contents(home)


def test_the_answer_judges_the_lists_that_came_true_and_names_the_report(replayed):
    home, answer = replayed
    assert str(home / "lived" / "replay" / "replay.html") == answer["report"]
    [policy] = answer["policies"]
    assert ("always", 3, 3) == (policy["policy"], policy["trainings"], len(answer["months"]))
    assert policy["judged"] == sum(month["judged"] for month in answer["months"]) >= 1


def test_the_same_replay_again_lives_nothing(params, replayed):
    home, answer = replayed
    records = sorted((home / "lived").rglob("months/*.json"))
    before = [record.stat().st_mtime_ns for record in records]
    assert answer["months"] == lives.replay(params, home, *ASKED)["months"]
    assert before == [record.stat().st_mtime_ns for record in records]
