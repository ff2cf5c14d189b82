"""Promotions under load: how soon every worker follows, what it costs, and whether memory stays flat over 100 swaps.

`python benchmarks/swap.py` builds a small world with three versions, puts eight clients on it, promotes another version
every five seconds for a minute, and compares every answer with what scikit-learn gives for that version and customer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)  # not this folder: its serving.py is not the package

import pandas as pd  # noqa: E402

from benchmarks import load  # noqa: E402
from tests.serving.gunicorn_server import Server, make_world  # noqa: E402

CLIENTS, SECONDS, EVERY, SWAPS = 8, 60.0, 5.0, 100


def main() -> int:
    """Measure and print; 1 when a budget is not kept."""
    with tempfile.TemporaryDirectory() as name:
        environment = make_world(Path(name))
        os.environ |= environment
        with Server(Path(name), **environment) as server:
            server.wait(lambda: server.get("/ready").status_code == 200)
            expected = probabilities([f"C{i:07d}" for i in range(1, 401)])
            promotions, answers = under_load(server, list(expected.index))
            memory = many_swaps(server)
    return report(promotions, answers, expected, memory)


def under_load(server: Server, customers: list[str]) -> tuple[list[tuple[float, int]], list[tuple[float, int, bytes]]]:
    """(when, version) of each promotion, and (when, status, body) of each answer."""
    from tests.serving.world import promote

    single = [load.post(server.port, "/predict", json.dumps({"customer_id": c}).encode()) for c in customers[:40]]
    batch = load.post(server.port, "/predict/batch", json.dumps({"customer_ids": customers[:50]}).encode())
    prepared = [*single, batch]
    promotions, results = [], []
    loader = threading.Thread(
        target=lambda: results.extend(load.together(server.port, prepared, clients=CLIENTS, seconds=SECONDS))
    )
    loader.start()
    while loader.is_alive():
        version = (2, 3, 1)[len(promotions) % 3]
        promote(version)
        promotions.append((time.perf_counter(), version))
        loader.join(EVERY)
    return promotions, [
        answer for client in results for answer in zip(client.ends, *zip(*client.bodies, strict=True), strict=True)
    ]


def many_swaps(server: Server) -> tuple[float, float]:
    """Megabytes of the workers' own memory after the tenth and the last swap of both workers."""
    from tests.serving.world import promote

    after: list[float] = []
    for i in range(SWAPS):
        version = 1 + (i + 1) % 2
        promote(version)
        server.wait(lambda version=version: server.serving(version) == 2)
        after.append(sum(worker.memory_full_info().uss for worker in server.workers()) / 2**20)
    return after[9], after[-1]


def probabilities(customers: list[str]) -> pd.DataFrame:
    """Churn probability by scikit-learn from the tables: a row a customer that can be scored, a column a version."""
    from churn import state
    from churn.features import manifest
    from churn.registry import versions
    from churn.training import estimators

    made = manifest.load(state.path("world", "features", "features.json"))
    tables = [
        pd.read_parquet(manifest.table_path(made, "2023-09-01", view)).set_index("customer_id")
        for view in manifest.views(made)
    ]
    loaded = {version.version: versions.load(version) for version in versions.all_of("world")}
    X = pd.concat(tables, axis=1).loc[customers].dropna(subset=["momentum_7d_30d", "days_since_payment"])
    return pd.DataFrame(
        {v: estimators.probability(one.pipeline, X[one.columns]) for v, one in loaded.items()}, index=X.index
    )


def report(promotions: list, answers: list, expected: pd.DataFrame, memory: tuple[float, float]) -> int:
    """Print the figures; 1 when a budget is not kept."""
    failures = [body.decode() for _, status, body in answers if status != 200]
    wrong, versions = 0, []
    for at, status, body in answers:
        if status == 200:
            answer = json.loads(body)
            versions.append((at, answer["model"]["version"]))
            wrong += sum(
                differs(answer["model"]["version"], score, expected) for score in answer.get("results", [answer])
            )
    followed = convergence(promotions, versions)
    slowest = max(followed)
    grown = memory[1] / memory[0] - 1
    print(f"answers in {SECONDS:.0f} s of {CLIENTS} clients: {len(answers):,}; promotions: {len(promotions)}")
    print(f"failed: {len(failures)} (at most 0) {failures[:1] or ''}")
    print(f"probabilities of another version than the one named: {wrong} (at most 0)")
    print("seconds from each promotion to the last answer by another version:", *(f"{s:.2f}" for s in followed))
    print(f"slowest promotion until no worker answers with the old version: {slowest:.2f} s (at most 2)")
    print(f"memory of both workers after 10 swaps: {memory[0]:.0f} MB")
    print(f"memory of both workers after {SWAPS} swaps: {memory[1]:.0f} MB, {grown:+.1%} (at most +10%)")
    return int(bool(failures) or wrong > 0 or slowest > 2 or grown > 0.1)


def differs(version: int, score: dict, expected: pd.DataFrame) -> bool:
    """Whether a score is not that version's."""
    return abs(expected.at[score["customer_id"], version] - score["churn_probability"]) > 1e-9


def convergence(promotions: list, versions: list) -> list[float]:
    """Seconds from each promotion to the last answer by another version before the next promotion."""
    ends = [at for at, _ in promotions[1:]] + [float("inf")]
    return [
        max((seen - at for seen, version in versions if at < seen < end and version != promoted), default=0.0)
        for (at, promoted), end in zip(promotions, ends, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
