"""What is known of a replay: the lives that were lived, a policy each, and their months.

state/<experiment>/replay/ holds log/ (the whole log, staged), shared/ (what no policy changes), and lives/<policy>/
with the policy's own state, and of each month its record and the registry as it was then.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from churn import state
from churn.params.schema import Params


@dataclass(frozen=True)
class Month:
    """One date of a life. Dates as text; versions are 0 where there is none, paths "" where there is nothing.

    `decision`: promoted, refused, needs approval; None where nothing was trained, and `why` says why. `gate`: the
    checks of the decision. `stopped`: the run would have failed, and `why` says why. `other`: the version that did not
    rule, with its `role` (refused, replaced) and its `list`.
    """

    as_of: str
    train: list[str]
    test: str
    serve: str
    trained: bool
    why: str
    alarm: bool
    decision: str | None
    failed: list[str]
    said: str
    gate: list[dict]
    candidate: int
    before: int
    production: int
    list: str
    other: dict | None
    evaluation: str
    stopped: bool = False
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Life:
    """A policy and its months so far, ascending. `params`: the whole params file as the policy has it."""

    policy: str
    params: dict
    folder: Path
    months: list[Month]

    @property
    def settings(self) -> Params:
        """The params file, checked and typed: dates are dates."""
        return Params.model_validate_json(json.dumps(self.params))

    @property
    def state(self) -> Path:
        """The state folder that it is lived in."""
        return self.folder / "state"


def home(experiment: str) -> Path:
    """Where all of an experiment's replay lies."""
    return state.path(experiment, "replay")


def log(experiment: str) -> dict:
    """The whole log, as `contract.reopen` takes it."""
    return json.loads((home(experiment) / "log.json").read_text())


def told(path: str) -> dict:
    """What `replay.json` says; a relative path lies in the state folder."""
    return json.loads(state.path(path).read_text())


def lives(experiment: str, policies: list[str] | None = None) -> list[Life]:
    """The lives of these policies, in their order; of None all."""
    found = {life.policy: life for place in sorted(home(experiment).glob("lives/*/life.json")) if (life := read(place))}
    return [found[policy] for policy in (policies or found)]


def read(file: Path) -> Life:
    """A life, from its `life.json` and its months."""
    told = json.loads(file.read_text())
    months = [Month(**json.loads(one.read_text())) for one in sorted(file.parent.glob("months/*.json"))]
    return Life(told["policy"], told["params"], file.parent, months)


def keep(life: Life, month: Month) -> None:
    """Write a month down, last of all that belongs to it."""
    state.write_json(life.folder / "months" / f"{month.as_of}.json", asdict(month))
