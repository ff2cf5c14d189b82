"""`churn init`: from files that nobody has described to a params file that runs, and the report of the log."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from churn.cli.commands import argument, command, say, tell
from churn.errors import UserError

if TYPE_CHECKING:
    import ibis

    from churn.discovery.files import Found
    from churn.discovery.finding import Log

INIT = """Look at an export, and write a params file that runs.

Files with the same columns are one table. Found out are: which column is what (with three rows as proof), how times and
numbers are written, what leaving means, and from the log's own gaps the horizon and the dates to learn from. What is
not certain is asked, or taken and said with --yes. Beside the params file a report of the log is made: log.html.

  churn init orders.csv
  churn init events/ customers.xlsx --out shop.yaml --yes
  churn init --url '${SHOP_DB}' --table orders --table customers
"""


@command(INIT,
         argument("files", nargs="*", metavar="FILE", help="files, folders and patterns of an export"),
         argument("--out", metavar="YAML", help="the params file to write; default: the first file's name, here"),
         argument("--yes", action="store_true", help="take every proposal, and ask nothing"),
         argument("--url", metavar="'${NAME}'", help="look into a database instead: the variable that holds its url"),
         argument("--table", action="append", default=[], metavar="TABLE", dest="tables",
                  help="a table of the database; may be repeated; default: all"),
         of_all=True)  # fmt: skip
def init(given: argparse.Namespace) -> int:
    """Exit code 2 where no params file can be written."""
    if bool(given.files) == bool(given.url):
        raise UserError("init of what? name files, as in: churn init orders.csv; or a database with --url")
    asks = not given.yes and not given.as_json
    if asks and not sys.stdin.isatty():
        raise UserError("init asks on a terminal, and this is none; take every proposal with --yes")
    from churn import engine

    con = engine.embedded()
    with tempfile.TemporaryDirectory() as scratch:
        out = _out(given)
        log = _log(con, _tables(con, given, Path(scratch)), out, Path(scratch), asks=asks)
        from churn.cli import init_output

        written = given.yes or asks
        report = _write(log, out) if written else None
        told = init_output.told(log, out=out if written else None, report=report)
    return say(given, told, init_output.shown)


def _out(given: argparse.Namespace) -> Path:
    """Where the params file goes. Raises UserError where one is there already, or it cannot be."""
    from churn.discovery import finding

    first = given.tables[0] if given.tables else given.files[0] if given.files else "log"
    out = Path(given.out or f"{finding.name_of(Path(first).name)}.yaml")
    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"--out {out}: a params file ends with .yaml")
    if out.exists() and (given.yes or not given.as_json):
        raise UserError(f"{out} is there already, and may have been changed by hand; name another with --out")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}; make it, or name another")
    return out


def _tables(con: ibis.BaseBackend, given: argparse.Namespace, scratch: Path) -> list[Found]:
    from churn.discovery import database, files

    tell("looking at the columns")
    if given.url:
        return database.tables(con, given.url, given.tables, scratch)
    return files.tables(con, given.files, scratch)


def _log(con: ibis.BaseBackend, found: list[Found], out: Path, scratch: Path, *, asks: bool) -> Log:
    from churn.discovery import finding

    read = finding.proposals(found)
    if asks:
        from churn.cli import asking

        read = asking.settled(read)
    log = finding.log_of(con, finding.name_of(out.name), read, scratch / "log", tell=tell)
    return asking.horizon(log) if asks else log


def _write(log: Log, out: Path) -> str:
    """Write the params file, and make the report of the log; where that is."""
    from churn.discovery import written
    from churn.log import kept
    from churn.params import schema

    params = schema.with_snapshots(written.write(log, out), log.dates.dates)
    place = kept.keep(params, log.staged, begins=log.span.begins, ends=log.span.ends)
    tell("drawing the report of the log")
    from churn.pipeline import log_report

    return str(log_report.made(params, place))
