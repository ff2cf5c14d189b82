"""Computing and writing the feature tables, and the manifest that lists them."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from churn import engine, fingerprint, state
from churn.errors import InvalidData
from churn.features import kept
from churn.features.definitions import from_events, from_tables, terms

if TYPE_CHECKING:
    from churn.sources.contract import Source


def feature_tables(
    con,
    source: Source,
    *,
    experiment: str,
    snapshots: list[str],
    kinds_before: str,
    windows_days: list[int],
    recipe: str,
    label: dict,
    data: dict | None = None,
) -> dict:
    """Compute every feature table under state/<experiment>/features/, or take what an earlier run has kept of a log
    (`data`, the section of the params file, tells which), and write the manifest last. Returns the manifest.

    `kinds_before`: kinds of event count as known when they occur before this snapshot. `label` is the section of the
    params file. Raises InvalidData.
    """
    if source.events is None:
        told = {}
        described = from_tables.described(source.tables, segments=source.segments, future_dates=source.future_dates)
        views_at = partial(from_tables.views, source.tables, future_dates=source.future_dates)
        known = None
    else:
        settings = terms.settings(
            source, before=kinds_before, earliest=min(snapshots), windows_days=windows_days, recipe=recipe, label=label
        )
        told = from_events.told(**settings)
        described = from_events.described(**settings)
        views_at = partial(from_events.views, source.events, source.customers, **settings)
        known = kept.of(experiment, source, snapshots, settings=settings, data=data or {})
    features = [feature.entry() for feature in described]
    segments = [f for f in described if f.type == "category" and (f.given or f.name) in source.segments]
    folder = state.path(experiment, "features")
    late = known.late() if known else []
    taken = {t: tables for t in snapshots if known and (tables := known.take(t, folder / t))}
    written = {t: taken.get(t) or _write_snapshot(con, views_at(snapshot=t), folder / t) for t in snapshots}
    _forget_other_snapshots(folder, keep=snapshots)
    if known:
        for t in written.keys() - taken.keys():
            known.keep(t, folder / t, written[t])
        known.forget(before=min(snapshots))
    manifest = {
        "experiment": experiment,
        "service": f"churn_{fingerprint.of_values([*features, told.get('population')])[:8]}",
        "features": features,
        "segments": [f.name for f in segments],
        "words": {f.name: {"topic": f.topic or f.name, **f.words._asdict()} for f in described},
        "snapshots": written,
        "kept": list(taken),
        "late": late,
        "log": known and {"which": kept.which_log(data or {}), "ends": str(source.events.at.max().execute())[:10]},
        "source": source.counts,
        **told,
        "staged": str(state.path(experiment, "source")),
    }
    manifest["fingerprint"] = fingerprint.of_values([features, {t: w["fingerprint"] for t, w in written.items()}])
    state.write_json(folder / "features.json", manifest)
    return manifest


def nobody(snapshot: str) -> InvalidData:
    """The refusal of a snapshot that has no rows."""
    return InvalidData(
        f"snapshot {snapshot}: no customer had signed up before it; move the snapshot or check the log's dates"
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
            raise nobody(folder.name)
    return {"views": written, "fingerprint": fingerprint.of_values(written)}


def _forget_other_snapshots(folder: Path, *, keep: list[str]) -> None:
    """Feast reads every snapshot under the folder, so one of an earlier definition must not stay."""
    for old in folder.iterdir():
        if old.is_dir() and old.name not in keep:
            shutil.rmtree(old)
