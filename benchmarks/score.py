"""How many customers a second are scored on one core, from feature tables to a list in Parquet and CSV, and in how much
memory: `python benchmarks/score.py`. Two sizes, so that what grows with the customers is seen. Seconds are those in
which the process had the core, for others want it too.

The customers of a small world are multiplied in their feature tables; its logistic regression and its boosted trees
score them, each in a process of its own that may use one core.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)  # not this folder: its serving.py is not the package

import duckdb  # noqa: E402

VERSIONS = {1: "logistic regression", 3: "boosted trees"}
SNAPSHOT = "2023-09-01"
ECONOMICS = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
MANY = """COPY (
    SELECT * REPLACE (customer_id || '-' || copy AS customer_id) FROM '{file}', range({times}) AS r(copy)
) TO '{grown}' (FORMAT parquet)"""


def main() -> None:
    given = _parser().parse_args()
    if given.only:
        return _alone(*given.only)
    from tests.serving.gunicorn_server import make_world

    rows = []
    for customers in given.customers:
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= make_world(Path(folder)) | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
            _grow(Path(folder), customers)
            rows += [_measured(version, customers, given.rounds) for version in VERSIONS]
    if given.json:
        return print(json.dumps(rows))
    print("| model | customers in the tables | on the list | customers/s on one core | peak memory |")
    print("|:--|--:|--:|--:|--:|", *map(_row, rows), sep="\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000_000, 4_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", type=int, nargs=2, help=argparse.SUPPRESS)
    return parser


def _grow(state: Path, customers: int) -> None:
    """Write so many customers into the feature tables of the snapshot that is scored; their order is left to chance."""
    for file in state.glob(f"world/features/{SNAPSHOT}/*.parquet"):
        grown = file.with_suffix(".grown")
        duckdb.sql(MANY.format(file=file, grown=grown, times=customers // 400))
        grown.replace(file)


def _measured(version: int, customers: int, rounds: int) -> dict:
    command = [sys.executable, __file__, "--only", str(version), str(rounds)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told | {"model": VERSIONS[version], "customers": customers, "seconds": statistics.median(told["seconds"])}


def _row(told: dict) -> str:
    speed, listed = told["listed"] / told["seconds"], told["listed"]
    return f"| {told['model']} | {told['customers']:,} | {listed:,} | {speed:,.0f} | {told['peak_mb']:,.0f} MB |"


def _alone(version: int, rounds: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from churn import state
    from churn.features import manifest
    from churn.registry import versions
    from churn.scoring import batch, control

    loaded = versions.load(versions.get("world", version))
    features = manifest.of_experiment("world")
    terms = batch.Terms(SNAPSHOT, 0.25, 2 / 15, ECONOMICS, control.key("world", 7), share=0.1, budget=10_000)
    seconds = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=state.root()) as folder:
            began = time.process_time()
            counts = batch.write_list(loaded, features, terms, Path(folder))
            seconds.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "listed": counts.customers, "peak_mb": peak}))


if __name__ == "__main__":
    main()
