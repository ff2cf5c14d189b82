"""The tables of a replay's report. `told` is replay.json; an interval stands in brackets behind its number."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from churn.reports.replay_sentences import money

POLICIES = ["policy", "profit", "contacted", "auc", "log_loss", "came_true", "trainings", "promoted", "refused",
            "alarms"]  # fmt: skip
MONTHS = ["policy", "as_of", "decision", "production", "customers", "auc", "log_loss", "observed", "profit"]
REFUSED = ["policy", "as_of", "candidate", "refused_by", "stayed", "auc", "auc_stayed", "log_loss", "profit", "verdict"]
REPLACED = ["policy", "as_of", "replaced", "by", "auc", "auc_by", "log_loss", "profit", "verdict"]
DIFFERENCES = ["policy", "against", "profit", "dates", "customers"]
RULES = ["rule", "profit", "log_loss", "dates"]
NOT_PROMOTED = ["policy", "as_of", "candidate", "decision", "why"]
CHECK = ["as_of", "what", "replayed", "fresh"]


def policies(told: Mapping) -> pd.DataFrame:
    """What each policy did and earned: POLICIES."""
    rows = [
        policy
        | {"alarms": len(policy["alarms"]), "came_true": f"{policy['judged']} of {policy['lists']}",
           "profit": None if policy["profit"] is None else money(policy["profit"])}
        for policy in told["policies"]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=POLICIES)


def differences(told: Mapping) -> pd.DataFrame:
    """Each policy against others: DIFFERENCES."""
    rows = [row | {"profit": _with(row["profit"], row["low"], row["high"]), "dates": row["months"]}
            for row in told["differences"]]  # fmt: skip
    return pd.DataFrame(rows, columns=DIFFERENCES)


def months(told: Mapping) -> pd.DataFrame:
    """Every date of every policy: MONTHS."""
    rows = [
        month
        | {"decision": "run stopped" if month["stopped"] else month["decision"] or "none",
           "profit": None if month["profit"] is None else money(month["profit"])}
        for month in told["months"]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=MONTHS)


def not_promoted(told: Mapping) -> pd.DataFrame:
    """Every candidate that was refused or waits for a person, every run that stopped, and why: NOT_PROMOTED."""
    rows = [
        month | {"decision": "run stopped" if month["stopped"] else month["decision"],
                 "why": month["why"] if month["stopped"] else "; ".join(month["failed"])}
        for month in told["months"]
        if month["stopped"] or (month["decision"] and month["failed"])
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=NOT_PROMOTED)


def refused(told: Mapping) -> pd.DataFrame:
    """The candidates that were not promoted, against what stayed (candidate minus that): REFUSED."""
    rows = [
        _beside(row) | {"candidate": row["version"], "refused_by": ", ".join(row["failed"]), "stayed": row["ruling"],
                        "auc_stayed": row["auc_ruling"], "verdict": _verdict(row, "candidate")}
        for row in told["others"] if row["role"] == "refused"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=REFUSED)


def replaced(told: Mapping) -> pd.DataFrame:
    """The versions that a promoted one replaced, against that (replaced minus promoted): REPLACED."""
    rows = [
        _beside(row) | {"replaced": row["version"], "by": row["ruling"], "auc_by": row["auc_ruling"],
                        "verdict": _verdict(row, "replaced one")}
        for row in told["others"] if row["role"] == "replaced"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=REPLACED)


def rules(told: Mapping) -> pd.DataFrame:
    """What each rule was worth: RULES."""
    return pd.DataFrame([_beside(row) | {"dates": len(row["months"])} for row in told["rules"]], columns=RULES)


def check(told: Mapping) -> pd.DataFrame:
    """Which dates were compared with real runs, and in what they are equal: a row a date, a column a thing."""
    rows: dict[str, dict] = {}
    for row in told["check"] or []:
        rows.setdefault(row["as_of"], {})[row["what"].partition(" at ")[0]] = "equal" if row["equal"] else "DIFFERS"
    return pd.DataFrame([{"as_of": as_of} | found for as_of, found in rows.items()])


def differing(told: Mapping) -> pd.DataFrame:
    """What differs between the replay and the real runs: CHECK."""
    return pd.DataFrame([row for row in told["check"] or [] if not row["equal"]], columns=CHECK)


def _beside(row: Mapping) -> dict:
    loss = "" if row["log_loss"] is None else _with(row["log_loss"], row["log_loss_low"], row["log_loss_high"], "+.4f")
    return row | {"profit": _with(row["profit"], row["profit_low"], row["profit_high"]), "log_loss": loss}


def _verdict(row: Mapping, name: str) -> str:
    return row["verdict"] if row["verdict"] == "no difference" else f"{name} {row['verdict']}"


def _with(value: float, low: float, high: float, form: str = "") -> str:
    """A number with its interval."""
    one, *ends = (f"{number:{form}}" if form else money(number) for number in (value, low, high))
    return f"{one} ({ends[0]} to {ends[1]})"
