"""The subcommands of `churn`: what they take, do and print."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from churn.errors import UserError
from churn.params import schema


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add every subcommand to a parser."""
    _command(commands, "why", why, "Why a version is in production: decision, gate, run, data, code and metrics.", [
        (("--version",), {"type": int, "help": "a version by number; default: the one in production"}),
        (("--run",), {"metavar": "RUN_ID", "help": "the version that an MLflow run made"}), AS_JSON])  # fmt: skip
    _command(commands, "history", history, "Every decision: when, who, what, from, to and why.", [AS_JSON])
    _command(commands, "approve", approve, "Put a version that waits for approval into production.", [
        (("version",), {"type": int, "metavar": "VERSION"}), *WHO,
        (("--override",), {"action": "store_true", "help": "approve what the gate refused; it stays marked as such"}),
        AS_JSON])  # fmt: skip
    _command(
        commands,
        "rollback",
        rollback,
        "Restore the previous Production version, or another one. No training.",
        [
            (("--to",), {"type": int, "metavar": "VERSION", "help": "default: the version that was there before"}),
            *WHO,
            AS_JSON,
        ],
    )
    _command(commands, "reproduce", reproduce, "Run a version again from what its run recorded, and compare.", [
        (("version",), {"type": int, "nargs": "?", "metavar": "VERSION", "help": "default: the one in production"}),
        (("--anyway",), {"action": "store_true", "help": "go on where commit, libraries or machine differ"}),
        (("--at-commit",), {"action": "store_true", "help": "take a clean worktree of the recorded commit"}),
        (("--keep",), {"action": "store_true", "help": "leave the second run's state in place, to look into"}),
        AS_JSON])  # fmt: skip
    _command(
        commands,
        "doctor",
        doctor,
        "Find every disagreement between stages, alias, history and artifacts.",
        [(("--repair",), {"action": "store_true", "help": "make stages and alias agree with the history"}), AS_JSON],
    )

    _command(commands, "cache", cache, "Finished stages that a run can reuse: what they hold, how old they are.", [
        (("--prune",), {"type": float, "metavar": "DAYS", "dest": "unused_days",
                        "help": "remove what was not used for so many days; 0: all"}), AS_JSON])  # fmt: skip


AS_JSON = (("--json",), {"action": "store_true", "dest": "as_json", "help": "print JSON instead of text"})
WHO = [
    (("--reason",), {"required": True, "help": "why; it stays in the history"}),
    (("--by",), {"default": "", "metavar": "NAME", "help": "who decides; default: the system user"}),
]


def _command(commands, name: str, action: Callable, text: str, arguments: list) -> None:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--params", required=True, metavar="FILE", help="the params file of the experiment")
    for flags, options in arguments:
        parser.add_argument(*flags, **options)
    parser.set_defaults(action=action)


def why(given: argparse.Namespace) -> int:
    """`churn why`"""
    experiment = schema.load(given.params).experiment
    from churn.audit import why

    _print(given, why.why(experiment, version=given.version, run_id=given.run), "why")
    return 0


def history(given: argparse.Namespace) -> int:
    """`churn history`"""
    experiment = schema.load(given.params).experiment
    from churn.registry import history

    _print(given, history.decisions(experiment), "decisions")
    return 0


def approve(given: argparse.Namespace) -> int:
    """`churn approve`"""
    return _decide(given, "approve", given.version, override=given.override)


def rollback(given: argparse.Namespace) -> int:
    """`churn rollback`"""
    return _decide(given, "roll back", given.to or 0)


def reproduce(given: argparse.Namespace) -> int:
    """`churn reproduce`: exit code 1 where the second run differs, or cannot be comparison by the same means."""
    experiment = schema.load(given.params).experiment
    from churn.audit import reproduce

    flags = {"anyway": given.anyway, "at_commit": given.at_commit, "keep": given.keep}
    comparison = reproduce.reproduce(experiment, given.version, **flags, tell=_tell)
    _print(given, comparison, "reproduction")
    return 0 if comparison["identical"] else 1


def doctor(given: argparse.Namespace) -> int:
    """`churn doctor`: exit code 1 while something is wrong."""
    experiment = schema.load(given.params).experiment
    from dataclasses import asdict

    from churn.audit import doctor

    repaired = doctor.repair(experiment) if given.repair else []
    findings = doctor.examine(experiment)
    _print(given, {"repaired": repaired, "findings": [asdict(f) for f in findings]}, "health")
    return 1 if findings else 0


def cache(given: argparse.Namespace) -> int:
    """`churn cache`"""
    experiment = schema.load(given.params).experiment
    from churn.pipeline import cache, launch

    removed = []
    if given.unused_days is not None:
        if not given.unused_days >= 0:
            raise UserError(f"--prune {given.unused_days:g}: days are 0 or more; 0 removes all")
        with launch.only_one(experiment):
            removed = cache.prune(experiment, unused_days=given.unused_days)
    _print(given, {"removed": removed, "entries": cache.overview(experiment)}, "kept_stages")
    return 0


def _decide(given: argparse.Namespace, action: str, version: int, *, override: bool = False) -> int:
    """Execute the promote notebook. This process never loads MLflow: seconds, which the kernel spends meanwhile."""
    params = schema.load(given.params)
    from churn.pipeline.execution import kernels

    opened = kernels.source_of(kernels.PRODUCTION, params.experiment)
    with kernels.warm_kernel("promote", then=opened) as kernel:
        from churn.pipeline import stage_parameters
        from churn.pipeline.execution import notebook

        who = {"reason": given.reason, "by": given.by, "override": override}
        decision = notebook.decide(stage_parameters.decision_parameters(params, action, version, **who), kernel=kernel)
    _print(given, decision, "decision")
    return 1 if decision["decision"] == "refused" else 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(given: argparse.Namespace, value: object, text: str) -> None:
    from churn.cli import output

    if given.as_json:
        output.say(json.dumps(value, indent=1, default=str))
    else:
        output.show(getattr(output, text)(value))
