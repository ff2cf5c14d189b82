"""`features.json`: which features there are, where their tables lie and what is in them.

Feast's definitions, the training set and serving are all made from this file; none of them lists features again.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn import engine, state
from churn.errors import InvalidData

POPULATION = {"counts": "integer", "days_silent": "number"}  # columns of the view that tells who counts, by their role

SHORTER = {
    r"in (?:the|those) (\d+) days": r"in the last \1 days",
    r", each counting half for every (\d+) days.*": r", halved every \1 days",
    r"days_since_(\w+) over days_per_\w+.*": r"days since the last \1 over the usual pace",
    r"^usual pace:.*": "usual pace",
    r"^segment, from .*": "",  # its name says more
}  # what a description says at length, in the words of a table or a figure
BINS = 12  # of the values of a feature
NOTHING = np.zeros(1, dtype="int64")


def load(path: str | Path) -> dict:
    """Read a manifest. Raises InvalidData when the features stage has not written it."""
    try:
        return json.loads(Path(path).read_text())
    except OSError:
        raise InvalidData(f"{path}: no features yet; run the features stage first") from None


def of_experiment(experiment: str) -> dict | None:
    """The manifest of an experiment's last features stage; None before its first."""
    path = state.path(experiment, "features", "features.json")
    return load(path) if path.exists() else None


def views(manifest: dict) -> dict[str, list[dict]]:
    """Feature view -> its features, in order."""
    names = dict.fromkeys(f["view"] for f in manifest["features"])
    return {name: [f for f in manifest["features"] if f["view"] == name] for name in names}


def describe(manifest: dict) -> pd.DataFrame:
    """Every feature with its view, type, unit and meaning, and what it was given as where it is not called so."""
    return pd.DataFrame(manifest["features"]).set_index("name").fillna("")


def about(manifest: dict) -> dict[str, dict]:
    """Feature -> its view, type, unit and meaning, the words and the topic by which a reason tells of it, and its place
    among the others, for whoever keeps this does not keep their order."""
    words = manifest.get("words", {})
    return {f["name"]: f | words.get(f["name"], {}) | {"place": n} for n, f in enumerate(manifest["features"])}


def meanings(manifest: dict) -> dict[str, str]:
    """Feature -> what it means, in a few words as of the snapshot; its name where nothing is known of it."""
    return {f["name"]: _in_words(f["meaning"], f["unit"]) or f["name"] for f in manifest["features"]}


def _in_words(meaning: str, unit: str) -> str:
    said = meaning.split("; null")[0].replace(" before the snapshot", "")
    for long, shorter in SHORTER.items():
        said = re.sub(long, shorter, said)
    return f"{unit} {said}" if said.startswith("since ") else said


def called(manifest: dict, names: list[str]) -> list[str]:
    """The features of these names, whether they are called so or were given as that; a name that is none stays."""
    found = {name: [f["name"] for f in manifest["features"] if name in (f["name"], f.get("given"))] for name in names}
    return [feature for name in names for feature in found[name] or [name]]


def profile(manifest: dict, snapshot: str, *, before: str) -> pd.DataFrame:
    """Each feature at a snapshot and at one `before`: feature, unit, missing_share, for numbers mean, low, high and
    mean_before, and how its values are spread: counts and counts_before in the same bins."""
    rows = [
        {"feature": f["name"], "unit": f["unit"]} | _compared(manifest, view, f, snapshot, before)
        for view, listed in views(manifest).items()
        for f in listed
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(["mean", "low", "high", "mean_before"], "float64"))


def _compared(manifest: dict, view: str, feature: dict, snapshot: str, before: str) -> dict:
    number = feature["type"] != "category"
    now, then = (table_path(manifest, at, view) for at in (snapshot, before))
    of_now, of_then = (_profile(path, feature["name"], number) for path in (now, then))
    counted = (_spread if number else _categories)(feature["name"], now, then, [of_now, of_then])
    return of_now | {"mean_before": of_then.get("mean")} | dict(zip(("counts", "counts_before"), counted, strict=True))


