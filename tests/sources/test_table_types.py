"""The reader `tables`: what its columns are, by all their cells, in whatever way and kind of file they are written."""

from __future__ import annotations

import gzip
import json
import uuid
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.engine import connect
from churn.errors import InvalidData
from churn.features.definitions import from_tables
from churn.sources import inputs
from tests.sources import xlsx

DAY, LATER = "2024-01-31", "2024-02-29"
LABELS = "id,gone\nk0,yes\nk1,no\n"


@pytest.fixture(scope="module")
def con():
    return connect(threads=2)


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "lab"


@pytest.fixture
def read(con, place, tmp_path):
    """Stage the table `t` with the cells of some columns, ids k0, k1, ...; or with the files as they lie there."""

    def _read(cells: dict[str, list] | str | None = None, *, labels: str = LABELS, given: dict | None = None, **data):
        put(place / "m0/labels.csv", labels)
        if cells is not None:
            put(place / "m0/t.csv", cells if isinstance(cells, str) else csv(cells))
        data = {
            "source": "tables", "path": str(place), "columns": {"customer_id": "id"}, "tables": ["t"],
            "snapshots": {DAY: "m0"}, "labels": given or {"table": "labels", "column": "gone"},
        } | data  # fmt: skip
        return inputs.read(con, inputs.resolve(con, data), tmp_path / "staged")

    return _read


def put(file: Path, content: str | bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def csv(cells: dict[str, list], separator: str = ",") -> str:
    rows = zip(*([f"k{i}" for i in range(len(next(iter(cells.values()))))], *cells.values()), strict=True)
    return "\n".join(separator.join(f'"{cell}"' for cell in row) for row in [("id", *cells), *rows]) + "\n"


def column(source, name: str) -> list:
    rows = source.tables["t"].execute()
    values = rows.set_index("customer_id")[name].sort_index(key=lambda ids: ids.str[1:].astype(int))
    return [None if pd.isna(value) else value for value in values]


def kind(source, name: str) -> str:
    return str(source.tables["t"][name].type())


def refusal(read, *args, **data) -> str:
    with pytest.raises(InvalidData) as caught:
        read(*args, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


# --- files of any kind ---

SHOP = {
    "plan": ["flex", "vast", "flex", "Größe"],
    "fee": ["29.85", "1000.5", "", "8"],
    "visits": ["3", "12", "", "0"],
    "since": ["2023-05-01", "2023-06-01", "2023-07-31", ""],
    "active": ["True", "False", "True", "False"],
}
TYPED = [
    ["flex", 29.85, 3, datetime(2023, 5, 1), True],
    ["vast", 1000.5, 12, datetime(2023, 6, 1), False],
    ["flex", None, None, datetime(2023, 7, 31), True],
    ["Größe", 8, 0, None, False],
]


def as_xlsx(file: Path) -> None:
    xlsx.write(file, [["id", *SHOP], *([f"k{i}", *row] for i, row in enumerate(TYPED))])


def as_typed(file: Path) -> None:
    frame = pd.DataFrame(TYPED, columns=list(SHOP)).assign(id=[f"k{i}" for i in range(4)])
    frame.astype({"visits": "Int64"}).to_parquet(file)


def as_text(file: Path) -> None:
    pq.write_table(pa.table({"id": [f"k{i}" for i in range(4)]} | SHOP), file)


def as_json(file: Path) -> None:
    rows = zip([f"k{i}" for i in range(4)], *SHOP.values(), strict=True)
    put(file, "\n".join(json.dumps(dict(zip(["id", *SHOP], cells, strict=True))) for cells in rows))


def as_zip(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("t.csv", csv(SHOP))


FILES: dict[str, Callable[[Path], object]] = {
    "t.CSV": lambda file: put(file, csv(SHOP)),
    "t.csv.gz": lambda file: put(file, gzip.compress(csv(SHOP).encode())),
    "t.csv.zip": as_zip,
    "t.tsv": lambda file: put(file, csv(SHOP, "\t").encode("utf-16")),
    "t.txt": lambda file: put(file, csv(SHOP, ";").encode("cp1252")),
    "t.jsonl": as_json,
    "t.xlsx": as_xlsx,
    "t.pq": as_text,
    "t.parquet": as_typed,
}


def features(con, source) -> tuple:
    """What is made of the table: the features, and their values by customer."""
    described = from_tables.described(source.tables, segments=[])
    rows = con.to_pyarrow(from_tables.views(source.tables, snapshot=DAY)["t"].order_by("customer_id"))
    return described, rows.to_pylist()


@pytest.mark.parametrize("name", FILES)
def test_the_same_table_gives_the_same_features_whatever_kind_of_file_it_is_in(con, read, place, name):
    expected = features(con, read(SHOP))
    (place / "m0/t.csv").unlink()
    FILES[name](place / "m0" / name)
    assert expected == features(con, read())


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.jsonl"])
def test_a_table_may_be_in_another_kind_of_file_at_another_snapshot(read, place, name):
    (place / "m1").mkdir(parents=True)
    FILES[name](place / "m1" / name)
    source = read(SHOP, snapshots={DAY: "m0", LATER: "m1"})
    both = source.tables["t"].execute().drop(columns="snapshot").drop_duplicates()
    assert 4 == len(both)
    assert ["string", "float64", "int64", "boolean"] == [kind(source, c) for c in ("plan", "fee", "visits", "active")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "id,x\nk0,1\nk1,2,3\n", "1 of 2 rows cannot be used, '(line)' too many columns, e.g. k1,2,3"),
        ("t.csv", "id,x\nk0,1\nk1\n", "1 of 2 rows cannot be used, '(line)' missing columns, e.g. k1"),
        ("t.jsonl", '{"id": "k0", "x": 1}\n[1, 2]\n', "1 of 2 rows cannot be used, '(line)' is not a JSON object"),
    ],
)
def test_a_line_that_does_not_fit_is_refused(read, place, name, content, said):
    put(place / "m0" / name, content)
    assert said in refusal(read)


# --- what a column is ---


@pytest.mark.parametrize("nothing", ["", " ", "NA", "n/a", "NULL", "#N/A", "nan"])
def test_a_blank_and_a_word_for_missing_are_nothing(read, nothing):
    source = read({"fee": ["1.5", nothing], "visits": [nothing, "2"], "since": [nothing, "2023-05-01"]})
    assert ([1.5, None], [None, 2]) == (column(source, "fee"), column(source, "visits"))
    assert [None, day("2023-05-01")] == column(source, "since")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,234.00", "5.5", "0.25"], [1234.0, 5.5, 0.25]),
        (["1.234,00", "5,5", "0,25"], [1234.0, 5.5, 0.25]),
        (["1 234,00", "5,5", "0,25"], [1234.0, 5.5, 0.25]),
        (["€ 12.50", "$5", "-3.25"], [12.5, 5.0, -3.25]),
        (["24.483650766787413", "1e-7", "0.1"], [24.483650766787413, 1e-7, 0.1]),
    ],
)
def test_numbers_are_read_as_they_are_written(read, cells, expected):
    source = read({"fee": cells})
    assert ("float64", expected) == (kind(source, "fee"), column(source, "fee"))


