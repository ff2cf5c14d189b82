"""The commands: flags in, one line of error and an exit code out."""

from __future__ import annotations

import argparse
import errno
import gc
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from churn import state
from churn.cli import preflight
from churn.errors import ChurnError, StageFailed

if TYPE_CHECKING:
    from churn.pipeline.run import Run

RUN = """\
Turn an event log into a promoted churn model, and come back every month: features, monitor, train, evaluate, promote,
score. Each stage is a notebook; the executed notebooks and their HTML are the reports, and lie in the MLflow run. A
stage whose notebook, parameters, code, libraries and input have not changed is reused from an earlier run; the decision
(promote) is always taken anew. Monitor looks back at what the model in production promised and decides, by the rule
`retrain` of the params file, whether train, evaluate and promote run; score lists whom to contact.

examples:
  python run_pipeline.py --params params/cdnow.yaml
  python run_pipeline.py --params params/cdnow.yaml --plan
  python run_pipeline.py --params params/cdnow.yaml --set train.model=hist_gradient_boosting
  python run_pipeline.py --params params/cdnow.yaml --stages evaluate,promote
  python run_pipeline.py --params params/streaming.yaml --as-of 2024-02-01
  python run_pipeline.py --params params/streaming.yaml --set retrain.when=alarm --exit-code
  python run_pipeline.py --params params/streaming.yaml --set data.customers=5000 --set seed=1 --fresh

exit codes: 0 done (a refused promotion is a result, not a failure), 1 a stage failed, 2 bad parameters or input,
130 interrupted; with --exit-code also 3 the candidate was refused, 4 there is an alarm (whatever was decided)
"""

AS_OF = """run as on that day, 00:00 UTC: what happened or arrived on it or later is not seen, whatever the log holds,
and a rule for the snapshots (snapshots: {every: month, train: 3}) becomes the dates of then: serve is that
day, test the newest date of the grid whose horizon has closed, train the newest before it whose labels were
known; without it, a rule is resolved as of the first midnight after the log's last event"""
REFUSED, ALARM = 3, 4  # exit codes
INTERRUPTED_QUERY = "Query interrupted"  # what DuckDB makes of Ctrl-C
NO_ACCESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
REFUSED_BY_SQLITE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN")


def run_pipeline(argv: Sequence[str] | None = None) -> int:
    """`python run_pipeline.py`: run every stage and say where to look next."""
    given = run_parser().parse_args(argv)
    sys.setswitchinterval(0.0005)  # who prepares reports must not hold up who speaks with a kernel
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end, as with Ctrl-C
    with _short_process():
        return _guarded(lambda: _run(given))


