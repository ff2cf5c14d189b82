"""The point-in-time join of 100,000 labels with feature rows of twenty columns: by this project's store, by Feast's
default store on the same definitions, and by a bare ASOF join of DuckDB.

`folder` is a state folder of its own with the experiment `join` in it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

LABELS, COLUMNS, VIEW = 100_000, 20, "wide"
SNAPSHOTS = [f"2023-{month:02}-01" for month in range(1, 13)]
FEATURES = [f"feature_{n:02}" for n in range(COLUMNS)]


def make(folder: Path, *, amount: int) -> None:
    """Feature tables of twelve snapshots with so many rows together, their manifest, and the labels."""
    import duckdb

    customers = amount // len(SNAPSHOTS)
    columns = ", ".join(f"random() AS {name}" for name in FEATURES)
    home = folder / "join" / "features"
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'; SELECT setseed(0.7)")
    for snapshot in SNAPSHOTS:
        (home / snapshot).mkdir(parents=True)
        con.execute(
            f"COPY (SELECT format('C{{:09d}}', i) AS customer_id, TIMESTAMPTZ '{snapshot}' AS snapshot, {columns} "
            f"FROM range({customers}) t(i)) TO '{home / snapshot / VIEW}.parquet' (FORMAT parquet)"
        )
    con.execute(
        "COPY (SELECT DISTINCT format('C{:09d}', (random() * $n)::BIGINT % $n) AS customer_id, "
        "list_extract($days::TIMESTAMPTZ[], 1 + (random() * 12)::INT % 12) AS snapshot "
        f"FROM range({LABELS})) TO '{folder}/labels.parquet' (FORMAT parquet)",
        {"n": customers, "days": SNAPSHOTS},
    )
    features = [{"name": n, "view": VIEW, "type": "number", "unit": "", "meaning": "at random"} for n in FEATURES]
    manifest = {"experiment": "join", "service": "churn_join", "features": features, "fingerprint": "0"}
    (home / "features.json").write_text(json.dumps(manifest))


def ours(folder: Path, out: Path) -> None:
    from churn.features import store

    _joined(folder, out, store.open_store("join"))


def feast_default(folder: Path, out: Path) -> None:
    from churn import state
    from churn.features._feast import feast

    home, given = folder / "default", (state.PROJECT / "feature_repo/feature_store.yaml").read_text()
    home.mkdir(exist_ok=True)
    (home / "feature_store.yaml").write_text(given.replace("type: duckdb", "type: dask").replace("/feast/", "/dask/"))
    os.environ["CHURN_EXPERIMENT"] = "join"
    (folder / "join" / "dask").mkdir(exist_ok=True)
    _joined(folder, out, feast.FeatureStore(repo_path=str(home)))


def _joined(folder: Path, out: Path, opened) -> None:
    import pandas as pd

    from churn.features import manifest, store

    store.apply(opened)
    labels = pd.read_parquet(folder / "labels.parquet")
    store.join(opened, manifest.of_experiment("join"), labels).to_parquet(out / "joined.parquet", index=False)


def asof(folder: Path, out: Path) -> None:
    import duckdb

    con = duckdb.connect()
    con.execute(f"SET TimeZone = 'UTC'; SET temp_directory = '{out}/spill'")
    con.execute(
        f"COPY (SELECT l.customer_id, l.snapshot, {', '.join(FEATURES)} FROM '{folder}/labels.parquet' l "
        f"ASOF JOIN '{folder}/join/features/*/{VIEW}.parquet' f "
        "ON l.customer_id = f.customer_id AND l.snapshot >= f.snapshot ORDER BY snapshot, customer_id) "
        f"TO '{out}/joined.parquet' (FORMAT parquet)"
    )


def refuse_differing(made: Path, expected: Path, *, exactly: bool = True) -> None:
    """Raises AssertionError where a row differs in any bit."""
    from churn import fingerprint

    assert fingerprint.of_parquet(made / "joined.parquet") == fingerprint.of_parquet(expected / "joined.parquet")