@pytest.mark.parametrize(
    ("cells", "data"),
    [
        (["2023-05-31", "2023-05-31 00:00:00"], {}),
        (["31-05-2023", "31.05.2023"], {}),
        (["05/31/2023", "5/31/2023 12:00 AM"], {}),
        (["31 May 2023", "31 May 2023"], {"format": {"dates": {"since": "%d %b %Y"}}}),
        (["20230531", "20230531"], {"format": {"dates": {"since": "iso"}}}),
        (["45077", "45077.0"], {"format": {"dates": {"since": "serial"}}}),
        (["1685491200", "1685491200"], {"format": {"dates": {"since": "epoch_s"}}}),
    ],
)
def test_dates_are_read_as_they_are_written_or_as_is_said(read, cells, data):
    assert [day("2023-05-31")] * 2 == column(read({"since": cells}, **data), "since")


def test_times_without_a_zone_are_those_of_the_zone_that_is_said(read):
    source = read({"since": ["2023-05-31 12:00", "2023-01-31 12:00"]}, zone="Europe/Amsterdam")
    assert [day("2023-05-31 10:00"), day("2023-01-31 11:00")] == column(source, "since")


@pytest.mark.parametrize("words", ["Yes No", "y n", "TRUE FALSE", "t f", "ja nee", "oui non", "true 0"])
def test_a_flag_is_read_by_its_words(read, words):
    yes, no = words.split()
    source = read({"active": [yes, no, yes]})
    assert ("boolean", [True, False, True]) == (kind(source, "active"), column(source, "active"))


@pytest.mark.parametrize("words", ["Yes No", "y n", "TRUE FALSE", "t f", "1 0", "1.0 0.0", "Churned Retained"])
def test_labels_are_read_by_the_same_words(read, words):
    yes, no = words.split()
    labels = read({"x": [1, 2]}, labels=f"id,gone\nk0,{yes}\nk1,{no}\n").labels.order_by("customer_id").execute()
    assert [True, False] == labels.churned.tolist()


@pytest.mark.parametrize("word", ["maybe", "2", "joined"])
def test_another_word_for_a_label_is_refused(read, word):
    said = f"'gone' must be true or false, yes or no, 1 or 0, churned or retained; 1 rows hold '{word}'"
    assert said in refusal(read, {"x": [1, 2]}, labels=f"id,gone\nk0,yes\nk1,{word}\n")


