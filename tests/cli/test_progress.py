"""What a run tells while it works: plain lines for a log, one live line a stage on a terminal."""

from __future__ import annotations

import re

import pytest
from rich.console import Console

from churn.cli import progress
from churn.pipeline.listener import Listener

STAGES = ("features", "train", "promote")


@pytest.fixture
def lines(capsys):
    """What was told since the last look, without the time of day that every line begins with."""

    def _lines() -> list[str]:
        told = capsys.readouterr().out.splitlines()
        assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in told)
        return [re.sub(r"in \d+\.\d s", "in 0.0 s", line[9:]) for line in told]

    return _lines


def test_a_log_has_a_line_a_stage_and_a_section(lines):
    with progress.Plain(STAGES) as told:
        told.begin("train")
        for cell, heading in enumerate(["The model", "The model", "Checks"], start=1):
            told.cell(cell, 3, heading)
        told.end("train", "ran")
    assert [
        "[2/3] train ...", "[2/3] train: The model (cell 1 of 3)", "[2/3] train: Checks (cell 3 of 3)",
        "[2/3] train ran in 0.0 s",
    ] == lines()  # fmt: skip


def test_a_section_of_the_same_name_in_the_next_stage_is_told_again(lines):
    told = progress.Plain(STAGES)
    for stage in ("features", "train"):
        told.begin(stage)
        told.cell(1, 1, "Checks")
    assert 2 == len([line for line in lines() if "Checks" in line])


def test_a_reused_stage_took_no_time_and_says_whose_it_is(lines):
    progress.Plain(STAGES).end("features", "reused", detail="from run 8f2e")
    assert ["[1/3] features reused, from run 8f2e"] == lines()


def test_a_note_belongs_to_no_stage(lines):
    progress.Plain(STAGES).note("run 8f2e of smoke")
    assert ["run 8f2e of smoke"] == lines()


@pytest.fixture
def drawn():
    """The rows that a terminal shows, as words."""

    def _drawn(told: progress.OnTerminal) -> list[list[str]]:
        console = Console(width=200)
        with console.capture() as shown:
            console.print(told._drawn())
        return [re.split(r" {2,}", line.strip()) for line in shown.get().splitlines()]

    return _drawn


def test_a_terminal_has_a_row_a_stage_from_the_beginning(drawn):
    assert [["·", stage] for stage in STAGES] == drawn(progress.OnTerminal(STAGES))


def test_a_row_shows_where_its_stage_is(drawn):
    told = progress.OnTerminal(STAGES)
    told.begin("train")
    told.cell(3, 20, "The model")
    waiting, under_way, _ = drawn(told)
    assert ["·", "features"] == waiting
    assert ["…", "train", "0.0 s", "cell 3 of 20", "The model"] == under_way


@pytest.mark.parametrize(("outcome", "mark"), [("ran", "✓"), ("failed", "✗"), ("interrupted", "✗")])
def test_a_row_shows_how_its_stage_ended_and_in_what_time(drawn, outcome, mark):
    told = progress.OnTerminal(STAGES)
    told.begin("train")
    told.cell(3, 20, "The model")
    told.end("train", outcome)
    assert [mark, "train", "0.0 s", outcome] == drawn(told)[1]


def test_a_row_of_a_reused_stage_has_no_time_and_says_whose_it_is(drawn):
    told = progress.OnTerminal(STAGES)
    told.end("features", "reused", detail="from run 8f2e")
    assert ["=", "features", "reused", "from run 8f2e"] == drawn(told)[0]


def test_who_tells_depends_on_where_the_output_goes(monkeypatch):
    kinds = []
    for terminal, quiet in ((False, False), (True, False), (True, True)):
        monkeypatch.setattr("sys.stdout.isatty", lambda terminal=terminal: terminal)
        kinds.append(type(progress.to(STAGES, quiet=quiet)))
    assert [progress.Plain, progress.OnTerminal, Listener] == kinds
