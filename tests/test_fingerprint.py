"""A fingerprint names the rows of a table: the same whatever their order or file, another one for other rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn import fingerprint

ROWS = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "cy"],
        "snapshot": pd.to_datetime(["2024-03-01"] * 3, utc=True),
        "hours": [1.5, np.nan, 0.0],
        "count": [1, 2, 3],
        "plan": ["basic", None, "gold"],
        "left": [True, False, True],
    }
)
numbers = st.lists(st.integers(-5, 5) | st.floats(-1, 1), min_size=1, max_size=20)


def test_a_fingerprint_is_the_same_on_every_machine_and_in_every_run():
    assert fingerprint.of_frame(ROWS) == "3-6d72f4a0eb0a88dd95880a40f076d323"


@given(values=numbers, data=st.data())
def test_the_order_of_rows_does_not_matter(values, data):
    shuffled = data.draw(st.permutations(values))
    assert fingerprint.of_frame(frame(values)) == fingerprint.of_frame(frame(shuffled))


@given(values=numbers, data=st.data())
def test_one_other_value_is_another_table(values, data):
    at = data.draw(st.integers(0, len(values) - 1))
    other = [*values[:at], values[at] + 100, *values[at + 1 :]]
    assert fingerprint.of_frame(frame(values)) != fingerprint.of_frame(frame(other))


@settings(deadline=None, max_examples=20)
@given(values=numbers, size=st.integers(1, 7))
def test_a_file_has_the_fingerprint_of_its_rows_however_it_is_cut(values, size, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "cut.parquet"
    pq.write_table(pa.Table.from_pandas(frame(values)), path, row_group_size=size)
    assert fingerprint.of_frame(frame(values)) == fingerprint.of_parquet(path)


def test_neither_the_order_of_columns_nor_the_width_of_a_type_matters():
    wide = ROWS.assign(count=ROWS["count"].astype("float64"), snapshot=ROWS.snapshot.astype("datetime64[us, UTC]"))
    assert fingerprint.of_frame(ROWS) == fingerprint.of_frame(wide[sorted(wide, reverse=True)])


@pytest.mark.parametrize(
    "changed",
    [
        ROWS.assign(hours=[1.5, 0.0, 0.0]),
        ROWS.assign(plan=["basic", "None", "gold"]),
        ROWS.assign(plan=["basic", "", "gold"]),
        ROWS.assign(left=[True, False, False]),
        ROWS.assign(
            snapshot=pd.to_datetime(
                ["2024-03-01", "2024-03-01", "2024-03-01T00:00:00.000001"], utc=True, format="ISO8601"
            )
        ),
        ROWS.assign(hours=ROWS["count"], count=ROWS.hours),
        ROWS.iloc[:2],
        pd.concat([ROWS, ROWS.iloc[:1]]),
        pd.concat([ROWS, ROWS.iloc[:1], ROWS.iloc[:1]]),
    ],
    ids=["null", "null text", "empty text", "flag", "microsecond", "swapped", "fewer", "repeated", "twice"],
)
def test_another_null_flag_time_or_number_of_rows_is_another_table(changed):
    assert fingerprint.of_frame(ROWS) != fingerprint.of_frame(changed)


def test_which_row_is_repeated_matters():
    first, second = (fingerprint.of_frame(pd.concat([ROWS, row, row])) for row in (ROWS.iloc[:1], ROWS.iloc[1:2]))
    assert first != second


def test_a_null_is_a_null_whichever_way_it_is_written():
    assert fingerprint.of_frame(ROWS) == fingerprint.of_frame(ROWS.assign(plan=["basic", np.nan, "gold"]))


def test_an_empty_table_has_a_fingerprint():
    assert fingerprint.of_frame(ROWS.iloc[:0]).startswith("0-")


def test_the_digest_of_values_does_not_depend_on_the_order_of_keys():
    assert fingerprint.of_values({"a": 1, "b": [2]}) == fingerprint.of_values({"b": [2], "a": 1})
    assert fingerprint.of_values({"a": 1}) != fingerprint.of_values({"a": 2})
    assert len(fingerprint.of_values([])) == 32


def frame(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"number": np.array(values, dtype="float64"), "text": [f"{v}" for v in values]})


def test_the_fraction_of_a_text_is_the_same_on_every_machine():
    assert [0.5211018651692769, 0.38871310943075366] == fingerprint.stable_fraction(["00001", "nobody"]).tolist()


@given(st.lists(st.text()))
def test_a_fraction_lies_in_zero_to_one(texts):
    fractions = fingerprint.stable_fraction(texts)
    assert (len(texts),) == fractions.shape
    assert ((fractions >= 0) & (fractions < 1)).all()
