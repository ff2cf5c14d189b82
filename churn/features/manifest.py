"""`features.json`: which features there are, where their tables lie and what is in them.

Feast's definitions, the training set and serving are all made from this file; none of them lists features again.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as pq

from churn import engine, fingerprint, state
from churn.errors import InvalidData
from churn.features import from_events

if TYPE_CHECKING:
    from churn.sources.contract import Source


def build(
    con,
    source: Source,
    *,
    experiment: str,
    snapshots: list[str],
    kinds_before: str,
    windows_days: list[int],
    without_kinds: list[str],
) -> dict:
    """Compute every feature table under state/<experiment>/features/ and write the manifest last. Returns the manifest.

    `kinds_before`: kinds of event count as known when they occur before this snapshot. Raises InvalidData.
    """
    if source.events is None:
        views_at = partial(from_events.from_tables, source.tables)
        described = from_events.described_tables(views_at(snapshot=snapshots[0]), segments=source.segments)
    else:
        kinds = from_events.kinds_seen(source.events, before=kinds_before, without=without_kinds)
        settings = {"windows_days": windows_days, "kinds": kinds, "segments": source.segments}
        views_at = partial(from_events.from_events, source.events, source.customers, **settings)
        described = from_events.described(**settings)
    folder = state.path(experiment, "features")
    written = {t: _write_snapshot(con, views_at(snapshot=t), folder / t) for t in snapshots}
    _forget_other_snapshots(folder, keep=snapshots)
    manifest = {
        "experiment": experiment,
        "service": f"churn_{fingerprint.of_values([asdict(f) for f in described])[:8]}",
        "features": [asdict(f) for f in described],
        "segments": source.segments,
        "snapshots": written,
        "source": source.counts,
        "staged": str(state.path(experiment, "source")),
    }
    manifest["fingerprint"] = fingerprint.of_values(
        [manifest["features"], {t: w["fingerprint"] for t, w in written.items()}]
    )
    state.write_json(folder / "features.json", manifest)
    return manifest


def load(path: str | Path) -> dict:
    """Read a manifest. Raises InvalidData when the features stage has not written it."""
    try:
        return json.loads(Path(path).read_text())
    except OSError:
        raise InvalidData(f"{path}: no features yet; run the features stage first") from None


def views(manifest: dict) -> dict[str, list[dict]]:
    """Feature view -> its features, in order."""
    names = dict.fromkeys(f["view"] for f in manifest["features"])
    return {name: [f for f in manifest["features"] if f["view"] == name] for name in names}


def describe(manifest: dict) -> pd.DataFrame:
    """Every feature with its view, type, unit and meaning."""
    return pd.DataFrame(manifest["features"]).set_index("name")


def profile(manifest: dict, snapshot: str) -> pd.DataFrame:
    """Each feature at one snapshot: feature, missing_share, and for numbers mean, low and high."""
    rows = []
    for view, listed in views(manifest).items():
        table = pd.read_parquet(table_path(manifest, snapshot, view))
        for f in listed:
            column = table[f["name"]]
            numbers = (
                {} if f["type"] == "category" else {"mean": column.mean(), "low": column.min(), "high": column.max()}
            )
            rows.append({"feature": f["name"], "missing_share": column.isna().mean()} | numbers)
    return pd.DataFrame(rows).astype({"mean": "float64", "low": "float64", "high": "float64"})


def table_path(manifest: dict, snapshot: str, view: str) -> Path:
    """Where one view's rows at one snapshot lie."""
    return state.path(manifest["experiment"], "features", snapshot, f"{view}.parquet")


def datasets(manifest: dict) -> pd.DataFrame:
    """The written tables as data sets of a run: name, fingerprint, path."""
    return pd.DataFrame(
        [
            {"name": f"{view}@{t}", "fingerprint": table["fingerprint"], "path": table_path(manifest, t, view)}
            for t, written in manifest["snapshots"].items()
            for view, table in written["views"].items()
        ]
    )


def tables_of(manifest: dict) -> pd.DataFrame:
    """The written tables, one row each: snapshot, view, rows, fingerprint."""
    return pd.DataFrame(
        [
            {"snapshot": t, "view": view, "rows": table["rows"], "fingerprint": table["fingerprint"]}
            for t, written in manifest["snapshots"].items()
            for view, table in written["views"].items()
        ]
    )


def _write_snapshot(con, views: dict, folder: Path) -> dict:
    """One snapshot's tables, written by the engine and put in place all at once."""
    written = {}
    with state.replacing(folder) as temporary:
        for view, table in views.items():
            path = engine.write_parquet(con, table, temporary / f"{view}.parquet")
            rows = pq.ParquetFile(path).metadata.num_rows
            written[view] = {"rows": rows, "fingerprint": fingerprint.of_parquet(path)}
        if not any(table["rows"] for table in written.values()):
            raise InvalidData(
                f"snapshot {folder.name}: no customer had signed up before it; "
                "move the snapshot or check the log's dates"
            )
    return {"views": written, "fingerprint": fingerprint.of_values(written)}


def _forget_other_snapshots(folder: Path, *, keep: list[str]) -> None:
    """Feast reads every snapshot under the folder, so one of an earlier definition must not stay."""
    for old in folder.iterdir():
        if old.is_dir() and old.name not in keep:
            shutil.rmtree(old)