def _spread(name: str, now: Path, then: Path, found: list[dict]) -> list[list[int]]:
    """Counts of numbers in bins that are as wide as each other in orders of magnitude."""
    ends = [_log(each[end]) for each in found for end in ("low", "high") if end in each]
    edges = np.linspace(min(ends), max(ends), BINS + 1) if ends else np.arange(2.0)
    return [
        sum((np.histogram(_log(_known(column)), edges)[0] for column in engine.column_batches(path, name)), NOTHING)
        .astype(int)
        .tolist()
        for path in (now, then)
    ]


def _categories(name: str, now: Path, then: Path, found: list[dict]) -> list[list[int]]:
    """Counts of the values that are the most frequent now, and of all others."""
    of_now, of_then = (
        sum((_counted(column.drop_null()) for column in engine.column_batches(path, name)), Counter())
        for path in (now, then)
    )
    kept = [value for value, _ in sorted(of_now.items(), key=lambda item: (-item[1], str(item[0])))[: BINS - 1]]
    return [
        [*(counts[value] for value in kept), counts.total() - sum(counts[v] for v in kept)]
        for counts in (of_now, of_then)
    ]


def _counted(column: pa.Array) -> Counter:
    return Counter({found["values"]: found["counts"] for found in pc.value_counts(column).to_pylist()})


def _known(column: pa.Array) -> np.ndarray:
    return column.drop_null().cast("float64").to_numpy(zero_copy_only=False)


def _log(values: np.ndarray | float) -> np.ndarray | float:
    """Orders of magnitude either way of zero."""
    return np.copysign(np.log1p(np.abs(values)), values)


def _profile(path: Path, name: str, number: bool) -> dict[str, float]:
    """Of one column, batch by batch and in order, so that memory is bounded and the last bit of a sum is the same."""
    known, nulls, total, lows, highs = 0, 0, 0.0, [], []
    for column in engine.column_batches(path, name):
        nulls += column.null_count
        known += len(column) - column.null_count
        if number and column.null_count < len(column):
            extremes = pc.min_max(column).as_py()
            total, lows, highs = total + pc.sum(column).as_py(), [*lows, extremes["min"]], [*highs, extremes["max"]]
    numbers = {"mean": total / known, "low": min(lows), "high": max(highs)} if lows else {}
    return {"missing_share": nulls / max(nulls + known, 1)} | numbers


def population_at(manifest: dict, snapshot: str) -> dict[str, int]:
    """How many customers are inside and outside the population at a snapshot; {} where everybody counts."""
    if not (population := manifest.get("population")):
        return {}
    path, inside, people = table_path(manifest, snapshot, population["view"]), 0, 0
    for counts in engine.column_batches(path, population["counts"]):
        inside, people = inside + int(pc.sum(counts).as_py() or 0), people + len(counts)
    return {"inside": inside, "outside": people - inside}


def table_path(manifest: dict, snapshot: str, view: str) -> Path:
    """Where one view's rows at one snapshot lie."""
    return state.path(manifest["experiment"], "features", snapshot, f"{view}.parquet")


def datasets(manifest: dict) -> pd.DataFrame:
    """The written tables as data sets of a run: name, fingerprint, path."""
    tables = tables_of(manifest)
    paths = [table_path(manifest, snapshot, view) for snapshot, view in zip(tables.snapshot, tables.view, strict=True)]
    return pd.DataFrame({"name": tables.view + "@" + tables.snapshot, "fingerprint": tables.fingerprint, "path": paths})


def tables_of(manifest: dict) -> pd.DataFrame:
    """The written tables, one row each: snapshot, view, rows, fingerprint."""
    return pd.DataFrame(
        [
            {"snapshot": t, "view": view, "rows": table["rows"], "fingerprint": table["fingerprint"]}
            for t, written in manifest["snapshots"].items()
            for view, table in written["views"].items()
        ]
    )
