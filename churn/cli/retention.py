"""The subcommands of `churn` about what is kept: a copy of the state, the way back, and what is forgotten."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from churn.cli.commands import argument, command, say
from churn.errors import UserError
from churn.params.schema import Params
from churn.sources.identifiers import identifier

if TYPE_CHECKING:
    from rich.console import RenderableType


@command("""Copy the state folder into one file: runs, models, decisions, features, lists, the prediction log.

Nothing runs or decides while it is copied; the API goes on. Left out is what is made again by itself (finished stages,
see `churn cache`). What lies on servers (MLFLOW_TRACKING_URI, Redis) is named, and kept there. The file holds the ids
of customers: it is readable for its owner alone.

example: churn backup --out /backups/churn-$(date +%F).tar""",
         argument("--out", required=True, metavar="FILE.tar", help="the file to write; one that is there is replaced"),
         of_all=True)  # fmt: skip
def backup_(given: argparse.Namespace) -> int:
    from churn.retention import backup

    return say(given, backup.make(given.out), _backup)


@command("""Put a backup into an empty state folder, here or at another machine.

The state folder is state/, or the one that CHURN_STATE names. MLflow's database is led to where its artifacts lie now.
After a kill the same command finishes.

example: CHURN_STATE=/var/lib/churn churn restore /backups/churn-2026-11-26.tar""",
         argument("file", metavar="FILE.tar", help="what `churn backup` has written"), of_all=True)  # fmt: skip
def restore(given: argparse.Namespace) -> int:
    from churn.retention import backup

    return say(given, backup.restore(given.file), _restored)


@command("""Forget answers that the API gave long ago, or all of one customer.

By age: the days of the prediction log (answers with ids and features, and who was refused) that are longer ago; what is
forgotten, `monitor` no longer holds against what came true. By customer: their rows in the prediction log, in the lists
of whom to contact, and online, where they are unknown from then on. Take the customer out of the input first, or the
next run brings them back. What MLflow keeps of runs is left alone: docs/how-to/backup.md.

examples:
  churn forget --params P --answers-older-than 365d --plan
  churn forget --params P --customer 00005""",
         argument("--answers-older-than", metavar="DAYS", dest="days", help="such as 365d"),
         argument("--customer", metavar="ID", help="a customer's id, as in the log"),
         argument("--plan", action="store_true", help="say what would be removed, and remove nothing"),
         without_store=True)  # fmt: skip
def forget(params: Params, given: argparse.Namespace) -> int:
    if (given.days is None) == (given.customer is None):
        raise UserError("forget what? name --answers-older-than DAYS or --customer ID, one of them")
    from dataclasses import asdict

    from churn.pipeline import launch
    from churn.retention import forgetting

    days = None if given.days is None else forgetting.days_of(given.days)
    customer = identifier(given.customer or "")
    if days is None and not customer:
        raise UserError(f"--customer {given.customer!r} is no id; name one as in the log")
    with launch.only_one(params.experiment):
        if days is None:
            removed = forgetting.customer(params.experiment, customer, plan=given.plan)
        else:
            removed = forgetting.answers_older_than(params.experiment, days, plan=given.plan)
    return say(given, {"plan": given.plan, "removed": [asdict(one) for one in removed]}, _forgotten)


def _backup(told: dict) -> list[RenderableType]:
    """What a backup holds."""
    held = f"{told['files']:,} files, {told['bytes'] / 1e6:,.1f} MB: {', '.join(told['experiments'])}"
    return [f"{told['out']}: {held}", *(f"not in it: {what}" for what in told["without"])]


def _restored(told: dict) -> list[RenderableType]:
    """What a state folder holds now."""
    moved = "" if told["state"] == told["restored"] else f", then in {told['state']}"
    held = f"{told['restored']}: {', '.join(told['experiments'])}, as of {told['made']}{moved}"
    return [held, *(f"not in it: {what}" for what in told["without"])]


def _forgotten(told: dict) -> list[RenderableType]:
    """What was removed, or would be."""
    from churn.cli import output

    rows = [[one["what"], f"{one['rows']:,}", f"{one['files']:,}"] for one in told["removed"]]
    said = "would be removed; nothing was" if told["plan"] else "removed"
    return [output.table(["what", "rows", "files"], rows), said]