def run_parser() -> argparse.ArgumentParser:
    """The flags of run_pipeline.py."""
    parser = argparse.ArgumentParser(
        "run_pipeline.py", description=RUN, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--params", required=True, metavar="FILE", help="a params file, such as params/cdnow.yaml")
    add("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
        help="override one parameter for this run, for example train.model=logistic; may be repeated")  # fmt: skip
    add("--as-of", metavar="DATE", help=AS_OF)
    add("--stages", metavar="A,B", help="run these stages, reuse those that they need and leave the others")
    add(
        "--fresh",
        action="store_true",
        help="run every stage, whatever could be reused; with --stages those and the ones that they need",
    )
    add("--plan", action="store_true", help="say what would run, what would be reused, and why; run nothing")
    add("--exit-code", action="store_true", help="end with 4 under an alarm, else with 3 after a refusal: for cron, CI")
    add("--quiet", action="store_true", help="tell the end and errors only")
    return parser


def _run(given: argparse.Namespace) -> int:
    from churn.params import schema, snapshots

    params = schema.load(given.params, given.overrides)  # before the slow imports: a misspelt key is refused at once
    as_of = None if given.as_of is None else snapshots.day_of(given.as_of)
    preflight.refuse_unusable(params.experiment)
    from churn.cli import output, progress
    from churn.pipeline import launch, plan

    selection = plan.Selection(given.fresh, () if given.stages is None else plan.stages_of(given.stages))
    if given.plan:
        return _plan(launch.planned(params, selection, as_of=as_of, tell=output.say))
    began = time.perf_counter()
    listener = progress.to(selection.stages, quiet=given.quiet)
    try:
        run = launch.launch(params, selection=selection, listener=listener, as_of=as_of)
    except StageFailed as error:
        if error.run.index:
            error.add_note(f"  report    {error.run.index}")
        raise
    output.say("\n".join(_closing(run, given.params, time.perf_counter() - began)))
    return _exit_code(run) if given.exit_code else 0


def _exit_code(run: Run) -> int:
    """4 under an alarm, 3 after a refusal: what whoever is not there would want to be told first."""
    refused = run.glued.get("promote", {}).get("decision") == "refused"
    return ALARM if run.alarm else REFUSED if refused else 0


def _plan(steps: list) -> int:
    from churn.cli import output

    for step in steps:
        what = "skip" if step.skipped else "reuse" if step.entry else "run"
        output.say(f"{step.stage:<9} {what:<6} {step.why}")
    return 0


def _closing(run: Run, file: str, seconds: float) -> list[str]:
    """What was decided, what ran, where the reports are and what to type next."""
    decision, outcome = run.glued.get("promote"), f"{', '.join(run.selection.only)} done"
    if decision:
        outcome = f"version {decision['version']}: {decision['decision']}"
    elif not run.selection.only:
        outcome = f"not trained: {run.glued['monitor']['why']}"
    reasons = [f"  - {why}" for why in (decision or {}).get("failed", [])]
    lines = ["", f"{run.params.experiment} {outcome} ({seconds:.0f} s)", *reasons]
    if run.alarm:
        lines += [f"  ALARM: {run.glued['monitor']['alarm_said']}"]
    said = [text for stage in ("monitor", "score") for text in run.glued.get(stage, {}).get("said", [])]
    lines += [f"  {text.replace('`', '')}" for text in said]
    lines += ["", f"  {'stage':<9} {'':<7} {'seconds':>7} {'memory':>8}  report"]
    for d in run.done:
        memory = f"{d.peak_mb:,.0f} MB" if d.peak_mb else "-"
        lines.append(f"  {d.stage:<9} {d.outcome:<7} {d.seconds:7.1f} {memory:>8}  {d.report or '-'}")
    lines += ["", f"start at {run.index}"]
    if decision and decision["decision"] == "promoted":
        lines += [
            "",
            "next",
            f"  {_make()} serve PARAMS={shlex.quote(_params_to_serve(run, file))}   # then POST /predict",
            f"  {_make()} ui                 # every run in MLflow",
        ]
    return lines


def _make() -> str:
    """`make`, as it is typed where one stands."""
    return "make" if Path.cwd() == state.PROJECT else f"make -C {shlex.quote(str(state.PROJECT))}"


def _params_to_serve(run: Run, file: str) -> str:
    """The params file that serves what a run has made: its own, where a --set named another experiment or a limit."""
    from churn.params import schema

    try:
        own = schema.load(file)
    except ChurnError:  # the file alone is not valid
        own = None
    if own and (own.experiment, own.serving) == (run.params.experiment, run.params.serving):
        return file if Path.cwd() == state.PROJECT else str(Path(file).absolute())
    import yaml

    return str(state.write_text(run.folder / "params.yaml", yaml.safe_dump(run.params.model_dump(), sort_keys=False)))


def _guarded(action: Callable[[], int]) -> int:
    """Run a command; a failure that a person can act on becomes one line on stderr and an exit code."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  (closed: `>&-`)
    sys.stdout.reconfigure(errors="replace")  # a terminal without our signs shows others
    try:
        return action()
    except ChurnError as error:
        message = "\n".join([f"error: {error}", *getattr(error, "__notes__", [])])
        print("".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in message), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if str(error) == INTERRUPTED_QUERY:
            return _interrupted()
        if _is_mlflows(error):
            print(f"error: MLflow refuses: {' '.join(str(error).split())[:600]}", file=sys.stderr)
            return 2
        if (refused := _refused_by_the_system(error)) is None:
            raise
        print(f"error: {refused}; make room or give access, then type the same command", file=sys.stderr)
        return 1


def _interrupted() -> int:
    print("interrupted", file=sys.stderr)
    return 130


def _refused_by_the_system(error: BaseException) -> BaseException | None:
    """The full disk or the missing permission behind an error, however many others it has led to."""
    chain, todo = [], [error]
    while todo:
        if (error := todo.pop()) is not None and error not in chain:
            chain.append(error)
            todo += [error.__context__, error.__cause__]
    return next(filter(_is_refusal, chain), None)


def _is_mlflows(error: BaseException) -> bool:
    """Whether it is what MLflow raises, which is known only where MLflow has been loaded."""
    known = sys.modules.get("mlflow.exceptions")
    return known is not None and isinstance(error, known.MlflowException)


def _is_refusal(error: BaseException) -> bool:
    database = getattr(error, "sqlite_errorname", "").startswith(REFUSED_BY_SQLITE)
    return database or (isinstance(error, OSError) and error.errno in NO_ACCESS)


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `churn`."""
    given = churn_parser().parse_args(argv)
    with _short_process():
        return _guarded(lambda: given.action(given))


def churn_parser() -> argparse.ArgumentParser:
    """The subcommands of `churn` and their flags."""
    from churn.cli import check, commands, init, retention  # noqa: F401  whose commands are added to those

    parser = argparse.ArgumentParser("churn", description="Look after the models that run_pipeline.py makes.")
    commands.add_to(parser.add_subparsers(required=True, metavar="COMMAND"))
    return parser


@contextmanager
def _short_process() -> Iterator[None]:
    """A command imports 2,000 modules and ends: collecting garbage among them is a third of its time."""
    gc.disable()
    yield
    if "_duckdb" not in sys.modules:  # which complains of leaks where Python ends without collecting
        gc.freeze()  # nor at its exit
