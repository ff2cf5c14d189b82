"""A snapshot put online: ours against Feast's own `materialize` into its own SQLite store, of the same tables.

`python benchmarks/online_write.py` makes the tables (200,000 x 27), and puts them online in turn, each
time by a process of its own whose peak memory is taken; into Redis, too, where redis-server is installed. The budget:
at most a third of Feast's time, and 1 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[0] = str(PROJECT)  # not this folder: its serving.py is not the package

SNAPSHOT, VIEWS = "2024-01-01", 3
NAMES = {
    "feast": "Feast's `materialize`, its SQLite store",
    "sqlite": "ours, SQLite",
    "redis": "ours, Redis",
}


def main() -> int:
    """Measure and print; 1 when a budget is not kept."""
    given = _parser().parse_args()
    if given.only:
        return _put_online(given.only)
    print(figures := measure(given.customers, given.features, rounds=given.rounds))
    return int(not kept(figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=27)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=NAMES, help=argparse.SUPPRESS)
    return parser


class Figures(dict):
    """Way -> seconds, seconds of the processor, and megabytes; as text a table."""

    def __str__(self) -> str:
        lines = ["| put online | seconds | against Feast | of the processor | peak memory |", "|---|---|---|---|---|"]
        for way, (seconds, worked, megabytes) in self.items():
            ratio = f"{seconds / self['feast'][0]:.3f}"
            lines.append(f"| {NAMES[way]} | {seconds:.1f} | {ratio} | {worked:.1f} | {megabytes:,.0f} MB |")
        return "\n".join(lines)


def kept(figures: Figures) -> bool:
    """Whether ours takes at most a third of Feast's time, and 1 GB."""
    return all(s <= figures["feast"][0] / 3 and mb <= 1024 for way, (s, _, mb) in figures.items() if way != "feast")


def measure(customers: int, features: int, *, rounds: int = 1, leave_out: tuple[str, ...] = ()) -> Figures:
    """The medians over the rounds, in each of which every way has its turn."""
    ways = [way for way in NAMES if way not in leave_out and (way != "redis" or shutil.which("redis-server"))]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"CHURN_STATE": folder, "CHURN_EXPERIMENT": "bench", "PYTHONPATH": str(PROJECT)}
        _tables(Path(folder), customers, features)
        taken = [{way: _by_itself(way, environment) for way in ways} for _ in range(rounds)]
    return Figures({way: tuple(map(statistics.median, zip(*(t[way] for t in taken), strict=True))) for way in ways})


def _tables(folder: Path, customers: int, features: int) -> None:
    """Feature tables of made-up customers, numbers, counts and two texts, and their manifest."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(7)
    ids = pa.array([f"C{n:09d}" for n in rng.permutation(customers)])
    at = pa.array(np.full(customers, np.datetime64(SNAPSHOT, "us")), pa.timestamp("us", tz="UTC"))
    listed, tables = [], {}
    for n in range(features):
        view, kind = f"view{n % VIEWS}", ("category" if n < 2 else "integer" if n % 2 else "number")
        values = {"category": rng.integers(0, 9, customers).astype(str), "integer": rng.integers(0, 500, customers)}
        column = pa.array(values.get(kind, rng.normal(size=customers)), mask=rng.random(customers) < 0.05)
        tables.setdefault(view, {"customer_id": ids, "snapshot": at})[f"f{n}"] = column
        listed.append({"name": f"f{n}", "view": view, "type": kind, "unit": "", "meaning": "made up"})
    for view, columns in tables.items():
        path = folder / "bench" / "features" / SNAPSHOT / f"{view}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
    manifest = {
        "experiment": "bench", "service": "churn_made", "features": listed, "fingerprint": "of this benchmark",
        "snapshots": {SNAPSHOT: {"fingerprint": "f", "views": {}}},
    }  # fmt: skip
    (folder / "bench" / "features" / "features.json").write_text(json.dumps(manifest))


def _by_itself(way: str, environment: dict[str, str]) -> tuple[float, ...]:
    command = [sys.executable, __file__, "--only", way]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()[-3:]))


def _put_online(way: str) -> int:
    """Prints seconds, those of the processor, and the peak megabytes of this process."""
    from churn.features import manifest, store

    feast, made = store.open_store("bench"), manifest.of_experiment("bench")
    store.apply(feast)
    worked = time.process_time()
    seconds = {"feast": _by_feast, "sqlite": _ours, "redis": _into_redis}[way](feast, made)
    print(seconds, time.process_time() - worked, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return 0


def _ours(feast, made: dict) -> float:
    from churn.features import store

    began = time.perf_counter()
    assert store.materialize(feast, made, SNAPSHOT)
    return time.perf_counter() - began


def _by_feast(feast, made: dict) -> float:
    from feast import FeatureStore

    path = Path(os.environ["CHURN_STATE"], "own", "online.db")
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    own = {"type": "sqlite", "path": str(path)}
    theirs = FeatureStore(config=feast.config.model_copy(update={"online_config": own, "_online_store": None}))
    theirs.apply([*theirs.list_entities(), *theirs.list_feature_views(), *theirs.list_feature_services()])
    at, day = datetime.fromisoformat(SNAPSHOT).replace(tzinfo=UTC), timedelta(days=1)
    began = time.perf_counter()
    theirs.materialize(start_date=at - day, end_date=at + day)
    return time.perf_counter() - began


def _into_redis(feast, made: dict) -> float:
    """The same call, with a Redis of its own in the place of the file."""
    from unittest import mock

    from churn.features.online import places
    from churn.features.online.redis_keys import RedisKeys
    from tests.serving.gunicorn_server import free_port

    port, folder = free_port(), tempfile.mkdtemp()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            time.sleep(1)
            keys = RedisKeys("bench", address=f"127.0.0.1:{port}")
            with mock.patch.object(places, "of_experiment", lambda experiment: keys):
                return _ours(feast, made)
        finally:
            server.kill()
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
