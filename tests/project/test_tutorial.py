"""The tutorial, typed as it is written: every command is understood, and says what the pages show."""

from __future__ import annotations

import pytest

from churn.state import PROJECT
from tests.end_to_end.system.workplace import free_port
from tests.project import tutorial

pytestmark = pytest.mark.system

STEPS = ["1-run", "2-reports", "3-second-model", "4-roll-back", "5-next-month", "own-log"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = tutorial.Place.make(tmp_path_factory.mktemp("tutorial"), free_port())
    yield made
    made.close()


@pytest.mark.parametrize("step", STEPS)  # in their order: each begins where the one before ended
def test_a_step_says_what_its_page_shows(place, step):
    page = PROJECT / "docs" / "tutorial" / f"{step}.md"
    for command, shown, said in tutorial.follow(page, place):
        assert [] == tutorial.missing(shown, said), f"{command}\n{said}"
        assert "error:" not in said, f"{command}\n{said}"


def test_every_page_of_the_tutorial_is_followed():
    assert sorted(STEPS) == sorted(page.stem for page in PROJECT.glob("docs/tutorial/*.md"))
