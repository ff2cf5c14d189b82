"""Fingerprints of tables: 128 bits that depend on the rows, not on their order nor on the engine that wrote them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NULL = "\x01"  # a null is not the text "None"


def of_parquet(path: Path) -> str:
    """Fingerprint of a Parquet file, read in batches: `<rows>-<hex>`."""
    return _combined(row_hashes(rows) for rows in batches(path))


def of_frame(rows: pd.DataFrame) -> str:
    """Fingerprint of a table in memory: `<rows>-<hex>`."""
    return _combined([row_hashes(rows)])


def of_values(value: object) -> str:
    """Digest of plain values, 32 hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def stable_fraction(texts: Iterable[str]) -> np.ndarray:
    """A number in [0, 1) for each text, shape (n,), spread evenly: the same on every machine and in every run."""
    return np.array([int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 16**13 for text in texts])


def batches(path: Path, *, size: int = 200_000) -> Iterator[pd.DataFrame]:
    """A Parquet file as frames to be hashed: each text once, as a category, and decimals as float64."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=size):
        columns = [_hashable(column) for column in batch.columns]
        yield pa.table(columns, batch.schema.names).to_pandas(strings_to_categorical=True)


def row_hashes(rows: pd.DataFrame) -> np.ndarray:
    """A 64-bit hash of each row, shape (n,). Numbers are hashed as float64: a null must not change a column's type."""
    return pd.util.hash_pandas_object(
        pd.DataFrame({name: _plain(rows[name]) for name in sorted(rows)}), index=False
    ).to_numpy()


def column_hashes(rows: pd.DataFrame, *, keys: list[str]) -> dict[str, np.ndarray]:
    """A 64-bit hash of each value, by column, each shape (n,): the same value under other keys has another hash."""
    key = row_hashes(rows[keys]) if keys else np.zeros(len(rows), dtype="uint64")
    return {
        name: pd.util.hash_pandas_object(
            pd.DataFrame({"key": key, "value": _plain(values).reset_index(drop=True)}), index=False
        ).to_numpy()
        for name, values in rows.items()
    }


class FingerprintSum:
    """A fingerprint in the making: hashes are added in any order and any portions."""

    def __init__(self) -> None:
        self.rows, self._sum, self._mixed = 0, 0, 0

    def add(self, hashes: np.ndarray) -> None:
        """Add the hashes of some rows, uint64, shape (n,)."""
        self.rows += len(hashes)
        self._sum = (self._sum + int(hashes.sum(dtype=np.uint64))) % 2**64
        self._mixed ^= int(np.bitwise_xor.reduce(hashes, initial=np.uint64(0)))

    def with_portion(self, rows: int, total: int, mixed: int) -> FingerprintSum:
        """Another one that has so many rows more, of whose hashes an engine gives the sum and the exclusive or."""
        more = FingerprintSum()
        more.rows, more._sum, more._mixed = self.rows + rows, (self._sum + total) % 2**64, self._mixed ^ (mixed % 2**64)
        return more

    def __str__(self) -> str:
        return f"{self.rows}-{self._sum:016x}{self._mixed:016x}"


def _combined(parts: Iterable[np.ndarray]) -> str:
    total = FingerprintSum()
    for hashes in parts:
        total.add(hashes)
    return str(total)


def _hashable(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.fill_null(column, NULL)
    return column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column


def _plain(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):  # of texts, as `batches` makes them
        return column
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.astype("datetime64[us, UTC]").astype("int64")
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    return column.astype("str").where(column.notna(), NULL)
