"""Who is told what a run does while it works."""

from __future__ import annotations


class Listener:
    """Who is told what a run does; this one does nothing with it."""

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *error: object) -> None: ...

    def note(self, text: str) -> None:
        """A line that belongs to no stage."""

    def begin(self, stage: str) -> None:
        """A stage begins to execute."""

    def cell(self, cell: int, cells: int, heading: str) -> None:
        """A cell of the stage under way begins to execute, under this heading."""

    def end(self, stage: str, outcome: str, *, detail: str = "") -> None:
        """A stage has ended: ran, reused, skipped, failed or interrupted."""
