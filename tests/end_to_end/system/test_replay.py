"""A year replayed: equal to fresh runs at all twelve dates, gone on after a kill, and production untouched."""

import json
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from churn.state import PROJECT
from tests import commands
from tests.end_to_end import lives

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(3000)]
DAYS = [date(2023 + month // 12, month % 12 + 1, 1) for month in range(5, 17)]
ASKED = ("--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--policy", "always")
WAIT = 600  # seconds until something has been lived


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("year")


@pytest.fixture(scope="module")
def params(place):
    return lives.write_log(place, customers=1200, months=18)


@pytest.fixture(scope="module")
def home(place):
    """A state folder with a month of production's."""
    lives.live_afresh(place, DAYS[3:4], place / "home")
    return place / "home"


@pytest.fixture(scope="module")
def before(home):
    return lives.contents(home)


@pytest.fixture(scope="module")
def replayed(params, home, before):
    """The year replayed: killed as soon as three months were lived, and begun again by the same command."""
    command = [str(Path(sys.executable).with_name("churn")), "replay", *ASKED, "--params", str(params)]
    months = home / "lived" / "replay" / "lives" / "always" / "months"
    with subprocess.Popen(command, cwd=PROJECT, env=commands.environment(home), stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + WAIT
        while len(list(months.glob("*.json"))) < 3 and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert 3 <= len(list(months.glob("*.json"))) < len(DAYS)
    first = {path: path.stat().st_mtime_ns for path in months.glob("*.json")}
    lives.replay(params, home, *ASKED)
    assert first == {path: path.stat().st_mtime_ns for path in first}, "what had been lived was lived again"
    return home / "lived" / "replay" / "lives" / "always" / "state"


def test_all_twelve_dates_equal_fresh_runs_on_logs_cut_there_though_the_replay_was_killed(place, replayed):
    lives.live_afresh(place, DAYS, place / "fresh")
    assert 12 == len(lives.gates(replayed))
    expected = lives.told(place / "fresh", DAYS)
    assert 6 <= sum(name.startswith("rows ") for name in expected), "little is proved by so few lists"
    assert expected == lives.told(replayed, DAYS)
    assert lives.gates(place / "fresh") == lives.gates(replayed)


def test_registry_online_store_and_history_of_production_are_untouched_to_the_byte(home, before, replayed):
    assert before == lives.contents(home)
    assert {"mlflow.db", "lived/feast/online.db"} <= before.keys()


def test_three_dates_run_for_real_equal_the_replay(params, home, replayed):
    answer = lives.replay(params, home, *ASKED, "--check")
    assert [] == [row for row in answer["check"] if not row["equal"]]
    assert 3 == len({row["as_of"] for row in answer["check"]})


def test_another_replay_meanwhile_is_refused(params, home, replayed):
    from filelock import FileLock

    with FileLock(home / "lived" / "replay" / "replay.lock"):
        done = commands.churn("replay", *ASKED, state=home, params=params)
    assert (1, "error: another replay of lived is under way; wait for it, or end it") == (
        done.returncode, done.stderr.strip().splitlines()[-1],
    )  # fmt: skip


def test_what_the_runs_of_production_kept_is_not_computed_again(home, replayed):
    made = [json.loads(file.read_text()) for file in home.glob("lived/replay/shared/features/*/files/features/*.json")]
    first = min(made, key=lambda manifest: manifest["log"]["ends"])
    assert first["kept"], "the first date computed all its snapshots"
