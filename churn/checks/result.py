"""What a check returns: its rule, whether it holds and what was observed. Shown as a table, and acted on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from churn.errors import InvalidData


@dataclass(frozen=True)
class Check:
    """`observed` names columns, customers and times. `passed` is None where the input gives nothing to check.

    `level` error stops the run; a warning is shown.
    """

    name: str
    rule: str
    passed: bool | None
    observed: str
    level: str = "error"

    @property
    def outcome(self) -> str:
        """pass, FAIL, warning, or not checked."""
        if self.passed is None:
            return "not checked"
        if self.passed:
            return "pass"
        return "FAIL" if self.level == "error" else "warning"


def table(checks: list[Check]) -> pd.DataFrame:
    """The results as a table for the report."""
    columns = ["check", "outcome", "observed", "rule"]
    return pd.DataFrame([[c.name, c.outcome, c.observed, c.rule] for c in checks], columns=columns)


def stop_on_failure(checks: list[Check], *, of: str) -> None:
    """Raise InvalidData with every check that failed; `of` says what was checked."""
    failed = [f"{c.name}: {c.observed} (rule: {c.rule})" for c in checks if c.outcome == "FAIL"]
    if failed:
        raise InvalidData(f"the checks of {of} fail: " + "; ".join(failed))


def warnings(checks: list[Check]) -> list[str]:
    """What a person should know who reads no report: a sentence for each warning."""
    return [c.observed for c in checks if c.outcome == "warning"]


def examples(rows: pd.DataFrame) -> str:
    """Up to three of the customers, each at one snapshot, to end a sentence with."""
    few = rows.drop_duplicates("customer_id").head(3)
    named = ", ".join(f"{row.customer_id} at {row.snapshot:%Y-%m-%d}" for row in few.itertuples())
    return f", for example {named}" if named else ""
