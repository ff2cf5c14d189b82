"""What watching and scoring add to a month: all six notebooks against features, train, evaluate and promote alone.

Each round lives CDNOW, with a horizon of 90 days, as of 1998-01-01 in two states, and then as of 1998-04-01, when what
came true of that list is known: with six notebooks in the one and with four in the other: `python benchmarks/month.py`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
BEFORE, NOW = "1998-01-01", "1998-04-01"
SET = [
    "--set",
    "snapshots={every: month, train: 3}",
    "--set",
    "label.horizon_days=90",
    "--set",
    "promote.rules.log_loss=null",
]
FOUR = "features,train,evaluate,promote"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    took = {name: [] for name in ("four", "six")}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            for state in (one, other):
                _run(state, BEFORE)
            took["four"].append(_run(one, NOW, "--stages", FOUR))
            took["six"].append(_run(other, NOW))
    four, six = (statistics.median(took[name]) for name in ("four", "six"))
    print("| notebooks of a month | seconds | against | budget | measured |\n|---|---|---|---|---|")
    print(f"| features, train, evaluate, promote | {four:.1f} | | | |")
    print(f"| with monitor and score | {six:.1f} | the four | at most 1.3x | {six / four:.2f}x |")


def _run(state: str, as_of: str, *more: str) -> float:
    """Seconds of a run of its own process."""
    command = [sys.executable, "run_pipeline.py", "--quiet", "--params", "params/cdnow.yaml", *SET]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--as-of", as_of, *more], check=True, cwd=PROJECT, env=os.environ | {"CHURN_STATE": state},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
