"""What a run tells while it works: one live line a stage on a terminal, plain lines with the time of day otherwise."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from churn.cli.output import say
from churn.pipeline.listener import Listener

MARKS = {"under way": ("…", "cyan"), "ran": ("✓", "green"), "reused": ("=", "blue"), "failed": ("✗", "red"),
         "interrupted": ("✗", "yellow"), "skipped": ("-", "dim")}  # fmt: skip


@dataclass
class Line:
    """A stage as it is shown. `outcome`: waiting, under way, ran, reused, skipped, failed or interrupted."""

    stage: str
    outcome: str = "waiting"
    began: float = 0.0
    seconds: float | None = None
    cell: str = ""
    heading: str = ""


@dataclass
class Plain(Listener):
    """A line with the time of day for each stage and each section: for logs and CI."""

    stages: tuple[str, ...]
    _began: float = 0.0
    _stage: str = ""
    _heading: str = ""

    def note(self, text: str) -> None:
        say(f"{datetime.now():%H:%M:%S} {text}")

    def begin(self, stage: str) -> None:
        self._began, self._stage, self._heading = time.perf_counter(), stage, ""
        self.note(f"{self._number(stage)} {stage} ...")

    def cell(self, cell: int, cells: int, heading: str) -> None:
        if heading != self._heading:
            self._heading = heading
            self.note(f"{self._number(self._stage)} {self._stage}: {heading} (cell {cell} of {cells})")

    def end(self, stage: str, outcome: str, *, detail: str = "") -> None:
        took = f" in {time.perf_counter() - self._began:.1f} s" if outcome not in ("reused", "skipped") else ""
        self.note(f"{self._number(stage)} {stage} {outcome}{took}{detail and f', {detail}'}")

    def _number(self, stage: str) -> str:
        return f"[{self.stages.index(stage) + 1}/{len(self.stages)}]"


@dataclass
class OnTerminal(Listener):
    """One line a stage, redrawn four times a second."""

    stages: tuple[str, ...]
    lines: dict[str, Line] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = {stage: Line(stage) for stage in self.stages}
        self._live = Live(
            get_renderable=self._drawn, console=Console(highlight=False, markup=False), refresh_per_second=4
        )

    def __enter__(self) -> OnTerminal:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        self._live.console.print(text, soft_wrap=True)

    def begin(self, stage: str) -> None:
        self._line = self.lines[stage] = Line(stage, "under way", began=time.perf_counter())

    def cell(self, cell: int, cells: int, heading: str) -> None:
        self._line.cell, self._line.heading = f"cell {cell} of {cells}", heading

    def end(self, stage: str, outcome: str, *, detail: str = "") -> None:
        line = self.lines[stage]
        line.seconds = time.perf_counter() - line.began if line.began else None
        line.outcome, line.cell, line.heading = outcome, outcome, detail

    def _drawn(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for line in self.lines.values():
            mark, colour = MARKS.get(line.outcome, ("·", "dim"))
            seconds = time.perf_counter() - line.began if line.outcome == "under way" else line.seconds
            took = f"{seconds:6.1f} s" if seconds is not None else ""
            table.add_row(Text(mark, style=colour), line.stage, took, line.cell, Text(line.heading, style="dim"))
        return table


def to(stages: tuple[str, ...], *, quiet: bool) -> Listener:
    """The teller for where the output goes."""
    if quiet:
        return Listener()
    return OnTerminal(stages) if sys.stdout.isatty() else Plain(stages)
