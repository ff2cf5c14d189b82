"""Decisions: promote, refuse, approve, roll back. Each is acted on and written down under the registry's lock.

The run of a decision is opened, with all that is going to happen, before anything happens, and ended after it has. A
decision that a killed process left open is therefore known to whoever comes next, and is finished first.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from churn import state
from churn.errors import RegistryError
from churn.features import online_marker
from churn.names import in_markdown
from churn.registry import gate, history, preconditions, provenance, runs, tracking, version_levels, versions
from churn.registry.gate import Decision
from churn.registry.history import NEEDS_APPROVAL, PROMOTED, REFUSED, ROLLED_BACK


@dataclass(frozen=True)
class Request:
    """What is asked for: `action` decide, approve or roll back, of a version, by whom and why."""

    action: str
    version: int
    by: str
    reason: str
    override: bool = False
    run_id: str = ""


def make_request(
    experiment: str, action: str, version: int, *, by: str, reason: str, override: bool = False, run_id: str = ""
) -> Request:
    """A request; an empty `by` is the user of this process, version 0 of a rollback the one that was there before.

    Raises RegistryError for what makes no sense: nothing to go back to, nothing to approve, a gate overridden unsaid.
    """
    if action == "roll back" and not version:
        version = history.previous(history.decisions(experiment)) or 0
        if not version:
            raise RegistryError(f"no version of {experiment} was in production before this one; nothing to go back to")
    request = Request(action, version, by or provenance.user(), reason, override, run_id)
    if action == "approve":
        preconditions.refuse_unapprovable(experiment, version, override=override)
    return request


def describe_request(experiment: str, request: Request) -> str:
    """What is asked, by whom, why, and what is in production now."""
    current = versions.production(experiment)
    now = f"version {current.version} is in production" if current else "nothing is in production"
    why = f": *{request.reason}*" if request.reason else ""
    candidate = f"{experiment} version {request.version}"
    return f"**{request.by}** asks to **{request.action}** on **{candidate}**{why}. Now {now}."


def evaluation_of(experiment: str, version: int, file: str) -> dict:
    """The evaluation of a version: from a file (empty: none), or as the run that trained it keeps it; {} without one.

    A relative path lies in the state folder.
    """
    if file and state.path(file).exists():
        document = json.loads(state.path(file).read_text())
        if document["version"] == version:
            return document
    return runs.document(versions.get(experiment, version).run_id, "evaluation.json") or {}


def judge(experiment: str, request: Request, evaluation: dict, *, rules: dict, advisory: list[str]) -> Decision:
    """What speaks for and against: the gate's rules for a new version, the safety of the way back for a rollback.

    A version that has no level yet at the snapshot that is online gets it here, where its features tell.
    """
    version_levels.ensure(experiment, versions.get(experiment, request.version))
    if request.action == "roll back":
        return preconditions.safe_to_return(experiment, request.version)
    return gate.judge(evaluation, rules=rules, advisory=advisory)


def describe_verdict(verdict: Decision) -> str:
    """The verdict in a sentence."""
    if not verdict.failed:
        return f"All **{len(verdict.checks)}** rules hold."
    kind = "could not be applied, so that a person has to decide" if verdict.undecided else "fail"
    return f"**{len(verdict.failed)}** of {len(verdict.checks)} rules {kind}: {in_markdown('; '.join(verdict.failed))}."


def carry_out(experiment: str, request: Request, verdict: Decision, *, approval: str, four_eyes: bool = False) -> dict:
    """Do what the verdict says, and write it down; returns the decision as its run holds it.

    Raises RegistryBusy, or RegistryError; a decision that was cut short is finished by the next one. With `four_eyes`
    UserError where who approves has trained the version, whatever is overridden.
    """
    with versions.locked(experiment):
        finish_open(experiment)
        if request.action == "approve":
            preconditions.refuse_own(experiment, request.version, by=request.by, four_eyes=four_eyes)
        before = versions.production(experiment)
        there = before is not None and before.version == request.version
        outcome = _outcome(request, verdict, "automatic" if there else approval)  # what was approved needs it no more
        moves = outcome in (PROMOTED, ROLLED_BACK)
        decision = asdict(request) | {
            "decision": outcome,
            "failed": verdict.failed,
            "production_before": before.version if before else None,
            "production_after": request.version if moves else before.version if before else None,
            "gate": verdict.to_dict()["checks"],
            "level": _level(experiment, request.version, before) if moves else None,
        }
        plan = {name: decision[name] for name in (*history.PLAIN, "failed", "level")} | {"four_eyes": four_eyes}
        run = begin(experiment, _name(request, outcome), plan, document=decision)
        apply(experiment, plan, run)
        return decision | {"decision_run": run.id, "said": history.said(decision)}


def begin(experiment: str, name: str, plan: dict, *, document: dict) -> tracking.Run:
    """The run of a decision, with all that is going to happen, begun later than any other by whichever clock: the
    order of these runs is the history. Under the lock."""
    held = history.experiment_of(experiment)
    after, tags = runs.last_started(held), {"decision": plan["decision"], "plan": json.dumps(plan)}
    versions.check_lock(experiment)
    run = tracking.start(held, name=name, tags=tags, after=after)
    run.json(document, "decision.json")
    return run


def finish_open(experiment: str) -> list[str]:
    """Finish the decisions that a killed process left open, oldest first; returns their runs. Under the lock."""
    unfinished = history.unfinished(experiment)
    for open_run in unfinished:
        run = tracking.Run(open_run["id"], owned=True)
        versions.check_lock(experiment)
        run.tags({"finished_by": "repair"})
        apply(experiment, json.loads(open_run["tags"]["plan"]), run)
    return [open_run["id"] for open_run in unfinished]


def describe_decision(decision: dict) -> str:
    """What was done."""
    if decision["action"] == "roll back":
        return f"**{decision['said'].capitalize()}**."
    before, after = decision["production_before"], decision["production_after"]
    if before == after == decision["version"] and not decision["override"]:
        return f"**{decision['said'].capitalize()}**."
    now = f"In production: **version {after}**" if after else "Nothing is in production"
    was = " as before" if before == after else f", before it version {before}" if before else ", the first one"
    against = " against the gate, by override" if decision["override"] else ""
    return f"Version {decision['version']}: **{decision['decision']}**{against}. {now}{was}."


def keep_report(decision_run: str, *files: str) -> None:
    """A decision's executed notebook and its HTML belong to the decision's run."""
    for file in files:
        tracking.Run(decision_run, owned=False).file(file, "notebooks")


def _outcome(request: Request, verdict: Decision, approval: str) -> str:
    if request.action == "approve":
        return PROMOTED
    if request.action == "roll back":
        return ROLLED_BACK if verdict.promote else REFUSED
    if verdict.promote:
        return NEEDS_APPROVAL if approval == "required" else PROMOTED
    return NEEDS_APPROVAL if verdict.undecided else REFUSED


def _name(request: Request, outcome: str) -> str:
    """What MLflow's pages call the run of a decision: `promote version 2`, `refuse to roll back to version 1`."""
    asked = {"approve": "approve", "roll back": "roll back to"}.get(request.action, "promote")
    refused = {REFUSED: "refuse to ", NEEDS_APPROVAL: "wait for approval to "}.get(outcome, "")
    return f"{refused}{asked} version {request.version}"


