"""Names that are looked for among others: which is missing, and which is the nearest."""

from __future__ import annotations

import difflib

from churn.errors import InvalidData


def require(needed: list[str], columns: list[str], *, where: str) -> None:
    """Raises InvalidData naming the missing column, the columns found and the nearest name."""
    for name in needed:
        if name not in columns:
            near = nearest(name, columns)
            hint = f"did you mean '{near}'?" if near else "correct the column's name in the data section"
            raise InvalidData(f"{where}: no column '{name}'; found {', '.join(columns)[:300]}; {hint}")


def nearest(name: str, names: list[str]) -> str | None:
    """The name that is most like the one looked for; None where none is."""
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.5)), None)
