"""What it costs to read a CSV log into the contract, against the engine's own COPY of the same file to Parquet.

Each is a process of its own, in turn: `python benchmarks/reading.py`. COPY is told the types; we find the format out,
clean ids, look for duplicates, set unusable rows aside, and write who the customers are.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

sys.path[0] = str(Path(__file__).resolve().parents[1])

LOG = """COPY (
    SELECT 'c' || lpad((hash(i) % 500000)::VARCHAR, 7, '0') AS customer,
        strftime(TIMESTAMP '2020-01-01' + to_seconds((hash(i + 7) % 120000000)::INT), '%Y-%m-%d %H:%M:%S') AS day,
        (hash(i + 3) % 100000) / 100.0 AS amount, 'purchase' AS kind
    FROM range({rows}) AS r(i)
) TO '{file}' (HEADER)"""
TYPES = "{'customer': 'VARCHAR', 'day': 'TIMESTAMP', 'amount': 'DECIMAL(18, 4)', 'kind': 'VARCHAR'}"


def main() -> None:
    given = _parser().parse_args()
    if given.only:
        return _alone(given.only, Path(given.folder))
    with tempfile.TemporaryDirectory() as folder:
        duckdb.sql(LOG.format(rows=given.rows, file=f"{folder}/log.csv"))
        runs: dict[str, list[tuple[float, ...]]] = {"COPY": [], "read": []}
        for _ in range(given.rounds):
            for name, measured in runs.items():
                command = [sys.executable, __file__, "--only", name, "--folder", folder]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                measured.append(tuple(map(float, said.split())))
    print(_table(runs))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["COPY", "read"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser


def _alone(name: str, folder: Path) -> None:
    """Print seconds, processor seconds and peak MB of one way."""
    seconds = {"COPY": _copy, "read": _read}[name](folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _copy(folder: Path) -> float:
    con = duckdb.connect()
    began = time.perf_counter()
    con.sql(f"COPY (FROM read_csv('{folder}/log.csv', columns = {TYPES})) TO '{folder}/log.parquet'")
    return time.perf_counter() - began


def _read(folder: Path) -> float:
    from churn import engine
    from churn.sources import inputs

    con = engine.connect()
    columns = {"customer_id": "customer", "at": "day", "value": "amount", "kind": "kind"}
    data = {"source": "events", "path": f"{folder}/log.csv", "columns": columns}
    began = time.perf_counter()
    inputs.read(con, inputs.resolve(con, data), folder / "source")
    return time.perf_counter() - began


def _table(runs: dict[str, list[tuple[float, ...]]]) -> str:
    medians = {name: [statistics.median(column) for column in zip(*runs[name], strict=True)] for name in runs}
    lines = ["| | seconds | of COPY | processor seconds | of COPY | peak MB |", "|---|---|---|---|---|---|"]
    for name, (seconds, processor, peak) in medians.items():
        of = [seconds / medians["COPY"][0], processor / medians["COPY"][1]]
        lines.append(f"| {name} | {seconds:.1f} | {of[0]:.2f} | {processor:.1f} | {of[1]:.2f} | {peak:,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
