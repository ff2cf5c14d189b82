"""One log in any dialect that shops export gives the same events, or is refused with the line to add: never others."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from churn import fingerprint
from churn.engine import connect
from churn.errors import InvalidData
from churn.sources import inputs
from tests.sources import xlsx
from tests.sources.dialects import (
    COLUMNS,
    Dialect,
    epoch,
    log,
    month_first,
    number,
    offset,
    pattern,
    serial,
    zoned,
)

ROWS = log()
EARLIER = log(first=datetime(1998, 1, 1))  # 98 is a year and no day
DOTS, SLASHES = pattern("%d.%m.%Y %H:%M"), pattern("%d/%m/%Y %H:%M")
GERMAN = Dialect(separator=";", number=number(",", "."), time=DOTS)
US = Dialect(time=month_first, number=number(".", ","))
NBSP, NARROW = "\u00a0", "\u202f"

DIALECTS = {
    "semicolons, comma, day first": GERMAN,
    "the same in cp1252 with CRLF": replace(GERMAN, encoding="cp1252", ends="\r\n"),
    "the same in latin-1, all quoted": replace(
        GERMAN, encoding="latin-1", quoting=csv.QUOTE_ALL, number=number(",", ".")
    ),
    "the same, zipped, in capitals": replace(GERMAN, ending=".CSV.ZIP", encoding="cp1252"),
    "sep= in front, with a byte order mark": replace(GERMAN, before="sep=;\r\n", ends="\r\n", encoding="utf-8-sig"),
    "SEP=| in front": Dialect(separator="|", before="SEP=|\n"),
    "a preamble": Dialect(before="Export of the shop\nPeriod: 2023, all\n\n"),
    "a preamble of records": replace(GERMAN, before='"Export; shop"\r\n\r\nCustomers;;;;\r\n', ends="\r\n"),
    "tabs": Dialect(separator="\t", time=SLASHES),
    "TSV, dashes": Dialect(separator="\t", ending=".tsv", time=pattern("%d-%m-%Y %H:%M:%S")),
    "TSV.GZ": Dialect(separator="\t", ending=".TSV.GZ"),
    "bars in a .txt": Dialect(separator="|", number=number(","), ending=".txt"),
    "Macintosh": Dialect(ends="\r"),
    "month first, AM and PM": US,
    "month first, two digits, dollars": Dialect(time=pattern("%m/%d/%y %H:%M"), number=number(".", ",", before="$")),
    "pounds": Dialect(time=SLASHES, number=number(".", ",", before="£")),
    "a currency's code": Dialect(number=number(".", ",", before="EUR ")),
    "apostrophes": Dialect(separator=";", number=number(".", "'"), time=DOTS),
    "typographic apostrophes": Dialect(separator=";", number=number(".", "’"), time=pattern("%d.%m.%Y, %H:%M")),
    "spaces and a sign behind": Dialect(separator=";", number=number(",", " ", behind=" €"), time=SLASHES),
    "spaces that do not break": Dialect(separator=";", number=number(",", NBSP, behind=NBSP + "€"), encoding="cp1252"),
    "narrow spaces, utf-16": Dialect(separator="\t", number=number(",", NARROW, behind=" €"), encoding="utf-16"),
    "a minus behind": Dialect(separator="|", number=number(",", ".", trailing_minus=True), time=DOTS),
    "a minus of its own": Dialect(number=lambda value: number()(value).replace("-", "\u2212")),
    "brackets below zero": Dialect(number=lambda v: number()(v) if v >= 0 else f"({number(before='$')(-v)})"),
    "20230131 1705": Dialect(time=pattern("%Y%m%d %H%M")),
    "20230131T170500": Dialect(time=pattern("%Y%m%dT%H%M%S")),
    "slashes, year first": Dialect(time=pattern("%Y/%m/%d %H:%M")),
    "Z": Dialect(time=pattern("%Y-%m-%dT%H:%M:%S.000Z")),
    "UTC": Dialect(time=pattern("%Y-%m-%d %H:%M:%S UTC")),
    "-0500": Dialect(time=zoned),
    "+02:00": Dialect(time=offset),
    "day first with a zone": Dialect(time=pattern("%d/%m/%Y %H:%M:%S +0000")),
    "seconds": Dialect(time=epoch()),
    "milliseconds": Dialect(time=epoch(1000), separator=";"),
    "serials": Dialect(time=serial),
    "serials with a comma": replace(GERMAN, time=lambda at: serial(at).replace(".", ",")),
    "utf-16-le without a mark": Dialect(encoding="utf-16-le", separator="\t"),
    "utf-16-be without a mark": Dialect(encoding="utf-16-be", separator="\t", ending=".txt"),
    "utf-16, gzipped": replace(GERMAN, encoding="utf-16", ending=".csv.gz"),
    "zst": Dialect(ending=".csv.zst"),
    "JSON lines": Dialect(kind="json", ending=".jsonl"),
    "JSON lines, day first, packed": replace(GERMAN, kind="json", ending=".ndjson.gz"),
    "Parquet of texts": replace(GERMAN, kind="parquet", ending=".parquet"),
    "a workbook": Dialect(kind="xlsx", ending=".xlsx"),
    "A WORKBOOK": Dialect(kind="xlsx", ending=".XLSX"),
}  # fmt: skip


@pytest.fixture(scope="module")
def con():
    return connect(threads=2)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("dialects")


@pytest.fixture(scope="module")
def events(con, place):
    """The fingerprint of the events that a log in a dialect gives."""

    def _events(rows: list, dialect: Dialect, **said) -> str:
        data = {"source": "events", "path": str(dialect.write(place, rows)), "columns": COLUMNS}
        inputs.read(con, data | {"max_customer_share": 1.0} | said, place / "staged")
        return fingerprint.of_parquet(place / "staged/events.parquet")

    return _events


@pytest.fixture(scope="module")
def expected(events) -> str:
    return events(ROWS, Dialect())


def refusal(events, rows: list, dialect: Dialect, **said) -> str:
    with pytest.raises(InvalidData) as caught:
        events(rows, dialect, **said)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def lines_to_add(message: str) -> list[dict]:
    """What a refusal tells to add to the data section."""
    return [yaml.safe_load(line) for line in re.findall(r"format: \{[^}]*\}", message)]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_log_in_any_dialect_gives_the_same_events_without_a_word_about_it(events, expected, name):
    assert expected == events(ROWS, DIALECTS[name])


@pytest.mark.parametrize("form", ["%d.%m.%y %H:%M", "%y-%m-%d %H:%M", "%m/%d/%y %H:%M"])
def test_years_of_two_digits_are_read_where_they_can_be_no_days(events, form):
    assert events(EARLIER, Dialect()) == events(EARLIER, Dialect(time=pattern(form)))


def test_a_workbook_is_read_where_the_columns_stand(con, place):
    rows = [
        ["Export", "", ""],
        ["", "", ""],
        ["id", "day", "amount"],
        [7, datetime(2023, 5, 1, 10, 30), Decimal("1.5")],
    ]
    path = xlsx.write(place / "sheets.xlsx", [["Colophon"], ["made by"]], Orders=rows)
    columns = {"customer_id": "id", "at": "day", "value": "amount"}
    source = inputs.read(con, {"source": "events", "path": str(path), "columns": columns}, place / "sheets")
    assert ["7"] == list(source.events.execute().customer_id)
    assert ["sheet Orders, names in line 3"] == list(source.inputs.written)


# --- what is open is refused with both readings, and the line to add says which ---

UP_TO_THE_12TH = log(last_day=12)
THOUSANDS = [(id, at, kind, Decimal(i * 37 % 999) + 1000, name) for i, (id, at, kind, _, name) in enumerate(ROWS)]
IN_2012 = [(id, at.replace(year=2010 + at.day % 3), kind, value, name) for id, at, kind, value, name in ROWS]
OPEN = {
    "day or month": (UP_TO_THE_12TH, Dialect(time=SLASHES), {"dates": "day_first"}),
    "month or day": (UP_TO_THE_12TH, Dialect(time=pattern("%m-%d-%Y %H:%M")), {"dates": "month_first"}),
    "day or month, two digits": (UP_TO_THE_12TH, Dialect(time=pattern("%d.%m.%y %H:%M")), {"dates": "day_first"}),
    "day or year": (IN_2012, Dialect(time=pattern("%d-%m-%y %H:%M")), {"dates": "day_first"}),
    "year or day": (IN_2012, Dialect(time=pattern("%y-%m-%d %H:%M")), {"dates": "year_first"}),
    "1.234, one and a bit": (
        THOUSANDS,
        Dialect(number=lambda value: f"{value / 1000:.3f}"),
        {"decimal": ".", "thousands": ","},
    ),
    "1.234, a thousand": (
        THOUSANDS,
        Dialect(number=lambda value: f"{value:,.0f}".replace(",", ".")),
        {"decimal": ",", "thousands": "."},
    ),
    "1,234, a thousand": (
        THOUSANDS,
        Dialect(number=lambda value: f"{value:,.0f}", separator=";"),
        {"decimal": ".", "thousands": ","},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_what_can_be_read_in_two_ways_is_refused_and_the_line_to_add_gives_the_right_one(events, name):
    rows, dialect, right = OPEN[name]
    message = refusal(events, rows, dialect)
    assert 3 == len(re.findall(r" is [^;]+ or [^;]+;", message))
    added = next(line for line in lines_to_add(message) if line["format"] == right)
    meant = [(*row[:3], row[3] / 1000, row[4]) for row in rows] if "a bit" in name else rows
    assert events(meant, replace(Dialect(), number=str)) == events(rows, dialect, **added)


@pytest.mark.parametrize(
    ("first", "last"), [("01/01/2023", "12/12/2023"), ("02/02/2023", "11/11/2023"), ("03/03/2023", "09/09/2023")]
)
def test_days_between_such_as_the_1st_of_january_and_the_12th_of_december_leave_it_open(con, place, first, last):
    days = [first, "05/06/2023", "07/08/2023", last]
    path = place / "symmetrical.csv"
    path.write_text("id,at\n" + "".join(f"{i},{day}\n" for i, day in enumerate(days)))
    columns = {"customer_id": "id", "at": "at"}
    with pytest.raises(InvalidData, match="05/06/2023 is 5 June 2023 or 6 May 2023"):
        inputs.resolve(con, {"source": "events", "path": str(path), "columns": columns})


@pytest.mark.parametrize(("late", "marks"), [("1.234,50", (",", ".")), ("12,50", (",", ".")), ("1'234.50", (".", "'"))])
def test_a_mark_that_comes_late_is_seen(con, place, late, marks):
    path = place / "late.csv"
    path.write_text(
        "id;at;v\n" + "".join(f"{i};2023-01-01;{i % 90}\n" for i in range(20_000)) + f"1;2023-01-01;{late}\n"
    )
    columns = {"customer_id": "id", "at": "at", "value": "v"}
    found = inputs.resolve(con, {"source": "events", "path": str(path), "columns": columns})["format"]
    assert marks == (found["decimal"], found["thousands"])


def test_numbers_that_are_written_in_two_ways_are_refused(events):
    half = [(*row[:4], i % 2) for i, row in enumerate(ROWS)]
    written = iter([number(".", ","), number(",", ".")] * len(half))
    message = refusal(events, half, Dialect(separator=";", number=lambda value: next(written)(value)))
    assert "are written in several ways" in message


# --- any rows, any dialect ---

MAY_BE = [name for name in DIALECTS if "workbook" not in name.lower()]


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])  # shrinking takes minutes
@given(rows=st.lists(st.sampled_from(log(200)), min_size=1, max_size=8), name=st.sampled_from(MAY_BE))
def test_any_rows_in_any_dialect_are_read_rightly_or_refused(events, rows, name):
    dialect = DIALECTS[name]
    meant = events(rows, Dialect())
    try:
        assert meant == events(rows, dialect)
    except InvalidData as refused:
        ways = [line for line in lines_to_add(str(refused)) if line["format"]]
        assert any(meant == events(rows, dialect, **way) for way in ways), str(refused)


# --- what is said of the files and is not so ---

SAID_WRONGLY = {
    "dates": (GERMAN, {"dates": "iso"}),
    "month for day": (GERMAN, {"dates": "month_first"}),
    "milliseconds for seconds": (Dialect(time=epoch()), {"dates": "epoch_ms"}),
    "a pattern": (GERMAN, {"dates": "%d %b %Y"}),
    "decimal": (GERMAN, {"decimal": "."}),
    "thousands": (replace(GERMAN, number=number(",", " ")), {"thousands": "."}),
    "separator": (GERMAN, {"separator": ","}),
    "header": (GERMAN, {"header": 2}),
    "no header": (GERMAN, {"header": 0}),
    "sheet": (Dialect(kind="xlsx", ending=".xlsx"), {"sheet": "Blad2"}),
    "cp1252 for utf-8": (GERMAN, {"encoding": "cp1252"}),
    "latin-1 for utf-8": (replace(GERMAN, ending=".csv.gz"), {"encoding": "latin-1"}),
    "utf-8 for cp1252": (replace(GERMAN, encoding="cp1252"), {"encoding": "utf-8"}),
    "utf-16 for utf-8": (GERMAN, {"encoding": "utf-16"}),
    "cp1252 for utf-16": (replace(GERMAN, encoding="utf-16"), {"encoding": "cp1252"}),
    "a column for dates that is none": (GERMAN, {"dates": {"Besteld": "day_first"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID_WRONGLY)
def test_a_format_that_contradicts_the_files_is_refused(events, name):
    dialect, said = SAID_WRONGLY[name]
    refusal(events, ROWS, dialect, format=said)


def test_what_is_said_of_one_column_leaves_the_others_to_be_found_out(con, place):
    path = place / "two.csv"
    path.write_text(
        "id,day,loaded\n" + "".join(f"{i},0{i % 9 + 1}/02/2023,2023-03-{i % 28 + 1:02}\n" for i in range(30))
    )
    columns = {"customer_id": "id", "at": "day", "arrived_at": "loaded"}
    data = {"source": "events", "path": str(path), "columns": columns, "format": {"dates": {"day": "day_first"}}}
    assert {"day": "day_first", "loaded": "iso"} == inputs.resolve(con, data)["format"]["dates"]
