"""Kinds and numbers of gunicorn workers for `/predict`: `python benchmarks/workers.py` prints a table of them."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)  # not this folder: its serving.py is not the package

from benchmarks import load  # noqa: E402
from benchmarks.serving import answerable, measure  # noqa: E402
from tests.serving.gunicorn_server import Server, make_world  # noqa: E402

KINDS = {
    "2 workers of 24 threads (ours)": (),
    "2 workers of 4 threads": ("--threads", "4"),
    "1 worker of 24 threads": ("--workers", "1"),
    "4 workers of 24 threads": ("--workers", "4"),
    "8 workers of 1 thread": ("--workers", "8", "--threads", "1"),
}


def main() -> None:
    """Print a row for each kind."""
    with tempfile.TemporaryDirectory() as name:
        environment = make_world(Path(name))
        print("| workers | p50, 1 client | p99 | answers/s, 8 clients | p50 | p99 | memory of the workers |")
        print("|---|---|---|---|---|---|---|")
        for kind, options in KINDS.items():
            with Server(Path(name), options=options, **environment) as server:
                bodies = [json.dumps({"customer_id": customer}).encode() for customer in answerable(server)]
                requests = [load.post(server.port, "/predict", body) for body in bodies]
                measure(server.port, requests)
                f = measure(server.port, requests)
                memory = sum(worker.memory_full_info().uss for worker in server.workers()) / 2**20
                alone, crowd = (
                    f"{f['p50']:.2f} ms | {f['p99']:.1f} ms",
                    f"{f['p50 of 8']:.1f} ms | {f['p99 of 8']:.0f} ms",
                )
                print(f"| {kind} | {alone} | {f['rate']:.0f} | {crowd} | {memory:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
