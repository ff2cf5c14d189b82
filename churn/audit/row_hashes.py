"""What a run keeps of its tables, so that a later one can be compared with it row by row.

Of each table its fingerprint, one of each column, and a hash of every row beside that of its customer. They tell which
rows of another table are new; no value can be read back from them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn import engine, fingerprint, names
from churn.registry import runs, tracking

KEYS = ("customer_id", "snapshot", "at")  # what tells the rows of a table apart, as far as it has them
MOST_ROWS = 5_000_000  # of larger tables no hashes of rows are kept: 80 MB


@dataclass(frozen=True)
class Changes:
    """How a table differs from the one that a run recorded: columns with other values, rows that are new (the first of
    them in full), rows that are gone and customers whose they were. None: the record holds no hashes of rows."""

    columns: list[str]
    added: int | None = None
    example: dict[str, object] | None = None
    gone: int | None = None
    gone_customers: tuple[str, ...] = ()


def record_table_hashes(run: tracking.Run, folder: Path, *, context: str) -> None:
    """Keep the fingerprints of every Parquet file in a folder as artifacts of the run, and name each as a data set."""
    document = {}
    for path in sorted(folder.rglob("[!.]*.parquet")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        document[name], hashes = of_table(path)
        run.dataset(name, document[name]["fingerprint"], path, context=context)
        if hashes is not None:
            run.table(hashes, _kept_as(context, name))
    run.json(document, f"evidence/{context}.json")


def of_table(path: Path) -> tuple[dict, pd.DataFrame | None]:
    """A table's `path`, `fingerprint` and `columns` (name -> fingerprint), and the hashes of its rows: customer, row.

    A column's fingerprint depends on whose value it is: values that change places are seen.
    """
    whole, columns, kept = fingerprint.FingerprintSum(), defaultdict(fingerprint.FingerprintSum), []
    keep = pq.ParquetFile(path).metadata.num_rows <= MOST_ROWS
    for rows in fingerprint.batches(path):
        row = fingerprint.row_hashes(rows)
        whole.add(row)
        for name, hashes in fingerprint.column_hashes(rows, keys=[k for k in KEYS if k in rows]).items():
            columns[name].add(hashes)
        kept += [pd.DataFrame({"customer": _customers(rows), "row": row})] if keep else []
    hashes = pd.concat(kept) if kept else None
    fingerprints = {name: str(total) for name, total in sorted(columns.items())}
    return {"path": str(path), "fingerprint": str(whole), "columns": fingerprints}, hashes


def tables(run_id: str, context: str) -> dict[str, dict]:
    """What a run recorded of its tables in one context, by name; {} where it recorded nothing."""
    return runs.document(run_id, f"evidence/{context}.json") or {}


def hashes(run_id: str, context: str, name: str) -> pd.DataFrame | None:
    """The hashes of a recorded table's rows; None where there are none."""
    try:
        return engine.frame(runs.artifact(run_id, _kept_as(context, name)))
    except runs.Missing:
        return None


def changes(recorded: dict, recorded_hashes: pd.DataFrame | None, again: dict) -> Changes:
    """How the table that `again` describes, whose file still lies there, differs from a recorded one."""
    names = sorted(recorded["columns"].keys() | again["columns"].keys())
    columns = [name for name in names if recorded["columns"].get(name) != again["columns"].get(name)]
    now = of_table(Path(again["path"]))[1] if Path(again["path"]).exists() else None
    if recorded_hashes is None or now is None:
        return Changes(columns)
    added, gone = _beyond(now, recorded_hashes), _beyond(recorded_hashes, now)
    return Changes(columns, len(added), _first(Path(again["path"]), added.index), len(gone), _names(again, gone))


def _kept_as(context: str, name: str) -> str:
    return f"evidence/{context}/{names.artifact(name)}.parquet"


def _customers(rows: pd.DataFrame) -> np.ndarray:
    ids = rows[["customer_id"]] if "customer_id" in rows else pd.DataFrame({"none": np.zeros(len(rows))})
    return fingerprint.row_hashes(ids)


def _beyond(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The rows that `others` does not hold, or holds fewer times; the index is the position in the table."""
    rows = rows.reset_index(drop=True)
    nth, nth_other = rows.groupby("row").cumcount(), others.groupby("row").cumcount()
    known = pd.MultiIndex.from_arrays([others.row, nth_other])
    return rows[~pd.MultiIndex.from_arrays([rows.row, nth]).isin(known)]


def _first(path: Path, positions: pd.Index) -> dict[str, object] | None:
    """The first of some rows, by time and customer, as it stands in the table."""
    rows = engine.arrow_table(path).take(positions.to_numpy()[:100_000])
    by = [(key, "ascending") for key in reversed(KEYS) if key in rows.column_names]
    return next(iter((rows.sort_by(by) if by else rows).slice(0, 1).to_pylist()), None)


def _names(again: dict, gone: pd.DataFrame) -> tuple[str, ...]:
    """Whose the missing rows were, as far as these customers have other rows; three of them."""
    if gone.empty or "customer_id" not in again["columns"]:
        return ()
    ids = pc.unique(engine.arrow_table(again["path"], columns=["customer_id"]).column(0)).to_pandas()
    mine = np.isin(_customers(ids.to_frame("customer_id")), gone.customer)
    return tuple(sorted(ids[mine])[:3])
