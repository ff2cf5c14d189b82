"""A replay as a whole: the policies lived, what came of it judged, and the report on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from churn.pipeline.execution import kernels, notebook
from churn.replay import check, dates, judged, living, policies, record
from churn.replay.shared import own_state


@dataclass(frozen=True)
class Asked:
    """What a replay is asked for: the params file with its overrides, the policies, the dates, whether to check."""

    file: str | Path
    overrides: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    first: date | None = None
    last: date | None = None
    every: str | None = None
    check: bool = False


def replay(asked: Asked, *, tell: Callable[[str], None]) -> dict:
    """Live the policies, or what is left of them, and write the report. Returns what `replay.json` says, with the
    report's `report` and its own path. Raises InvalidParams, InvalidData, or ChurnError."""
    chosen = policies.read(asked.file, asked.overrides, asked.policies)
    span = living.span_of(chosen[0])
    days = dates.chosen(chosen, span, first=asked.first, last=asked.last, every=asked.every)
    tell(_told(chosen, span, days, asked))
    experiment = chosen[0].params.experiment
    with living.only_one(experiment):
        lives = living.live(chosen, span, days, tell=tell)
        checked = check.check(experiment, lives[0], tell=tell) if asked.check else None
        tell("judging what came true")
        file = judged.write(experiment, lives, check=checked)
        return json.loads(file.read_text()) | {"file": str(file), "report": str(_report(experiment, file))}


def _told(chosen: list[policies.Policy], span: dates.Span, days: list[date], asked: Asked) -> str:
    later = "" if asked.last else f"; of later ones it is not known yet what came true (the log ends on {span.ends})"
    names = ", ".join(policy.text for policy in chosen)
    return f"{len(days)} dates from {days[0]} to {days[-1]}{later}; policies: {names}"


def _report(experiment: str, file: Path) -> Path:
    """The notebook executed on what was written: replay.ipynb and replay.html beside it."""
    home = record.home(experiment)
    with own_state(home / "report"), kernels.warm_kernel() as kernel:
        made = notebook.run_stage("replay", {"replay": str(file)}, folder=home, kernel=kernel, on_cell=lambda *_: None)
        return notebook.render(made.notebook, title=f"{experiment}: replay", run_id="a replay of its own")
