"""What each part costs as the log grows: `python benchmarks/scale.py [--sizes 1,10,100] [--parts features,pipeline]`.

Sizes are millions of simulated events (7,600 customers over 14 months each). Every measurement is a process of its own
with its peak memory; the seconds of a part are those of its work, without imports. What was measured is kept in
`scale/results.json` of the state folder (CHURN_STATE): an interrupted run goes on where it ended, `--again` measures
anew, `--tables` prints what is there, and `--write` puts it into docs/. The inputs, made once a size, go when all of
it is measured, unless `--keep`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)  # not this folder: its serving.py is not the package

from benchmarks import online_write  # noqa: E402
from benchmarks.scaling import report  # noqa: E402
from benchmarks.scaling.measured import alone, whole_run  # noqa: E402

CUSTOMERS = 7_600  # for a million events
AT_MOST = {"pandas": 10, "feast_default": 10, "feast": 10}  # millions of events: beyond, memory or hours are wanting
LOADED = {
    "ours": ["churn.features.store", "churn.features.definitions.terms"],
    "feast_default": ["churn.features.store"],
    "sql": ["duckdb"],
    "asof": ["duckdb"],
    "polars": ["polars"],
    "pandas": ["pandas", "pyarrow.dataset"],
}
CONTENDERS = {"features": ["ours", "sql", "polars", "pandas"], "join": ["ours", "asof", "feast_default"]}
PARTS = ("features", "join", "online", "score", "pipeline")
PIPELINE = """experiment: scale
seed: 7
data: {{source: streaming, customers: {customers}, months: 14, seed: 7}}
label: {{rule: event, kind: cancel, horizon_days: 30}}
snapshots: {{train: [2023-06-01, 2023-07-01, 2023-08-01], test: 2023-10-01, serve: 2023-12-01}}
"""


class Results:
    """What was measured, kept after each measurement: part -> millions of events -> what -> seconds and peak_mb."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def held(self) -> dict:
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def has(self, part: str, size: int, what: str) -> bool:
        return what in self.held.get(part, {}).get(str(size), {})

    def keep(self, part: str, size: int, what: str, found: dict) -> None:
        held = self.held  # another run may have added to it
        held.setdefault(part, {}).setdefault(str(size), {})[what] = found
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_suffix(".new")
        beside.write_text(json.dumps(held, indent=1))
        beside.replace(self.file)
        print(f"{part}, {size}M events, {what}: {found['seconds']:.2f} s, {found['peak_mb']:,.0f} MB", file=sys.stderr)


def main() -> None:
    given = _parser().parse_args()
    home = Path(os.environ.get("CHURN_STATE") or PROJECT / "state").resolve() / "scale"
    results = Results(home / "results.json")
    if not given.tables:
        for size in given.sizes:
            folder = home / f"{size}M"
            for part in given.parts:
                MEASURE[part](results, size, folder, given)
            if not given.keep:
                shutil.rmtree(folder, ignore_errors=True)
    print(report.tables(results.held), report.rates(results.held), sep="\n\n### At the far end\n\n")
    if given.write:
        report.write(results.held, PROJECT / "docs")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[1, 10])
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest counts; beyond 10M events one")
    parser.add_argument("--again", action="store_true", help="measure what was measured already")
    parser.add_argument("--keep", action="store_true", help="keep the simulated inputs")
    parser.add_argument("--tables", action="store_true", help="measure nothing, print what is there")
    parser.add_argument("--write", action="store_true", help="put tables and figure into docs/")
    return parser


def of_contenders(part: str):
    """Measure each contender of a part in turn, and refuse one whose rows are others than ours."""

    def measure(results: Results, size: int, folder: Path, given: argparse.Namespace) -> None:
        wanted = [c for c in CONTENDERS[part] if size <= AT_MOST.get(c, size)]
        missing = [c for c in wanted if given.again or not results.has(part, size, c)]
        if not missing:
            return
        place = _input(part, size, folder)
        found: dict[str, list[dict]] = {}
        for _ in range(given.rounds if size <= 10 else 1):
            for contender in dict.fromkeys(["ours", *missing]):
                out = folder / part / contender
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir(parents=True)
                call = f"{part}.{contender}", place, out
                told = alone(*call, loaded=LOADED[contender], state=place if part == "join" else folder / "state")
                found.setdefault(contender, []).append(told)
        for contender, rounds in found.items():
            if contender != "ours":
                exactly = contender not in ("polars", "pandas")
                alone(f"{part}.refuse_differing", folder / part / contender, folder / part / "ours", exactly=exactly)
            results.keep(part, size, contender, min(rounds, key=lambda told: told["seconds"]))

    return measure


def _input(part: str, size: int, folder: Path) -> Path:
    """The simulated log, or for the join its tables with half a million rows a million events."""
    place = folder / ("log" if part == "features" else "tables")
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        amount = size * (CUSTOMERS if part == "features" else 500_000)
        alone(f"{part}.make", place, amount=amount, state=folder / "state")
        (place / "complete").touch()
    return place


def score(results: Results, size: int, folder: Path, given: argparse.Namespace) -> None:
    """From feature tables to the list, on one core: benchmarks/score.py."""
    if given.again or not results.has("score", size, "ours"):
        command = [sys.executable, "benchmarks/score.py", "--json", "--rounds", "3", "--customers"]
        done = subprocess.run([*command, str(size * CUSTOMERS)], check=True, cwd=PROJECT, stdout=subprocess.PIPE)
        [told] = [row for row in json.loads(done.stdout) if row["model"] == "logistic regression"]
        results.keep("score", size, "ours", told)


def online(results: Results, size: int, folder: Path, given: argparse.Namespace) -> None:
    """One snapshot of 27 features put online: benchmarks/online_write.py."""
    if given.again or not results.has("online", size, "ours"):
        leave_out = ("feast",) if size > AT_MOST["feast"] else ()
        for way, told in online_write.measure(size * CUSTOMERS, 27, leave_out=leave_out).items():
            found = dict(zip(("seconds", "cpu", "peak_mb"), told, strict=True))
            results.keep("online", size, {"sqlite": "ours"}.get(way, way), found)


def pipeline(results: Results, size: int, folder: Path, given: argparse.Namespace) -> None:
    """run_pipeline.py from the simulator to the decision and the list, on an empty state."""
    if given.again or not results.has("pipeline", size, "ours"):
        state = folder / "run"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(parents=True)
        params = folder / "scale.yaml"
        params.write_text(PIPELINE.format(customers=size * CUSTOMERS))
        results.keep("pipeline", size, "ours", whole_run(params, state))
        shutil.rmtree(state)


MEASURE = {
    "features": of_contenders("features"),
    "join": of_contenders("join"),
    "online": online,
    "score": score,
    "pipeline": pipeline,
}

if __name__ == "__main__":
    main()
