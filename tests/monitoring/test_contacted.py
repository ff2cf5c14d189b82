"""A file of who was contacted: read as people write it, or refused in one line before anything runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from churn.errors import InvalidData
from churn.monitoring import contacted


@pytest.fixture
def file(tmp_path):
    def _file(text: str, name: str = "contacted.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return _file


def rows(path: Path) -> list[tuple[str, str]]:
    return [(row.customer_id, f"{row.at:%FT%TZ}") for row in contacted.read(path).itertuples()]


@pytest.mark.parametrize("parted", [",", ";", "\t"])
@pytest.mark.parametrize("column", ["customer", "customer_id"])
def test_ids_stay_text_and_times_are_utc(file, parted, column):
    text = f"{column}{parted}at\n00004{parted}2023-01-05\n7{parted}2023-01-05T10:00:00+02:00\n"
    assert [("00004", "2023-01-05T00:00:00Z"), ("7", "2023-01-05T08:00:00Z")] == rows(file(text))


def test_parquet_is_read_too(tmp_path):
    path = tmp_path / "contacted.parquet"
    pd.DataFrame({"customer_id": ["a"], "at": [pd.Timestamp("2023-01-05 10:00")], "who": ["x"]}).to_parquet(path)
    assert [("a", "2023-01-05T10:00:00Z")] == rows(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("who,at\na,2023-01-05\n", "has the columns customer_id (or customer) and at; found who, at"),
        ("customer,at\na,2023-01-05\nb,03/04/2023\nc,x\n",
         "each row has a time; found '03/04/2023' in row 2 and 1 more; write 2024-03-05"),
        ("customer,at\n,2023-01-05\n", "each row has a customer; found '' in row 1; give it"),
        ("", "is CSV in UTF-8, or Parquet; found No columns to parse from file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_in_one_line(file, text, said):
    with pytest.raises(InvalidData) as refused:
        contacted.read(file(text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidData, match=r"none\.csv: there is no such file; correct score\.contacted"):
        contacted.read(tmp_path / "none.csv")


def test_customers_of_no_list_are_named_and_those_of_any_are_not(listed, file):
    made = [listed("2023-05-01"), listed("2023-06-01")]
    first, last = (one.rows().customer_id.iloc[0] for one in made)
    assert 2 == len(contacted.check(file(f"customer,at\n{first},2023-05-05\n{last},2023-06-05\n"), made))
    unknown = file("customer,at\n" + "".join(f"{i},2023-05-05\n" for i in range(5)))
    with pytest.raises(InvalidData, match="each customer is on a list; found '0', '1', '2' and 2 more on none"):
        contacted.check(unknown, made)


def test_before_the_first_list_nobody_can_have_been_contacted(file):
    with pytest.raises(InvalidData, match="there is no list yet"):
        contacted.check(file("customer,at\na,2023-05-05\n"), [])


def test_no_file_says_nothing():
    assert contacted.given("", []) is None
