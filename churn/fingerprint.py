"""Fingerprints of tables: 128 bits that depend on the rows, not on their order nor on the engine that wrote them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq


def of_parquet(path: Path) -> str:
    """Fingerprint of a Parquet file, read in batches: `<rows>-<hex>`."""
    batches = pq.ParquetFile(path).iter_batches(batch_size=200_000)
    return _combined(row_hashes(batch.to_pandas()) for batch in batches)


def of_frame(rows: pd.DataFrame) -> str:
    """Fingerprint of a table in memory: `<rows>-<hex>`."""
    return _combined([row_hashes(rows)])


def of_values(value: object) -> str:
    """Digest of plain values, 32 hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def row_hashes(rows: pd.DataFrame) -> np.ndarray:
    """A 64-bit hash of each row, shape (n,). Numbers are hashed as float64: a null must not change a column's type."""
    return pd.util.hash_pandas_object(
        pd.DataFrame({name: _plain(rows[name]) for name in sorted(rows)}), index=False
    ).to_numpy()


def _plain(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.astype("datetime64[us, UTC]").astype("int64")
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    return column.astype("str").where(column.notna(), "\x01")  # a null is not the text "None"


def _combined(parts: Iterable[np.ndarray]) -> str:
    rows, total, mixed = 0, np.uint64(0), np.uint64(0)
    for hashes in parts:
        rows += len(hashes)
        total += hashes.sum(dtype=np.uint64)
        mixed ^= np.bitwise_xor.reduce(hashes, initial=np.uint64(0))
    return f"{rows}-{int(total):016x}{int(mixed):016x}"
