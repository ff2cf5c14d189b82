"""Decisions: promote, refuse, approve, roll back. Each is acted on and written down under the registry's lock.

The run of a decision is opened, with all that is going to happen, before anything happens, and ended after it has. A
decision that a killed process left open is therefore known to whoever comes next, and is finished first.
"""

from __future__ import annotations

import getpass
from dataclasses import asdict, dataclass

from churn.errors import ModelUnavailable, RegistryError
from churn.registry import history, versions
from churn.registry.gate import Check, Decision

PROMOTED, REFUSED, NEEDS_APPROVAL, ROLLED_BACK = "promoted", "refused", "needs approval", "rolled back"


@dataclass(frozen=True)
class Request:
    """What is asked for: `action` decide, approve or roll back, of a version, by whom and why."""

    action: str
    version: int
    by: str
    reason: str
    override: bool = False
    run_id: str = ""


def request(
    experiment: str, action: str, version: int, *, by: str, reason: str, override: bool = False, run_id: str = ""
) -> Request:
    """A request; an empty `by` is the user of this process, version 0 of a rollback the one that was there before.

    Raises RegistryError for what makes no sense: nothing to go back to, nothing to approve, a gate overridden unsaid.
    """
    if action == "roll back" and not version:
        version = history.previous(history.decisions(experiment)) or 0
        if not version:
            raise RegistryError(f"no version of {experiment} was in production before this one; nothing to go back to")
    asked = Request(action, version, by or getpass.getuser(), reason, override, run_id)
    if action == "approve":
        _approvable(experiment, asked)
    return asked


def question(experiment: str, asked: Request) -> str:
    """What is asked, by whom, why, and what is in production now."""
    current = versions.production(experiment)
    now = f"version {current.version} is in production" if current else "nothing is in production"
    why = f": *{asked.reason}*" if asked.reason else ""
    return f"**{asked.by}** asks to **{asked.action}** on **{experiment} version {asked.version}**{why}. Now {now}."


def reading(verdict: Decision) -> str:
    """The verdict in a sentence."""
    if not verdict.failed:
        return f"All **{len(verdict.checks)}** rules hold."
    kind = "could not be applied, so that a person has to decide" if verdict.undecided else "fail"
    return f"**{len(verdict.failed)}** of {len(verdict.checks)} rules {kind}: " + "; ".join(verdict.failed) + "."


def told(decision: dict) -> str:
    """What was done."""
    before, after = decision["production_before"], decision["production_after"]
    now = f"In production: **version {after}**" if after else "Nothing is in production"
    was = " as before" if before == after else f", before it version {before}" if before else ", the first one"
    against = " against the gate, by override" if decision["override"] else ""
    return f"Version {decision['version']}: **{decision['decision']}**{against}. {now}{was}."


def judge(experiment: str, asked: Request, gate: Decision) -> Decision:
    """What speaks for and against: the gate's rules for a new version, the safety of the way back for a rollback."""
    if asked.action == "roll back":
        return safe_to_return(experiment, asked.version)
    return gate


def safe_to_return(experiment: str, version: int) -> Decision:
    """Whether a version can go back into production: it was there, its files are whole, its features are online."""
    found = versions.get(experiment, version)
    been = version in {made["production_after"] for made in history.decisions(experiment)}
    checks = [
        _check("been in production", been, "was in production before" if been else "never was in production",
               "A rollback restores what has served before; anything else has to pass the gate."),
        _check("files unchanged", *_files_unchanged(found),
               "A version whose files are not those that were registered must not serve."),
        _check("features online", *_features_online(experiment, found),
               "A version can only be served from features that the feature store holds."),
    ]  # fmt: skip
    return Decision(promote=all(c.passed for c in checks), checks=checks)


def carry_out(experiment: str, asked: Request, verdict: Decision, *, approval: str) -> dict:
    """Do what the verdict says, and write it down; returns the decision as its run holds it.

    Raises RegistryBusy, or RegistryError; a decision that was cut short is finished by the next one.
    """
    with versions.locked(experiment):
        history.finish_open(experiment)
        before = versions.production(experiment)
        outcome = _outcome(asked, verdict, approval)
        moves = outcome in (PROMOTED, ROLLED_BACK)
        decision = asdict(asked) | {
            "decision": outcome,
            "failed": verdict.failed,
            "production_before": before.version if before else None,
            "production_after": asked.version if moves else before.version if before else None,
            "gate": verdict.to_dict()["checks"],
        }
        return decision | {"decision_run": history.write(experiment, decision)}


def _approvable(experiment: str, asked: Request) -> None:
    """Raises RegistryError when an approval has nothing to approve, or would override the gate without saying so."""
    found = versions.get(experiment, asked.version)
    decided = found.tags.get("decision", "")
    if found.stage == "Production":
        raise RegistryError(
            f"{experiment} version {asked.version} is in production already; there is nothing to approve"
        )
    if decided != NEEDS_APPROVAL and not asked.override:
        raise RegistryError(
            f"{experiment} version {asked.version} does not wait for approval (decision: {decided or 'none'}); "
            "to approve what the gate refused, say --override: it stays marked as such"
        )


def _outcome(asked: Request, verdict: Decision, approval: str) -> str:
    if asked.action == "approve":
        return PROMOTED
    if asked.action == "roll back":
        return ROLLED_BACK if verdict.promote else REFUSED
    if verdict.promote:
        return NEEDS_APPROVAL if approval == "required" else PROMOTED
    return NEEDS_APPROVAL if verdict.undecided else REFUSED


def _check(rule: str, passed: bool, observed: str, why: str) -> Check:
    return Check(rule, None, None, observed, passed, f"{rule}: {observed}", why)


def _files_unchanged(version: versions.Version) -> tuple[bool, str]:
    try:
        versions.verified_files(version)
    except ModelUnavailable as error:
        return False, str(error)
    return True, f"digest {version.tags['digest'][:12]} as registered"


def _features_online(experiment: str, version: versions.Version) -> tuple[bool, str]:
    held = history.online_features(experiment)
    missing = sorted(set(versions.columns(version)) - held)
    return (
        not missing,
        f"not online: {', '.join(missing)}" if missing else f"all {len(versions.columns(version))} online",
    )