def test_the_label_may_stand_in_a_feature_table_and_be_blank_where_it_is_not_known_yet(read, place):
    put(place / "m1/t.csv", csv({"x": [1, 2], "gone": ["", ""]}))
    whole = {"x": [1, 2], "gone": ["Yes", "No"]}
    source = read(whole, given={"table": "t", "column": "gone"}, snapshots={DAY: "m0", LATER: "m1"})
    assert ["customer_id", "snapshot", "x"] == list(source.tables["t"].columns)
    assert [(day(DAY), True), (day(DAY), False)] == [
        (row.snapshot, row.churned) for row in source.labels.order_by("customer_id").execute().itertuples()
    ]


@pytest.mark.parametrize("codes", [["0612345678", "0687654321"], ["01234", "00123"], ["007", "012"]])
def test_digits_with_a_leading_zero_are_codes(read, codes):
    source = read({"code": codes})
    assert ("string", codes) == (kind(source, "code"), column(source, "code"))


@pytest.mark.parametrize("cells", [["1011", "3012"], ["1", "2"], ["3+", "2"]])
def test_a_column_that_is_said_to_be_a_category_is_one(read, cells):
    source = read({"code": cells}, categories=["code"])
    assert ("string", cells) == (kind(source, "code"), column(source, "code"))


def test_among_the_words_of_a_segment_na_is_namibia_and_flags_are_written_alike(read):
    source = read({"land": ["NA", "", "DE"], "vip": ["True", "false", ""]}, segments=["land", "vip"])
    assert ["NA", "unknown", "DE"] == column(source, "land")
    assert ["true", "false", "unknown"] == column(source, "vip")


# --- what is nearly a number, or a date ---


@pytest.mark.parametrize("odd", ["unknown", "?", "12%", "1.2.3", "1_2"])
def test_a_column_of_numbers_with_a_few_other_cells_is_refused_with_share_and_examples(read, odd):
    said = refusal(read, {"charges": [f"{i}.5" for i in range(198)] + [odd] * 2})
    assert f"table t: 'charges' looks like numbers, but 2 of its 200 cells (1.00%) are none, e.g. {odd!r}; " in said
    assert "data.null_words, name the column in data.categories, or correct the cells" in said


@pytest.mark.parametrize("odd", ["soon", "31 May 2023", "2023-13-45", "9999-12-31"])
def test_a_column_of_dates_with_a_few_other_cells_is_refused_with_share_and_examples(read, odd):
    said = refusal(read, {"since": ["2023-05-01"] * 198 + [odd] * 2})
    assert f"'since' looks like times, written iso, but 2 of its 200 cells (1.00%) are none, e.g. {odd!r}; " in said
    assert "format: {dates: {since: day_first}}, or a pattern such as '%d %b %Y'" in said


@pytest.mark.parametrize("cell", ["31 May 2023", "May 31, 2023", "31-MEI-23", "1. März 2023"])
def test_a_column_of_dates_that_cannot_be_read_is_no_category(read, cell):
    assert f"3 of its 3 cells (100.00%) are none, e.g. {cell!r}; say how" in refusal(read, {"since": [cell] * 3})


@pytest.mark.parametrize(
    ("cells", "data", "expected"),
    [
        (["1.5", "?", "2"], {"null_words": ["?"]}, [1.5, None, 2.0]),
        (["2023-05-01", "9999-12-31"], {"null_words": ["9999-12-31"]}, [day("2023-05-01"), None]),
        (["1.5", "?", "2"], {"categories": ["x"]}, ["1.5", "?", "2"]),
    ],
)
def test_what_a_refusal_asks_for_helps(read, cells, data, expected):
    refusal(read, {"x": cells})
    assert expected == column(read({"x": cells}, **data), "x")


def test_dates_that_can_be_read_in_two_ways_are_refused(read):
    said = refusal(read, {"since": ["01/02/2023", "03/02/2023"]})
    assert "1 February 2023 or 2 January 2023" in said
    assert "format: {dates: day_first} or format: {dates: month_first}" in said


# --- ids ---


@pytest.mark.parametrize("word", ["nan", "NULL", "None", "#N/A", " "])
def test_a_word_for_missing_is_no_id(read, word):
    assert "table t: 1 of 2 rows cannot be used, 'id' is missing" in refusal(read, f"id,x\nk0,1\n{word},2\n")


