"""`/predict` against `mlflow models serve` with the same model, and against the same API without a model.

`python benchmarks/serving.py` builds a small world, starts the three servers on this machine, lets them take turns,
and prints the medians over the rounds. Ours looks the features up; MLflow is given the row. The budgets are ratios.
At the end it asks ours with and without reasons, in turns: of version 1, a logistic regression, and of 100 trees.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)  # not this folder: its serving.py is not the package

import requests  # noqa: E402

from benchmarks import load  # noqa: E402
from tests.serving.gunicorn_server import Server, clean_environment, free_port, make_world  # noqa: E402

ROUNDS, REQUESTS, SECONDS, CLIENTS = 5, 300, 4.0, 8
BATCH, BATCHES = 1_000, 10


def main() -> int:
    """Measure and print; 1 when a budget is not kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = make_world(folder)
        with (
            Server(folder, **environment) as ours,
            Server(folder, app="benchmarks.floor:create_app()", **environment) as floor,
            Mlflow(folder, environment) as theirs,
        ):
            bodies = [json.dumps({"customer_id": customer}).encode() for customer in answerable(ours, floor)]
            targets = {
                "ours": (ours.port, [load.post(ours.port, "/predict", body) for body in bodies]),
                "floor": (floor.port, [load.post(floor.port, "/predict", body) for body in bodies]),
                "mlflow": (theirs.port, [load.post(theirs.port, "/invocations", theirs.row)]),
            }
            everybody = [json.loads(body)["customer_id"] for body in bodies]
            many = json.dumps({"customer_ids": (everybody * BATCH)[:BATCH]}).encode()
            batch = load.post(ours.port, "/predict/batch", many)
            rounds = [{name: measure(*target) for name, target in targets.items()} for _ in range(ROUNDS + 1)][1:]
            batches = statistics.median(load.sequence(ours.port, [batch] * BATCHES).seconds)
            reasons = {"logistic regression": reasons_cost(ours, everybody)}
            promote(environment, 3, ours)
            reasons["100 trees"] = reasons_cost(ours, everybody)
    figures = {n: {key: statistics.median(r[n][key] for r in rounds) for key in rounds[0][n]} for n in targets}
    spread = statistics.median(r["ours"]["p99 of 8"] / r["ours"]["p50 of 8"] for r in rounds)
    return report(figures, spread=spread, a_second=BATCH / batches, reasons=reasons)


def promote(environment: dict[str, str], version: int, server: Server) -> None:
    """Put another version of the world into production, and wait for all workers to answer with it."""
    code = f"from tests.serving import world; world.promote({version})"
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{environment['CHURN_STATE']}/mlflow.db", "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=clean_environment() | environment | store, cwd=PROJECT)
    server.wait(lambda: server.serving(version) == 2)


def reasons_cost(server: Server, customers: list[str]) -> float:
    """Milliseconds by which three reasons make the median answer to one client slower; they take turns."""
    prepared = {
        count: [load.post(server.port, "/predict", json.dumps({"customer_id": c, "reasons": count}).encode())
                for c in customers]
        for count in (0, 3)
    }  # fmt: skip
    seconds: dict[int, list[float]] = {0: [], 3: []}
    for _ in range(2 * ROUNDS):
        for count, requests_ in prepared.items():
            answers = load.sequence(server.port, requests_)
            assert {200} == {status for status, _ in answers.bodies}
            seconds[count] += answers.seconds
    return 1e3 * (statistics.median(seconds[3]) - statistics.median(seconds[0]))


def measure(port: int, prepared: list[bytes]) -> dict[str, float]:
    """Milliseconds of one client, then answers a second and milliseconds of eight."""
    alone = load.sequence(port, (prepared * REQUESTS)[:REQUESTS]).seconds
    together = load.together(port, prepared, clients=CLIENTS, seconds=SECONDS)
    assert {200} == {status for answers in together for status, _ in answers.bodies}
    crowded = [second for answers in together for second in answers.seconds]
    return {
        "p50": statistics.median(alone) * 1e3,
        "p99": statistics.quantiles(alone, n=100)[98] * 1e3,
        "rate": len(crowded) / SECONDS,
        "p50 of 8": statistics.median(crowded) * 1e3,
        "p99 of 8": statistics.quantiles(crowded, n=100)[98] * 1e3,
    }


def report(figures: dict[str, dict[str, float]], *, spread: float, a_second: float, reasons: dict[str, float]) -> int:
    """Print a table and the ratios against their budgets. `a_second`: customers in batches, by one worker; `reasons`:
    milliseconds that three of them cost, by model."""
    names = {
        "ours": "/predict, features looked up",
        "floor": "the same without a model",
        "mlflow": "mlflow models serve, row given",
    }
    print("| server | p50, 1 client | p99 | answers/s, 8 clients | p50 | p99 |\n|---|---|---|---|---|---|")
    for name, f in figures.items():
        alone = f"{f['p50']:.2f} ms | {f['p99']:.2f} ms"
        print(f"| {names[name]} | {alone} | {f['rate']:.0f} | {f['p50 of 8']:.1f} ms | {f['p99 of 8']:.1f} ms |")
    ours, floor, theirs = figures["ours"], figures["floor"], figures["mlflow"]
    ratios = [
        ("p50 against mlflow models serve", ours["p50"] / theirs["p50"], "at most", 0.25),
        ("answers/s against mlflow models serve", ours["rate"] / theirs["rate"], "at least", 6),
        ("p50 against the same without a model", ours["p50"] / floor["p50"], "at most", 1.5),
        ("p99 against p50 at 8 clients", spread, "at most", 3),
        (f"customers/s of a worker in batches of {BATCH:,}", a_second, "at least", 20_000),
        ("three reasons, logistic regression, ms more at p50", reasons["logistic regression"], "at most", 1),
        ("three reasons, 100 trees, ms more at p50", reasons["100 trees"], "at most", 5),
    ]
    print()
    for what, ratio, rule, budget in ratios:
        print(f"{what}: {ratio:,.2f} ({rule} {budget:,g})")
    return int(any(ratio > budget if rule == "at most" else ratio < budget for _, ratio, rule, budget in ratios))


def answerable(*servers: Server) -> list[str]:
    """Customers that can be scored, once every server is ready."""
    for server in servers:
        server.wait(lambda server=server: server.get("/ready").status_code == 200)
    results = servers[0].batch([f"C{i:07d}" for i in range(1, 401)]).json()["results"]
    return [result["customer_id"] for result in results if "error" not in result][:100]


class Mlflow:
    """`mlflow models serve` with version 1 of the world."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        uri = f"sqlite:///{environment['CHURN_STATE']}/mlflow.db"
        command = ["mlflow", "models", "serve", "-m", "models:/world/1", "--env-manager", "local", "-p", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=clean_environment()
            | {
                "MLFLOW_TRACKING_URI": uri,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # it calls uvicorn by name
            },
            cwd=folder,
            stdout=(folder / "mlflow.log").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        example = next(folder.rglob("serving_input_example.json"))
        self.row = example.read_bytes()

    def __enter__(self) -> Mlflow:
        for _ in range(240):
            assert self.process.poll() is None, "mlflow models serve ended"
            try:
                if requests.get(f"http://127.0.0.1:{self.port}/ping", timeout=2).ok:
                    return self
            except requests.ConnectionError:
                time.sleep(0.5)
        raise RuntimeError("mlflow models serve did not start")

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
