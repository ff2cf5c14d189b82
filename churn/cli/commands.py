"""The subcommands of `churn`, a function each: what it takes, does and prints.

A function is given the params file and the arguments, and returns the exit code. Each imports what it needs inside, so
that no command waits for another's libraries.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from churn import profile
from churn.cli import preflight
from churn.errors import UserError
from churn.params import schema
from churn.params.schema import Params

COMMANDS: dict[str, tuple[Callable, str, tuple]] = {}
OF_ALL: set[str] = set()  # commands about the state folder as a whole, which take no params file
WITHOUT_STORE: set[str] = set()  # that go on where an experiment was deleted in MLflow
BY_ITSELF: set[str] = set()  # that look themselves at what any other needs before it begins
TAUGHT = argparse.RawDescriptionHelpFormatter
REPLAY = """Live the past again through the same gate, and compare policies by what they would have earned.

At each date nothing later is seen: the decision is taken, the list is made, and once its horizon has closed it is
judged by what came true. A policy says what would have been done otherwise: when to train again, or any setting of the
params file. Nothing of production is touched: all lies in state/<experiment>/replay/. A replay that was cut short goes
on where it was when the same command is given again.

  churn replay --params params/shop.yaml
  churn replay --params params/shop.yaml --from 2024-01-01 --policy always --policy 'train.model=hist_gradient_boosting'
"""
SHOWN = 20  # customers that `churn list` prints where no number is said


def add_to(parsers: argparse._SubParsersAction) -> None:
    """Add every subcommand to a parser."""
    for name, (_, text, arguments) in COMMANDS.items():
        parser = parsers.add_parser(name, help=text.partition("\n")[0], description=text, formatter_class=TAUGHT)
        if name not in OF_ALL:
            parser.add_argument("--params", required=True, metavar="FILE", help="the params file of the experiment")
        for flag, options in arguments:
            parser.add_argument(flag, **options)
            if flag == "version":  # as one might type it, too
                parser.add_argument("--version", "--to", type=int, dest="flagged", help=argparse.SUPPRESS)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON instead of text")
        parser.set_defaults(action=lambda given, name=name: _act(name, given))


def command(
    text: str, *arguments: tuple[str, dict], of_all: bool = False, without_store: bool = False, by_itself: bool = False
) -> Callable:
    """Make a function a subcommand of its name: about the whole state folder, or about one experiment, which need not
    be in MLflow's store, or whose needs it looks at `by_itself`."""

    def add(action: Callable) -> Callable:
        name = action.__name__.rstrip("_")
        COMMANDS[name] = action, text, arguments
        OF_ALL.update({name} if of_all else ())
        WITHOUT_STORE.update({name} if of_all or without_store else ())
        BY_ITSELF.update({name} if by_itself else ())
        return action

    return add


def argument(flag: str, **options: object) -> tuple[str, dict]:
    """An argument, as argparse takes it."""
    return flag, options


def _act(name: str, given: argparse.Namespace) -> int:
    action, _, _ = COMMANDS[name]
    if name in OF_ALL:
        preflight.refuse_unusable()
        return action(given)
    _name_one_version(given)
    params = schema.load(given.params, getattr(given, "overrides", []))
    if name in BY_ITSELF:
        return action(params, given)
    profile.enter(params.engine)
    preflight.refuse_unusable("" if name in WITHOUT_STORE else params.experiment)
    return action(params, given)


def _name_one_version(given: argparse.Namespace) -> None:
    """A version is named by its number alone, or by a flag as well."""
    named = {getattr(given, name, None) for name in ("version", "flagged")} - {None}
    if len(named) > 1:
        raise UserError(f"two versions are named, {' and '.join(map(str, sorted(named)))}; name one")
    given.version = next(iter(named), None)


REASON = argument("--reason", required=True, help="why; it stays in the history")
BY = argument("--by", default="", metavar="NAME", help="who decides; default: the system user")


@command("Why a version is in production: decision, gate, run, data, code and metrics.",
         argument("version", type=int, nargs="?", metavar="VERSION", help="default: the one in production"),
         argument("--run", metavar="RUN_ID", help="the version that an MLflow run made"),
         argument("--html", metavar="FILE", help="write the audit document to an .html file, to print"))  # fmt: skip
def why(params: Params, given: argparse.Namespace) -> int:
    from churn.audit import document, why

    file = document.refuse_unwritable(given.html) if given.html else None
    told = why.why(params.experiment, version=given.version, run_id=given.run)
    if file is None:
        return say(given, told, "why")
    written = {"version": told["version"], "out": str(document.write(told, file))}
    return say(given, written, lambda of: [f"audit document of version {of['version']}: {of['out']}"])


@command("Every decision: when, who, what, from, to and why.")
def history(params: Params, given: argparse.Namespace) -> int:
    from churn.registry import history

    return say(given, history.decisions(params.experiment), "decisions")


@command("Put a version that waits for approval into production.",
         argument("version", type=int, nargs="?", metavar="VERSION", help="required"), REASON, BY,
         argument("--override", action="store_true",
                  help="approve what the gate refused; it stays marked as such"))  # fmt: skip
def approve(params: Params, given: argparse.Namespace) -> int:
    if given.version is None:
        raise UserError("approve what? name the version, as in: churn approve 4 --reason ...")
    return _decide(params, given, "approve", given.version, override=given.override)


@command("Restore the previous Production version, or another one. No training.",
         argument("version", type=int, nargs="?", metavar="VERSION",
                  help="default: the version that was there before"),
         REASON, BY)  # fmt: skip
