"""The subcommand `churn check`: everything that can be known of a run before it begins, in one table."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from churn.cli import preflight, tracking_store
from churn.cli.commands import argument, command, say, tell
from churn.errors import ChurnError, UserError
from churn.params import schema
from churn.params.schema import Params

if TYPE_CHECKING:
    from rich.console import RenderableType

    from churn.pipeline.check.before import AtSnapshots, Checked

CURVE = ("all", "1 event", "10 and more")  # groups of the return curve that are printed


@command("""Everything that can be known of a run before it begins, in seconds: files, rows, dates, who leaves, room.

Each refusal is that of the run, in its words. Exit code 2 where one would stop it. The log is read once and kept in
state/<experiment>/log/, so that another horizon is told at once, beside what the params file says by itself.

examples:
  churn check --params P
  churn check --params P --set label.horizon_days=90""",
         argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                  help="override one parameter, for example label.horizon_days=90; may be repeated"),
         argument("--as-of", metavar="DATE", help="check a run of that day, as run_pipeline.py takes it"),
         by_itself=True)  # fmt: skip
def check(params: Params, given: argparse.Namespace) -> int:
    """Exit code 2 where something would stop the run."""
    from churn.params import snapshots

    as_of = None if given.as_of is None else snapshots.day_of(given.as_of)
    preflight.refuse_state_folder()
    from churn.pipeline.check import before
    from churn.pipeline.check.found import Found

    found = Found()
    found.look("MLflow", lambda: tracking_store.refuse_unusable(params.experiment), lambda _: tracking_store.shown())
    file = _file(given)
    checked = before.check(params, found, as_of=as_of, file=file, tell=tell)
    say(given, _document(params, file, checked), _shown)
    if checked.found.first is not None:
        raise UserError(checked.found.first)
    return 0


def _file(given: argparse.Namespace) -> Params | None:
    """The params file by itself, where something of it is overridden and it is valid."""
    try:
        return schema.load(given.params) if given.overrides else None
    except ChurnError:
        return None


def _document(params: Params, file: Params | None, checked: Checked) -> dict:
    """What is told, as plain values."""
    now, before = [_plain(at) for at in checked.at[:1]], [_plain(at) for at in checked.at[1:]]
    return {
        "experiment": params.experiment,
        "rows": [asdict(row) for row in checked.found.rows],
        "stops": checked.found.first,
        "snapshots": now[0] if now else [],
        "by_the_file": before[0] if before else [],
        "curve": _curve(checked),
        "silent_for_a_horizon": _returning(params, file, checked),
    }


def _curve(checked: Checked) -> list[dict]:
    from churn.log import silence

    return [] if checked.silences is None else silence.curve_of(checked.silences).to_dict("records")


def _returning(params: Params, file: Params | None, checked: Checked) -> list[dict]:
    """Of whom nobody has heard for the horizon, the share that comes back: by these parameters, and by the file's."""
    from churn.log import silence

    if checked.silences is None:
        return []
    horizons = [("now", params.horizon_days), *([("file", file.horizon_days)] if file else [])]
    shares = [(by, days, silence.returning(checked.silences, days)) for by, days in horizons]
    return [{"by": by, "days": days, "share": None if share != share else share} for by, days, share in shares]


def _plain(at: AtSnapshots) -> list[dict]:
    rows = at.rows.astype(object).where(at.rows.notna(), None)
    return rows.to_dict("records")


def _shown(told: dict) -> list[RenderableType]:
    from churn.cli import output

    rows = [[row["what"], " ".join(row["found"].split()), row["outcome"]] for row in told["rows"]]
    parts = [output.table(["what", "found", "outcome"], rows)]
    if told["by_the_file"]:
        parts += ["", *_beside(told["snapshots"], told["by_the_file"])]
    if told["curve"]:
        parts += ["", *_curve_shown(told["curve"], told["silent_for_a_horizon"])]
    return parts


def _beside(now: list[dict], before: list[dict]) -> list[RenderableType]:
    """Who counts and leaves, beside what the params file says by itself."""
    from churn.cli import output

    columns = ["", "snapshot", "customers", "left", "rate", "by the file", "customers", "left", "rate"]
    return [output.table(columns, [[one["role"], *_cells(one), *_cells(other)] for one, other in _pairs(now, before)])]


def _pairs(now: list[dict], before: list[dict]) -> list[tuple[dict, dict]]:
    """Snapshots of one role side by side, the newest with the newest."""
    pairs = []
    for role in ("train", "test", "serve"):
        ours, theirs = ([row for row in rows if row["role"] == role][::-1] for rows in (now, before))
        length = max(len(ours), len(theirs))
        padded = (rows + [{"role": role}] * (length - len(rows)) for rows in (ours, theirs))
        pairs += [*zip(*padded, strict=True)][::-1]
    return pairs


def _cells(row: dict) -> list[str]:
    if "snapshot" not in row:
        return [""] * 4
    left, rate = row["leavers"], row["rate"]
    known = [f"{left:,}" if left is not None else "", f"{rate:.1%}" if rate is not None else ""]
    return [row["snapshot"], f"{row['population']:,}", *known]


def _curve_shown(curve: list[dict], at_horizon: list[dict]) -> list[RenderableType]:
    """Who comes back after so many days of silence."""
    from churn.cli import output

    days = sorted({row["days"] for row in curve})
    share = {(row["group"], row["days"]): f"{row['share']:.1%}" for row in curve}
    groups = [group for group in CURVE if any(row["group"] == group for row in curve)]
    rows = [[f"{d}", *(share.get((group, d), "") for group in groups)] for d in days]
    return [
        "of customers who have been silent for so many days, the share that comes back within a year",
        output.table(["days", *groups], rows),
        *(_at_horizon(**one) for one in at_horizon),
    ]


def _at_horizon(by: str, days: int, share: float | None) -> str:
    whose = "the horizon" if by == "now" else "that of the file"
    return f"{whose}, {days} days: " + ("nobody was silent for so long" if share is None else f"{share:.1%}")
