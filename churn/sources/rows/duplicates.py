"""Rows that occur more than once, and exports that overlap: counted, told, and dropped or refused as asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from ibis.expr.types import Table

from churn.errors import InvalidData
from churn.sources.rows.cleaning import FILE, ROW

WHOLE = 0.95  # share of a file's rows that stand in another one, from which it was given twice


def settled(rows: Table, *, name: str, rule: str | None) -> tuple[Table, str]:
    """The rows by `rule` (refuse, drop, keep; None tells, and refuses whole files), and what there is to tell.

    Raises InvalidData.
    """
    if rule == "keep" or not (repeated := _repeated(rows)):
        return rows, ""
    overlaps = _overlaps(rows) if FILE in rows.columns else []
    told = f"{name}: {repeated:,} rows are exact duplicates of others" + _told(overlaps)
    if rule == "drop":
        return rows.distinct(on=ROW, keep="first"), f"{told}; each was read once (duplicates: drop)"
    if rule == "refuse" or any(share >= WHOLE for *_, share in overlaps):
        raise InvalidData(f"{told}; take one out, or say duplicates: drop (each row once) or keep in the data section")
    return rows, f"{told}; they were kept (duplicates: drop reads each once)"


def _repeated(rows: Table) -> int:
    counted = rows.aggregate(n=rows.count(), different=rows[ROW].nunique()).execute()
    return int(counted.n[0] - counted.different[0])


def _overlaps(rows: Table) -> list[tuple[str, str, int, float]]:
    """Pairs of files that share rows: the smaller, the other, how many different rows, share of the smaller's rows."""
    placed = rows.select(ROW, FILE).distinct()
    sizes = placed.group_by(FILE).agg(size=placed.count()).execute().set_index(FILE)["size"]
    shared = placed.group_by(ROW).having(placed.count() > 1).agg(n=placed.count())
    held = placed.semi_join(shared, ROW)
    other = held.view()
    pairs = held.join(other, [held[ROW] == other[ROW], held[FILE] < other[FILE]], rname="{name}_other")
    pairs = pairs.group_by([FILE, f"{FILE}_other"]).agg(n=pairs.count()).execute()
    return sorted((_overlap(pair, sizes) for pair in pairs.to_dict("records")), key=lambda o: (-o[3], -o[2], o[0]))


def _overlap(pair: dict, sizes: pd.Series) -> tuple[str, str, int, float]:
    small, large = sorted((pair[FILE], pair[f"{FILE}_other"]), key=lambda file: (sizes[file], file))
    return small, large, int(pair["n"]), pair["n"] / sizes[small]


def _told(overlaps: list[tuple[str, str, int, float]]) -> str:
    if not overlaps:
        return ""
    small, large, n, share = overlaps[0]
    more = f", and {len(overlaps) - 1} more pairs of files" if len(overlaps) > 1 else ""
    return f"; {share:.0%} of {Path(small).name} ({n:,} rows) stands in {Path(large).name} too{more}"