def rollback(params: Params, given: argparse.Namespace) -> int:
    return _decide(params, given, "roll back", given.version or 0)


@command("Run a version again from what its run recorded, and compare.",
         argument("version", type=int, nargs="?", metavar="VERSION", help="default: the one in production"),
         argument("--anyway", action="store_true", help="go on where commit, libraries or machine differ"),
         argument("--at-commit", action="store_true", help="take a clean worktree of the recorded commit"),
         argument("--keep", action="store_true",
                  help="leave the second run's state in place, to look into"))  # fmt: skip
def reproduce(params: Params, given: argparse.Namespace) -> int:
    """Exit code 1 where the second run differs, or cannot be made by the same means."""
    from churn.audit import reproduce

    flags = {"anyway": given.anyway, "at_commit": given.at_commit, "keep": given.keep}
    comparison = reproduce.reproduce(params.experiment, given.version, **flags, tell=tell)
    return say(given, comparison, "reproduction") or int(not comparison["identical"])


@command("Find every disagreement between stages, alias, history and artifacts.",
         argument("--repair", action="store_true", help="make stages and alias agree with the history"),
         without_store=True)  # fmt: skip
def doctor(params: Params, given: argparse.Namespace) -> int:
    """Exit code 1 while something is wrong."""
    from dataclasses import asdict

    from churn.audit import doctor

    repaired = doctor.repair(params.experiment) if given.repair else []
    findings = [asdict(finding) for finding in doctor.examine(params.experiment)]
    return say(given, {"repaired": repaired, "findings": findings}, "health") or int(bool(findings))


@command("Finished stages that a run can reuse: what they hold, how old they are.",
         argument("--prune", type=float, metavar="DAYS", dest="unused_days",
                  help="remove what was not used for so many days; 0: all"), without_store=True)  # fmt: skip
def cache(params: Params, given: argparse.Namespace) -> int:
    from churn.pipeline import cache, launch

    removed = []
    if given.unused_days is not None:
        if not given.unused_days >= 0:
            raise UserError(f"--prune {given.unused_days:g}: days are 0 or more; 0 removes all")
        with launch.only_one(params.experiment):
            removed = cache.prune(params.experiment, unused_days=given.unused_days)
    return say(given, {"removed": removed, "entries": cache.overview(params.experiment)}, "kept_stages")


@command("Whom to contact, by the newest list: the most to gain first, as many as the budget allows.",
         argument("--top", type=int, metavar="N", help=f"the first N; printed are {SHOWN} where nothing is said"),
         argument("--out", metavar="FILE",
                  help="write them to a .csv or .parquet file instead: all, or the first N"),
         without_store=True)  # fmt: skip
def list_(params: Params, given: argparse.Namespace) -> int:
    if given.top is not None and given.top < 1:
        raise UserError(f"--top {given.top}: name 1 customer or more")
    from churn.cli import contacts

    found = contacts.newest(params.experiment)
    most = SHOWN if given.top is None and given.out is None else given.top
    told = contacts.read(found, most) if given.out is None else contacts.write(found, most, given.out)
    return say(given, told, "contacts")


@command(REPLAY,
         argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                  help="override one parameter for every policy; may be repeated"),
         argument("--from", metavar="DATE", dest="first", help="default: the first date as of which a run is possible"),
         argument("--to", metavar="DATE", dest="last", help="default: the last date whose list has come true"),
         argument("--every", choices=["day", "week", "month"], help="step of the dates; default: that of snapshots"),
         argument("--policy", action="append", default=[], dest="policies", metavar="POLICY",
                  help="always, alarm, never, months=N, or settings such as train.model=hist_gradient_boosting; may be "
                  "repeated; default: always, months=3, alarm and never"),
         argument("--check", action="store_true",
                  help="run three of the dates for real, on logs that are cut there, and compare"),
         without_store=True)  # fmt: skip
def replay(params: Params, given: argparse.Namespace) -> int:
    """Exit code 1 where --check finds a difference."""
    from churn.params import snapshots

    first, last = (day and snapshots.day_of(day, flag) for day, flag in ((given.first, "--from"), (given.last, "--to")))
    from churn.replay import replaying

    asked = replaying.Asked(given.params, given.overrides, given.policies, first, last, given.every, given.check)
    told = replaying.replay(asked, tell=tell)
    return say(given, told, "replayed") or int(any(not row["equal"] for row in told["check"] or []))


def _decide(params: Params, given: argparse.Namespace, action: str, version: int, *, override: bool = False) -> int:
    """Execute the promote notebook. This process never loads MLflow: seconds, which the kernel spends meanwhile."""
    from churn.pipeline.execution import kernels

    opened = kernels.source_of(kernels.PRODUCTION, params.experiment)
    with kernels.warm_kernel("promote", then=opened, tell=tell) as kernel:
        from churn.pipeline import stage_parameters
        from churn.pipeline.execution import notebook

        who = {"reason": given.reason, "by": given.by, "override": override}
        decision = notebook.decide(stage_parameters.decision_parameters(params, action, version, **who), kernel=kernel)
    return say(given, decision, "decision") or int(decision["decision"] == "refused")


def tell(line: str) -> None:
    """Tell whoever waits what is under way, beside the answer."""
    print(line, file=sys.stderr, flush=True)


def say(given: argparse.Namespace, value: object, text: str | Callable) -> int:
    """Print an answer: as JSON, or as the function of output.py of that name, or another one, has it."""
    from churn.cli import output

    if given.as_json:
        output.say(json.dumps(value, indent=1, default=str))
    else:
        output.show((text if callable(text) else getattr(output, text))(value))
    return 0
