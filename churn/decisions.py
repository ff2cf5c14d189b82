"""Acting on the gate's verdict, and writing it down: each decision is an MLflow run of its own."""

from __future__ import annotations

from churn import registry, tracking
from churn.gate import Decision

PROMOTED, REFUSED, NEEDS_APPROVAL = "promoted", "refused", "needs approval"


def carry_out(experiment: str, version: int, verdict: Decision, *, approval: str) -> dict:
    """Move the version as the verdict says: to Production, to Staging where approval is required, or nowhere.

    Returns what happened: decision, version, failed rules, and the Production version before and after.
    """
    before = registry.production(experiment)
    outcome = REFUSED if not verdict.promote else NEEDS_APPROVAL if approval == "required" else PROMOTED
    if outcome == PROMOTED:
        registry.promote(experiment, version)
    elif outcome == NEEDS_APPROVAL:
        registry.to_staging(experiment, version)
    registry.tag(experiment, version, {"decision": outcome})
    after = registry.production(experiment)
    return {
        "decision": outcome,
        "version": version,
        "failed": verdict.failed,
        "production_before": before.version if before else None,
        "production_after": after.version if after else None,
    }


def record(experiment: str, outcome: dict, verdict: Decision, *, run_id: str) -> str:
    """Write a decision into the experiment `<experiment>-decisions`; returns its run's id. Nothing edits it."""
    run = tracking.start(f"{experiment}-decisions", tags={"decision": outcome["decision"], "pipeline_run": run_id})
    run.params({name: value for name, value in outcome.items() if name != "failed"})
    run.json(outcome | {"gate": verdict.to_dict()}, "decision.json")
    run.end("FINISHED")
    return run.id
