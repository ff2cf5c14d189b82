"""What `churn init` costs on a large export: seconds until the params file stands there, and until its report does.

`python benchmarks/init.py`, order lines as CSV. Each round is the command itself, in a process and a state of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import duckdb

sys.path[0] = str(Path(__file__).resolve().parents[1])

LINES = """COPY (
    WITH orders AS (
        SELECT i // 3 AS id, i % 3 + 1 AS line, i, hash(i // 3) % {customers} AS customer FROM range({rows}) AS r(i)
    ), dated AS (
        SELECT *, TIMESTAMP '2021-01-01' + to_seconds(
            (hash(customer + 5) % 63072000 + hash(id + 7) % (5000000 + hash(customer + 9) % 30000000))::INT) AS day
        FROM orders
    )
    SELECT 'SO' || id AS "Order No", line AS "Line", 'C' || lpad(customer::VARCHAR, 7, '0') AS "Customer No",
        strftime(day, '%Y-%m-%d %H:%M:%S') AS "Order Date", strftime(day + INTERVAL 3 DAY, '%Y-%m-%d') AS "Ship Date",
        'P' || (hash(i + 1) % 5000) AS "Item No", 1 + hash(i + 2) % 4 AS "Quantity",
        (99 + hash(i + 3) % 20000) / 100.0 AS "Unit Price", ['NL', 'DE', 'FR'][(1 + customer % 3)::INT] AS "Country"
    FROM dated
) TO '{file}' (HEADER)"""


def main() -> None:
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.csv"
        duckdb.sql(LINES.format(rows=given.rows, customers=max(given.rows // 30, 100), file=file))
        size = file.stat().st_size / 1e9
        measured = [_measured(file, Path(folder) / f"round{i}") for i in range(given.rounds)]
    written, ended, processor, peak = (statistics.median(column) for column in zip(*measured, strict=True))
    print(f"{given.rows:,} rows, {size:.1f} GB of CSV, {os.cpu_count()} cores")
    print("| params file after (s) | report after (s) more | processor seconds | peak MB |\n|---|---|---|---|")
    print(f"| {written:.1f} | {ended - written:.1f} | {processor:.1f} | {peak:,.0f} |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def _measured(file: Path, folder: Path) -> tuple[float, float, float, float]:
    """Seconds until the params file was there and in all, processor seconds, and the most MB of any process so far."""
    folder.mkdir()
    out = folder / "lines.yaml"
    command = [str(Path(sys.executable).with_name("churn")), "init", str(file), "--yes", "--out", str(out)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    running = subprocess.Popen(command, env=os.environ | {"CHURN_STATE": str(folder / "state")}, stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True)  # fmt: skip
    Thread(target=_tell, args=(running, began), daemon=True).start()
    written = None
    while running.poll() is None:
        written = written or (time.perf_counter() - began if out.exists() else None)
        time.sleep(0.02)
    ended = time.perf_counter() - began
    if running.returncode:
        sys.exit(f"churn init ended with {running.returncode}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return written or ended, ended, processor, used.ru_maxrss / 1024


def _tell(running: subprocess.Popen, began: float) -> None:
    """What the command tells while it runs, each line with its second."""
    for line in running.stderr:
        print(f"{time.perf_counter() - began:6.1f} s  {line.rstrip()}", file=sys.stderr)


if __name__ == "__main__":
    main()
