"""Rows of whole columns in bytes, and back: what was packed is unpacked, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.features.online.packing import ARROW, CATEGORY, INTEGER, NUMBER, Layout

VALUES = {
    INTEGER: st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 2**53 + 1]),
    NUMBER: st.floats(allow_nan=False) | st.sampled_from([-0.0, math.inf, 5e-324, 1.7976931348623157e308]),
    CATEGORY: st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["", "\0", "ﬀ👩‍👧", "x" * 70_000]),
}


@st.composite
def tables(draw) -> tuple[tuple, list[list], list[int]]:
    """Columns (name, type), their values a row each, and each row's time."""
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=70))
    rows = draw(st.lists(st.tuples(*(st.none() | VALUES[kind] for kind in kinds)), max_size=4))
    times = [draw(st.integers(1, 2**62)) for _ in rows]
    return tuple((f"f{n}", kind) for n, kind in enumerate(kinds)), list(map(list, rows)), times


def packed(columns: tuple, rows: list[list], times: list[int]) -> tuple[Layout, list[bytes]]:
    layout = Layout(columns)
    arrays = {name: pa.array([row[n] for row in rows], ARROW[kind]) for n, (name, kind) in enumerate(columns)}
    return layout, layout.pack(arrays, np.array(times, dtype=np.int64))


def bits(value: object) -> object:
    """A value as it can be compared: -0.0 is another one than 0.0."""
    return (value, math.copysign(1, value)) if isinstance(value, float) else value


@given(tables())
def test_what_was_packed_is_unpacked(table):
    columns, rows, times = table
    layout, held = packed(*table)
    unpacked = layout.unpack(b"".join(held), list(map(len, held)))
    found = [unpacked.values(name) for name, _ in columns]
    assert [[bits(value) for value in row] for row in rows] == [
        [bits(column[n]) for column in found] for n in range(len(rows))
    ]
    assert times == unpacked.times.tolist()


@given(tables())
def test_as_numbers_a_null_is_a_nan_and_everything_else_a_float(table):
    columns, rows, _ = table
    layout, held = packed(*table)
    numbers = layout.unpack(b"".join(held), list(map(len, held))).numbers
    for n, (_, kind) in enumerate(columns):
        if kind != CATEGORY:
            expected = [math.nan if row[n] is None else float(row[n]) for row in rows]
            assert np.array_equal(expected, numbers[:, n], equal_nan=True)


@pytest.mark.parametrize("columns", [(("a", INTEGER), ("b", NUMBER)), (("a", INTEGER), ("b", CATEGORY))])
def test_a_customer_without_a_row_has_no_time_and_no_values_in_its_place(columns):
    layout, [one, two] = packed(columns, [[1, None], [None, None]], [7, 8])
    unpacked = layout.unpack(one + two, [0, len(one), 0, len(two)])
    assert [False, True, False, True] == unpacked.found.tolist()
    assert [0, 7, 0, 8] == unpacked.times.tolist()
    assert ([None, 1, None, None], [None] * 4) == (unpacked.values("a"), unpacked.values("b"))
    assert [True, False, True, True] == np.isnan(unpacked.numbers[:, 0]).tolist()


def test_a_nan_is_a_null_as_it_is_to_feast():
    layout, [row] = packed((("a", NUMBER),), [[math.nan]], [1])
    assert [None] == layout.unpack(row, [len(row)]).values("a")


def test_columns_of_other_types_are_packed_as_those_that_a_view_names():
    layout = Layout((("whole", INTEGER), ("number", NUMBER), ("text", CATEGORY)))
    columns = {"whole": pa.array([3], pa.int32()), "number": pa.array([7]), "text": pa.array(["x"]).dictionary_encode()}
    [row] = layout.pack(columns, 1)
    held = layout.unpack(row, [len(row)])
    assert [[3], [7.0], ["x"]] == [held.values(name) for name in columns]
