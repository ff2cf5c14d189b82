"""The tutorial and the exercises, typed as they are written: every command says what the pages show."""

from __future__ import annotations

import pytest

from churn.state import PROJECT
from tests.end_to_end.system.workplace import free_port
from tests.project import tutorial

pytestmark = pytest.mark.system

DOCS = PROJECT / "docs"
STEPS = [
    "tutorial/1-run", "tutorial/2-reports", "tutorial/3-second-model", "tutorial/4-roll-back", "tutorial/5-next-month",
    "tutorial/own-log", "teaching/exercises",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = tutorial.Place.make(tmp_path_factory.mktemp("tutorial"), free_port())
    yield made
    made.close()


@pytest.mark.parametrize("step", STEPS)  # in their order: each begins where the one before ended
def test_a_step_says_what_its_page_shows(place, step):
    for command, shown, said in tutorial.follow(DOCS / f"{step}.md", place):
        assert [] == tutorial.missing(shown, said), f"{command}\n{said}"
        assert "Traceback" not in said, f"{command}\n{said}"
        assert ("error:" in said) == any(line.startswith("error:") for line in shown), f"{command}\n{said}"


def test_every_page_of_the_tutorial_is_followed():
    assert {step for step in STEPS if step.startswith("tutorial/")} == {
        f"tutorial/{page.stem}" for page in DOCS.glob("tutorial/*.md")
    }
