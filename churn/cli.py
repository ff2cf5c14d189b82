"""The commands: flags in, one line of error and an exit code out."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence

from churn.errors import ChurnError

RUN = """\
Turn an event log into a promoted churn model: features, train, evaluate, promote. Each stage is a notebook; the
executed notebooks and their HTML are the reports, and lie in the MLflow run.

examples:
  python run_pipeline.py --params params/cdnow.yaml
  python run_pipeline.py --params params/cdnow.yaml --set train.model=hist_gradient_boosting
  python run_pipeline.py --params params/streaming.yaml --set data.customers=5000 --set seed=1

exit codes: 0 done (a refused promotion is a result, not a failure), 1 a stage failed, 2 bad parameters or input
"""


def run_pipeline(argv: Sequence[str] | None = None) -> int:
    """`python run_pipeline.py`: run every stage and say where to look next."""
    parser = argparse.ArgumentParser(
        "run_pipeline.py", description=RUN, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--params", required=True, metavar="FILE", help="a params file, such as params/cdnow.yaml")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override one parameter for this run, for example train.model=logistic; may be repeated",
    )
    given = parser.parse_args(argv)
    return _guarded(lambda: _run(given.params, given.overrides))


def _run(file: str, overrides: list[str]) -> int:
    from churn import params as schema

    params = schema.load(file, overrides)  # before the slow imports: a misspelt key is refused at once
    from churn import pipeline

    began = time.perf_counter()
    result = pipeline.run(params, tell=_say, progress=sys.stderr.isatty())
    _say(_closing(params.experiment, file, result.glued["promote"], result.reports, time.perf_counter() - began))
    return 0


def _closing(experiment: str, file: str, decision: dict, reports: dict, seconds: float) -> str:
    """What was decided, where the reports are and what to type next."""
    lines = ["", f"{experiment} version {decision['version']}: {decision['decision']} ({seconds:.0f} s)"]
    lines += [f"  - {reason}" for reason in decision["failed"]]
    lines += ["", "reports"] + [f"  {stage:<9} {path}" for stage, path in reports.items()]
    if decision["decision"] == "promoted":
        lines += [
            "",
            "next",
            f"  make serve PARAMS={file}   # then POST /predict",
            "  make ui                 # every run in MLflow",
        ]
    return "\n".join(lines)


def _guarded(action: Callable[[], int]) -> int:
    """Run a command; a failure that a person can act on becomes one line on stderr and an exit code."""
    try:
        return action()
    except ChurnError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _say(line: str) -> None:
    print(line, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `churn`."""
    gc.disable()  # a command imports 2,000 modules and ends: collecting among them is a third of its time
    from churn import commands

    parser = argparse.ArgumentParser("churn", description="Look after the models that run_pipeline.py makes.")
    commands.add_to(parser.add_subparsers(required=True, metavar="COMMAND"))
    given = parser.parse_args(argv)
    code = _guarded(lambda: given.action(given))
    gc.freeze()  # nor at its exit
    return code
