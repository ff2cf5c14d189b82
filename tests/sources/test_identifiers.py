"""One rule for ids: what the reader makes of a column and what the API makes of a request is the same."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn import engine
from churn.sources.identifiers import identifier
from churn.sources.rows.cleaning import as_identifier, as_text

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
LIKE_NUMBERS = st.from_regex(r"\A[ \t\n]?-?[0-9٣]{0,4}(\.0{0,2})?[\n \u00a0]?\Z")
WHOLE = st.integers(-(10**15), 10**15)


def read(con, values: list) -> list[str | None]:
    """The values as the reader takes them from a column of an input."""
    table = con.create_table("ids", pd.DataFrame({"id": values}), overwrite=True)
    return table.select(id=as_identifier(as_text(table.id))).execute().id.tolist()


@pytest.mark.parametrize(
    ("expected", "spelt"),
    [
        ("12345", ["12345", "12345.0", "12345.00", " 12345", "12345\n", 12345, 12345.0]),
        ("00001", ["00001", "\t00001 ", "\v00001\v", "00001.0"]),
        ("-7", ["-7", "-7.0", -7, -7.0]),
        ("12345.10", ["12345.10"]),
        ("a 1.0", ["a 1.0", " a 1.0 "]),
    ],
)
def test_these_spellings_are_one_id(con, expected, spelt):
    assert {expected} == {identifier(one) for one in spelt}
    assert {expected} == {read(con, [one])[0] for one in spelt}


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXT | LIKE_NUMBERS, min_size=1, max_size=30))
def test_text_is_the_same_id_in_a_column_and_in_a_request(texts):
    assert [identifier(text) or None for text in texts] == read(engine.connect(threads=1), texts)


@settings(deadline=None, max_examples=60)
@given(st.lists(WHOLE, min_size=1, max_size=30), st.sampled_from(["int64", "float64"]))
def test_a_whole_number_is_the_same_id_in_a_column_and_in_a_request(numbers, kind):
    of_json = [float(n) if kind == "float64" else n for n in numbers]
    assert [identifier(n) for n in of_json] == read(engine.connect(threads=1), pd.Series(numbers).astype(kind).tolist())