def apply(experiment: str, plan: dict, run: tracking.Run) -> None:
    """Do what a decision plans and end its run. Every step may have been done before: what is right stays as it is."""
    version = plan["version"]
    if plan["action"] == "level":
        versions.tag(experiment, version, plan["tag"])
    elif plan["production_after"] == version:
        versions.put_into_production(experiment, version)
    elif plan["decision"] == NEEDS_APPROVAL:
        versions.to_staging(experiment, version)
    if plan["action"] not in ("roll back", "level"):
        marks = {name: "true" for name in ("override", preconditions.FOUR_EYES) if plan.get(name)}
        versions.tag(experiment, version, {"decision": plan["decision"]} | marks)
    versions.check_lock(experiment)
    run.params({name: plan[name] for name in (*history.PLAIN, "failed")})
    run.end("FINISHED")


def _level(experiment: str, version: int, before: versions.Version | None) -> dict | None:
    """The level at the snapshot online: from that of the version before, to that of a version that goes into
    production, and why. Raises RegistryError where it has none, for it could not be served."""
    snapshot = online_marker.current(experiment)[0]
    to = version_levels.of(versions.get(experiment, version), snapshot)
    if to is None and snapshot:
        raise RegistryError(
            f"{experiment} version {version} has no level at {snapshot}, the snapshot that is online; "
            "run the pipeline, which finds it out for the version in production"
        )
    return level_change(snapshot, version_levels.of(before, snapshot) if before else None, to) if to else None


def level_change(snapshot: str, before: dict | None, to: dict) -> dict:
    return {"snapshot": snapshot, "from": before and before["log_odds"], "to": to["log_odds"], "why": to["why"]}
