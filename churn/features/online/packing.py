"""A customer's row of one view as bytes: words of eight bytes, little-endian, and behind them the texts in UTF-8.

The first word is the row's time (microseconds since 1970, UTC). Then one for each column: an integer, a float, or the
length of a text in bytes. Then a bit for each column that is null. Whole columns are packed and unpacked at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churn.features.online.snapshot import Columns

INTEGER, NUMBER, CATEGORY = "integer", "number", "category"
ARROW = {INTEGER: pa.int64(), NUMBER: pa.float64(), CATEGORY: pa.string()}
WORD, BITS = 8, 64


class Layout:
    """How rows with these columns lie in bytes."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.at = {name: place for place, (name, _) in enumerate(columns)}
        self._kinds = [kind for _, kind in columns]
        self.whole = np.array([kind == INTEGER for kind in self._kinds], dtype=bool)
        self.texts = [place for place, kind in enumerate(self._kinds) if kind == CATEGORY]
        self.words = 1 + len(columns) + -(-len(columns) // BITS)

    def pack(self, columns: Mapping[str, pa.Array], at: int | np.ndarray) -> list[bytes]:
        """The rows of n customers, of whole columns and their time or times, shape (n,). A nan is a null."""
        arrays = [columns[name].cast(ARROW[kind]) for name, kind in self.columns]
        words = np.zeros((len(arrays[0]), self.words), dtype="<i8")
        words[:, 0] = at
        for place, (array, kind) in enumerate(zip(arrays, self._kinds, strict=True)):
            null = pc.is_null(array, nan_is_null=True).to_numpy(zero_copy_only=False)
            words[:, 1 + place] = np.where(null, 0, _words(array, kind))
            words[:, 1 + len(arrays) + place // BITS] |= null.astype("<i8") << (place % BITS)
        data, places = self._joined(words, arrays)
        return [data[begins:ends] for begins, ends in pairwise(places)]

    def _joined(self, words: np.ndarray, arrays: list[pa.Array]) -> tuple[bytes, Iterable[int]]:
        """Rows one after the other, and where each begins and the last one ends."""
        size = WORD * self.words
        if not self.texts:
            return words.tobytes(), range(0, len(words) * size + 1, size)
        fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(words), [None, pa.py_buffer(words)])
        texts = [pc.fill_null(arrays[place], "").cast(pa.binary()) for place in self.texts]
        rows = pc.binary_join_element_wise(fixed.cast(pa.binary()), *texts, b"")
        _, places, data = rows.buffers()
        return data.to_pybytes(), np.frombuffer(places, dtype="<i4", count=len(rows) + 1).tolist()

    def unpack(self, data: bytes, sizes: list[int]) -> Unpacked:
        """Rows that lie one after the other; `sizes`: in bytes, of n customers, 0 for one of whom there is none."""
        lengths = np.array(sizes, dtype=np.int64)
        found = lengths > 0
        if not self.texts:
            return Unpacked(self, found, np.frombuffer(data, dtype="<i8").reshape(-1, self.words), [])
        ends = lengths[found].cumsum()
        begins = ends - lengths[found]
        spread = begins[:, None] + np.arange(WORD * self.words)
        words = np.frombuffer(data, dtype=np.uint8)[spread].view("<i8")
        sizes = words[:, [1 + place for place in self.texts]]
        text_ends = (begins + WORD * self.words)[:, None] + sizes.cumsum(axis=1)
        texts = [
            [data[a:b].decode() for a, b in zip((end - size).tolist(), end.tolist(), strict=True)]
            for end, size in zip(text_ends.T, sizes.T, strict=True)
        ]
        return Unpacked(self, found, words, texts)


layout = lru_cache(maxsize=64)(Layout)


class Unpacked:
    """Rows of one view, of n customers asked for: `found` says of whom there is one, shape (n,)."""

    def __init__(self, layout: Layout, found: np.ndarray, words: np.ndarray, texts: list[list[str]]) -> None:
        self.layout, self.found, self._words, self._texts = layout, found, words, texts

    @cached_property
    def _nulls(self) -> np.ndarray:
        width = len(self.layout.columns)
        bits = np.ascontiguousarray(self._words[:, 1 + width :]).view(np.uint8)
        return np.unpackbits(bits, axis=1, count=width, bitorder="little").view(bool)

    @cached_property
    def times(self) -> np.ndarray:
        """Each row's time, shape (n,); 0 where there is no row."""
        return self._spread(self._words[:, 0], 0)

    @cached_property
    def numbers(self) -> np.ndarray:
        """Every column as floats, shape (n, k): nan for a null, for a text, and where there is no row."""
        cells = self._words[:, 1 : 1 + len(self.layout.columns)]
        whole = self.layout.whole
        numbers = np.where(whole, cells, cells.view("<f8")) if whole.any() else cells.view("<f8").copy()
        numbers[self._nulls] = np.nan
        numbers[:, self.layout.texts] = np.nan
        return self._spread(numbers, np.nan)

    def values(self, name: str) -> list[float | int | str | None]:
        """One column exactly as it was packed; None for a null and where there is no row."""
        place = self.layout.at[name]
        kind, cells = self.layout.columns[place][1], self._words[:, 1 + place]
        if kind == CATEGORY:
            held = self._texts[self.layout.texts.index(place)]
        else:
            held = (cells.view("<f8") if kind == NUMBER else cells).tolist()
        null = self._nulls[:, place].tolist()
        values = iter([None if gone else value for value, gone in zip(held, null, strict=True)])
        return [next(values) if known else None for known in self.found.tolist()]

    def _spread(self, held: np.ndarray, nothing: float) -> np.ndarray:
        if len(held) == len(self.found):
            return held
        spread = np.full((len(self.found), *held.shape[1:]), nothing, dtype=held.dtype)
        spread[self.found] = held
        return spread


def _words(array: pa.Array, kind: str) -> np.ndarray:
    if kind == CATEGORY:
        return pc.fill_null(pc.binary_length(array), 0).to_numpy()
    filled = pc.fill_null(array, 0).to_numpy()
    return filled.view("<i8") if kind == NUMBER else filled
