"""What a store of online features holds, as it is kept beside the rows themselves."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

FORMAT = 1  # of the document and of the rows; another one is written anew
REMEDY = "run the pipeline: its features stage writes it anew"
Rows = tuple[bytes, list[int]]  # of customers asked for: one after the other, and each one's length, 0 where is none
Columns = tuple[tuple[str, str], ...]  # (name, type) each, in the order of a row; type: integer, number or category


@dataclass(frozen=True)
class View:
    """A view's columns, and where its rows lie in a store that keeps several generations of them."""

    columns: Columns
    generation: str = ""


@dataclass(frozen=True)
class Online:
    """The snapshot that is online, its content (the features' service and fingerprint), and the views; empty: none."""

    snapshot: str = ""
    content: str = ""
    views: dict[str, View] = field(default_factory=dict)

    def text(self) -> str:
        """As it is kept."""
        return json.dumps({"format": FORMAT, **asdict(self)})

    @classmethod
    def of_text(cls, text: str | bytes) -> Online:
        """What was kept; nothing where another version of this project has kept it."""
        held = json.loads(text)
        if held.pop("format", None) != FORMAT:
            return cls()
        views = {
            name: View(tuple(map(tuple, view["columns"])), view["generation"]) for name, view in held["views"].items()
        }
        return cls(held["snapshot"], held["content"], views)
