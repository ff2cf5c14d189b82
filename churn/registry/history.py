"""The decisions of an experiment as their MLflow runs hold them. They are the history; nothing edits it."""

from __future__ import annotations

import json

from churn.registry import runs

PROMOTED, REFUSED, NEEDS_APPROVAL, ROLLED_BACK = "promoted", "refused", "needs approval", "rolled back"
PLAIN = ("action", "version", "by", "reason", "override", "run_id", "decision", "production_before", "production_after")


def experiment_of(experiment: str) -> str:
    """The MLflow experiment that holds the decisions about another one's versions."""
    return f"{experiment}-decisions"


def decisions(experiment: str) -> list[dict]:
    """Every decision, oldest first: when, who, what, from, to, why, and the run that holds its notebook."""
    return [_read(run) for run in runs.of(experiment_of(experiment), status="FINISHED")]


def unfinished(experiment: str) -> list[dict]:
    """Runs of decisions that were begun and not ended."""
    return runs.of(experiment_of(experiment), status="RUNNING")


def gate_of(decision_run: str) -> list[dict]:
    """The rules that a decision applied, each with limit, value and outcome, as its run keeps them."""
    return (runs.document(decision_run, "decision.json") or {}).get("gate", [])


def said(decision: dict) -> str:
    """What was decided and what is in production since, in a sentence without its full stop."""
    version, before, after = (decision[name] for name in ("version", "production_before", "production_after"))
    if decision["action"] == "level":
        level = decision["level"]
        before_it = "" if level["from"] is None else f", before it {level['from']:+.3f}"
        return f"version {version}: level {level['to']:+.3f} at {level['snapshot']}{before_it}; {level['why']}"
    stays = f"version {after} stays in production" if after else "nothing is in production"
    if before == after == version and decision["action"] == "decide":
        if decision["decision"] == "promoted":
            return f"version {version} is in production already, and stays"
        short = "fails rules" if decision["decision"] == "refused" else "needs a person's look"
        return f"version {version} is in production and stays, though it now {short}; `churn rollback` takes it out"
    if decision["action"] != "roll back":
        against = " by override" if decision["override"] else ""
        return f"version {version}: {decision['decision']}{against}; in production: version {after or 'none'}"
    if after != version:
        return f"the way back to version {version} was {decision['decision']}, {stays}"
    if before == after:
        return f"version {after} was in production already, and stays"
    return (
        f"version {before} was taken out of production, version {after} is back"
        if before
        else (f"version {after} is back in production")
    )


def production_lineage(decisions: list[dict]) -> list[int]:
    """The versions that led to the one in production, in order: a promotion adds one, a rollback takes back to one.

    `production_lineage([promoted 1, promoted 2, promoted 3, rolled back to 2])` is `[1, 2]`.
    """
    lineage: list[int] = []
    for decision in decisions:
        after = decision["production_after"]
        if after is None or lineage[-1:] == [after] or decision["action"] == "level":
            continue
        back = decision["action"] == "roll back" and after in lineage
        lineage = lineage[: lineage.index(after) + 1] if back else [*lineage, after]
    return lineage


def previous(decisions: list[dict]) -> int | None:
    """The version that a rollback restores; None when there is none."""
    lineage = production_lineage(decisions)
    return lineage[-2] if len(lineage) > 1 else None


def _read(run: dict) -> dict:
    plan = json.loads(run["tags"]["plan"])
    return {
        "at": run["ended"],
        **plan,
        "said": said(plan),
        "decision_run": run["id"],
        "repaired": run["tags"].get("finished_by") == "repair",
    }
