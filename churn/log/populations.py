"""Who counts at given snapshots and who of them leaves, by the rule that labels follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from churn.training import labels

if TYPE_CHECKING:
    from churn.sources.contract import Source

COLUMNS = ["snapshot", "population", "leavers", "stayers", "rate"]


def at(source: Source, label: dict, dates: list[str], *, rows: ibis.Table | None = None) -> pd.DataFrame:
    """One row a date, in order: snapshot, population, leavers, stayers, rate in [0, 1].

    `label` is the section of the params file with its `horizon_days`. Who leaves is told by `rows` of `labelled`: at
    dates that are not among them it is missing, and so is the rate where nobody counts.
    """
    counted = {} if rows is None else _counted(rows)
    for snapshot in dates:
        if snapshot not in counted:
            population = labels.population(source, snapshot=snapshot, label=label)
            counted[snapshot] = int(population.count().execute()), None
    found = [(t, n, left, None if left is None else n - left, left / n if left is not None and n else None)
             for t, (n, left) in ((t, counted[t]) for t in dates)]  # fmt: skip
    types = {"population": "Int64", "leavers": "Int64", "stayers": "Int64", "rate": "Float64"}
    return pd.DataFrame(found, columns=COLUMNS).astype(types)


def labelled(source: Source, label: dict, dates: list[str]) -> ibis.Table:
    """The labels of a run at these dates. Raises InvalidData where one reaches past the log."""
    rows = labels.build(source.events, source.customers, source.labels, snapshots=dates, label=label)
    return rows.cache()  # it is counted, and drawn from


def _counted(rows: ibis.Table) -> dict[str, tuple[int, int]]:
    """Snapshot -> customers, leavers; a snapshot at which nobody counts is not there."""
    each = rows.group_by("snapshot").agg(population=rows.count(), leavers=rows.churned.sum()).execute()
    return {f"{row.snapshot:%Y-%m-%d}": (int(row.population), int(row.leavers)) for row in each.itertuples()}