@pytest.mark.parametrize("ids", [["4.00098E+11", "k"], pa.array([1.2345e16, 2.0]), pa.array([2.0**53, 1.0])])
def test_an_id_that_was_rounded_is_refused(read, place, ids):
    place.joinpath("m0").mkdir(parents=True)
    pq.write_table(pa.table({"id": ids, "x": [1, 2]}), place / "m0/t.parquet")
    assert "1 of 2 rows cannot be used, 'id' is a rounded number, as a spreadsheet writes long ones" in refusal(read)


ONE, OTHER = uuid.UUID(int=2**100 + 1), uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([ONE.bytes, OTHER.bytes], pa.binary(16)), [str(OTHER), str(ONE)]),
        (pa.array([17850.0, 2.0]), ["17850", "2"]),
        (["17850.0", " 007 "], ["007", "17850"]),
    ],
)
def test_ids_are_text_by_the_rule_of_events(read, place, ids, expected):
    place.joinpath("m0").mkdir(parents=True)
    pq.write_table(pa.table({"id": ids, "x": [1, 2]}), place / "m0/t.parquet")
    assert expected == sorted(read().tables["t"].execute().customer_id)


# --- what is told, and pinned ---


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([f"06-{i:08}" for i in range(60)], "'x' is a category with 60 different values for 60 customers, e.g. '06-0"),
        ([f"note {i // 2 * 2} of them" for i in range(120)], "'x' is a category with 60 different values for 120 cust"),
        ([31612345678 + i for i in range(60)], "'x' was read as a number, with 60 different values for 60 customers, "),
    ],
)
def test_a_column_with_nearly_another_value_for_each_customer_is_told(read, cells, said):
    assert [True] == [said in note for note in read({"x": cells}).notes]


@pytest.mark.parametrize("cells", [[f"k{i % 20}" for i in range(60)], [f"{i}.25" for i in range(60)], list(range(60))])
def test_columns_of_few_words_and_of_numbers_are_not_told(read, cells):
    assert [] == read({"x": cells}).notes


def test_files_that_lie_beside_the_tables_are_told(read, place):
    put(place / "m0/payments.csv", "id,x\n")
    assert ["tables: passed over in the snapshots' folders: m0/payments.csv"] == read({"x": [1, 2]}).notes


def test_how_each_table_is_written_is_shown(read):
    shown = read({"fee": ["1,5", "2,5"]}).inputs
    assert ["table t", "labels labels"] == shown["table"].tolist()
    assert "separated by commas, utf-8, names in line 1, decimal comma, thousands point" == shown.written[0]
    assert ([2, 2], ["t.csv", "labels.csv"]) == (shown.rows.tolist(), shown.files.tolist())


def test_what_was_found_out_is_pinned_once_for_all_tables_and_their_own_where_they_differ(con, read, place):
    put(place / "m0/u.csv", "id;fee;since\nk0;1,5;31.05.2023\n")
    read({"paid": ["1.5", "2.5"]}, tables=["t", "u"])
    data = {
        "source": "tables", "path": str(place), "columns": {"customer_id": "id"}, "tables": ["t", "u"],
        "snapshots": {DAY: "m0"}, "labels": {"table": "labels", "column": "gone"},
    }  # fmt: skip
    found = inputs.resolve(con, data)
    assert {"encoding": "utf-8", "header": 1, "dates": "day_first"} == found["format"]
    assert {
        "t": {"separator": ",", "decimal": ".", "thousands": ","},
        "u": {"separator": ";", "decimal": ",", "thousands": "."},
        "labels": {"separator": ","},
    } == found["formats"]
    assert found == inputs.resolve(con, found)


# --- dates that may lie ahead ---


def test_a_date_that_may_lie_ahead_becomes_the_days_until_then(con, read):
    source = read({"ends": ["2024-02-10", "2024-01-21", ""]}, future_dates=["ends"])
    made = from_tables.views(source.tables, snapshot=DAY, future_dates=source.future_dates)["t"]
    assert [10.0, -10.0, None] == con.to_pyarrow(made.order_by("customer_id"))["days_until_ends"].to_pylist()
    [feature] = from_tables.described(source.tables, segments=[], future_dates=source.future_dates)
    assert ("days_until_ends", "number", "days") == (feature.name, feature.type, feature.unit)
    assert "as given in t; below zero where it is past" == feature.meaning


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("end", "data.future_dates, of the tables t: no column 'end'; found ends, x, w; did you mean 'ends'?"),
        ("x", "data.future_dates: 'x' holds no dates, it was read as int64"),
        ("w", "data.future_dates: 'w' holds no dates, it was read as string"),
    ],
)
def test_only_a_column_of_dates_may_lie_ahead(read, name, said):
    cells = {"ends": ["2024-02-10", "2024-01-21"], "x": [1, 2], "w": ["a", "b"]}
    assert said in refusal(read, cells, future_dates=[name])
