"""What was looked at before a run, what was found, and whether the run would stop at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from churn.errors import ChurnError

OK, WARN, STOPS = "ok", "warn", "stops"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Row:
    """A row of the table; of one that stops, `found` is what the run would say, in which `stage` where not before."""

    what: str
    found: str
    outcome: str = OK
    stage: str = ""


@dataclass
class Found:
    """The rows so far, in the order in which a run would meet them."""

    rows: list[Row] = field(default_factory=list)

    def ok(self, what: str, found: str) -> None:
        self.rows.append(Row(what, found))

    def warn(self, what: str, found: str) -> None:
        self.rows.append(Row(what, found, WARN))

    def look(
        self,
        what: str,
        look: Callable[[], Value],
        told: Callable[[Value], str | None] = lambda value: None,
        *,
        stage: str = "",
    ) -> Value | None:
        """What a look gives, with a row where there is something to tell of it; None and a row that stops where it
        refuses."""
        try:
            value = look()
        except ChurnError as error:
            self.rows.append(Row(what, str(error), STOPS, stage))
            return None
        if (text := told(value)) is not None:
            self.ok(what, text)
        return value

    @property
    def first(self) -> str | None:
        """What the run would stop with; None where nothing stops it."""
        first = next((row for row in self.rows if row.outcome == STOPS), None)
        return first and (f"{first.stage}: {first.found}" if first.stage else first.found)
