"""What `churn init` proposes for the columns of a log, against what is true of them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.discovery.log import Log


@dataclass(frozen=True)
class Judged:
    """Sentences: one for each meaning that one column alone has, and one for each wrong column that is called sure."""

    right: list[str]
    missed: list[str]
    wrong: list[str]


def judge(log: Log, tables: list[dict]) -> Judged:
    """`tables` as `churn init --json` tells them; of each the `role`, and of `columns` role, column and sure."""
    proposed = [(table["role"], column) for table in tables for column in table["columns"]]
    right, missed = [], []
    for (table, role), meant in log.columns.items():
        found = [c for t, c in proposed if (t, c["role"]) == (table, role) and log.right(table, role, c["column"])]
        for column in sorted(meant) if (table, role) not in log.also else ():
            hit = any(role != "segment" or c["column"].strip('"') == column for c in found)
            (right if hit else missed).append(f"{table}.{role} is {column}")
    wrong = [
        f"{table}.{column['role']} is said to be {column['column']} ({column.get('why', '')})"
        for table, column in proposed
        if column["sure"] and not (table in log.headers and log.right(table, column["role"], column["column"]))
    ]
    return Judged(right, missed, wrong)
