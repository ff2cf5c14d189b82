"""A business lived month by month: the same command, a competitor and a price rise, and what the pages tell of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from churn.state import PROJECT
from tests import commands

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]
MONTHS = ("2023-08-01", "2023-09-01", "2023-10-01")  # what became of the list of September is known in October
BREAKS = {"competitor": date(2023, 8, 25), "price_rise": date(2023, 8, 26)}


@dataclass(frozen=True)
class Month:
    """A run as of a day: its exit code, and its index page."""

    code: int
    index: Path

    @property
    def page(self) -> BeautifulSoup:
        return BeautifulSoup(self.index.read_text(), "html.parser")

    @property
    def words(self) -> str:
        return " ".join(self.page.select_one("main").get_text(" ").split())


@pytest.fixture(scope="module")
def place(tmp_path_factory, empty_state) -> Path:
    folder = tmp_path_factory.mktemp("months")
    empty_state(folder / "state")
    return folder


@pytest.fixture(scope="module")
def params(place) -> Path:
    streaming = yaml.safe_load((PROJECT / "params/streaming.yaml").read_text())
    data = streaming["data"] | {"customers": 8000, "months": 10, "breaks": BREAKS}
    fewer = {"data": data, "retrain": {"when": "alarm"}, "evaluate": streaming["evaluate"] | {"bootstrap": 200}}
    file = place / "months.yaml"
    file.write_text(yaml.safe_dump(streaming | fewer, sort_keys=False))
    return file


def run(day: str, place: Path, params: Path, *more: str) -> Month:
    done = commands.run_pipeline("--as-of", day, "--exit-code", *more, state=place / "state", params=params)
    assert "start at " in done.stdout, done.stderr
    index = Path(re.search(r"^start at (.+)$", done.stdout, re.MULTILINE)[1])
    return Month(done.returncode, index)


@pytest.fixture(scope="module")
def months(place, params) -> list[Month]:
    return [run(day, place, params) for day in MONTHS]


def listed(place: Path, day: str) -> dict:
    return json.loads((place / "state/streaming/scores" / day / "list.json").read_text())


def test_the_first_month_trains_what_is_in_production_and_lists_whom_to_contact(months, place):
    assert 0 == months[0].code
    assert "Nothing is in production yet" in months[0].words
    assert "Version 1 was promoted." in months[0].words
    assert (1, "2023-08-01") == (listed(place, MONTHS[0])["version"], listed(place, MONTHS[0])["snapshot"])


def test_without_an_alarm_nothing_is_trained_and_the_page_says_why(months, place):
    assert 0 == months[1].code
    assert months[1].page.h1.get_text().startswith("Nothing was trained: no alarm stands.")
    assert ["ran", "ran", "skipped", "skipped", "skipped", "ran"] == [
        cell.get_text() for cell in months[1].page.select("[data-outcome]")
    ]
    assert 1 == listed(place, MONTHS[1])["version"]


def test_a_later_month_takes_the_feature_tables_of_the_one_before(months):
    report = BeautifulSoup(months[1].index.with_name("features.html").read_text(), "html.parser").get_text(" ")
    kept = re.search(r"Of (\d+) snapshots, (\d+) were kept from earlier runs", " ".join(report.split()))
    assert int(kept[2]) >= int(kept[1]) - 2  # all but the newest, which go on from there


def test_the_month_after_a_break_matured_opens_with_the_alarm_the_training_and_the_decision(months):
    last = months[2]
    assert 4 == last.code
    assert last.words.startswith("Alarm.")
    assert re.search(r"Version 2 (was promoted|was refused|waits for approval)", last.words)
    assert ["2023-09-01", "2023-08-01"] == [row.th.get_text() for row in last.page.select("table.months tbody tr")]


def test_a_day_earlier_than_what_is_online_is_one_line_and_changes_nothing(months, place, params):
    before = sorted((place / "state/streaming/scores").iterdir())
    done = commands.run_pipeline("--as-of", MONTHS[0], state=place / "state", params=params)
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert f"snapshots.serve {MONTHS[0]} is older than the snapshot online ({MONTHS[2]})" in done.stderr
    assert before == sorted((place / "state/streaming/scores").iterdir())


def test_who_was_contacted_and_is_on_no_list_is_one_line_and_changes_nothing(months, place, params):
    file = place / "contacted.csv"
    file.write_text("customer_id,at\nC0000001,2023-08-02\nnobody,2023-08-03\n")
    runs = sorted((place / "state/runs").iterdir())
    done = commands.run_pipeline("--set", f"score.contacted={file}", state=place / "state", params=params)
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "'nobody'" in done.stderr
    assert runs == sorted((place / "state/runs").iterdir())
