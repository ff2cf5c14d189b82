"""Logs as people have them: what must not be lost, merged, counted twice or read otherwise without a word."""

from __future__ import annotations

import csv
import gzip
import io
import re
import uuid
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from churn.engine import connect
from churn.errors import InvalidData
from churn.sources import inputs
from churn.sources.formats import times

COLUMNS = {"customer_id": "id", "at": "day", "value": "amount"}


@pytest.fixture(scope="module")
def con():
    return connect(threads=2)


@pytest.fixture
def read(con, tmp_path):
    """Read a log: a path, or the text of a CSV file; settings are keys of the data section."""

    def _read(log: str | Path | None = None, **data):
        if isinstance(log, str):
            log = write(tmp_path / "log.csv", log)
        path = {} if log is None else {"path": str(log), "columns": COLUMNS}
        return inputs.read(con, {"source": "events", **path, **data}, tmp_path / "staged")

    return _read


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def text(*rows: tuple, names: tuple = ("id", "day", "amount"), end: str = "\n") -> str:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end).writerows([names, *rows])
    return file.getvalue()


def log(first: int, last: int, *, month: int = 6) -> str:
    """A row a customer, from the first to the last."""
    return text(*((f"c{i:03}", f"2023-{month:02}-{i % 28 + 1:02}", i + 0.5) for i in range(first, last)))


def ids(source) -> list[str]:
    return sorted(source.events.execute().customer_id)


def rows(source) -> list[tuple]:
    events = source.events.execute()
    return sorted((e.customer_id, f"{e.at:%Y-%m-%d %H:%M}", e.kind, float(e.value)) for e in events.itertuples())


def refusal(read, *args, **data) -> str:
    with pytest.raises(InvalidData) as caught:
        read(*args, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- files passed over ---


def test_endings_in_any_case_and_any_packing_are_read_together(read, tmp_path):
    write(tmp_path / "logs/a.csv", log(0, 3))
    write(tmp_path / "logs/B.CSV", log(3, 6))
    write(tmp_path / "logs/c.Csv.GZ", gzip.compress(log(6, 9).encode()))
    with zipfile.ZipFile(tmp_path / "logs/d.csv.zip", "w") as archive:
        archive.writestr("d.csv", log(9, 12))
    assert [f"c{i:03}" for i in range(12)] == ids(read(tmp_path / "logs"))


@pytest.mark.parametrize("name", ["b.csv.bz2", "b.avro", "b.csv.old", "B.DAT", "export", "b.csv (1)", "b.csv.tmp"])
def test_a_file_that_looks_like_data_is_not_passed_over(read, tmp_path, name):
    write(tmp_path / "logs/a.csv", log(0, 3))
    write(tmp_path / "logs" / name, log(3, 6))
    assert f"{name} looks like data but is not read" in refusal(read, tmp_path / "logs")


def test_it_does_so_below_a_hidden_folder_too(read, tmp_path):
    write(tmp_path / ".data/logs/a.csv", log(0, 3))
    write(tmp_path / ".data/logs/b.csv.old", log(3, 6))
    assert "b.csv.old looks like data but is not read" in refusal(read, tmp_path / ".data/logs")


@pytest.mark.parametrize("name", ["readme.md", ".DS_Store", "_SUCCESS", "report.pdf"])
def test_other_files_in_the_folder_are_told(read, tmp_path, name):
    write(tmp_path / "logs/a.csv", log(0, 3))
    write(tmp_path / "logs" / name, "how this was made")
    source = read(tmp_path / "logs")
    assert [f"events: passed over in the folder: {name}"] == source.notes and 3 == source.counts["events"]


# --- ids ---


@pytest.mark.parametrize("word", ["nan", "NULL", "None", "#N/A", "n/a", " null ", "(null)", "-"])
def test_a_word_for_missing_is_no_customer(read, word):
    lines = log(0, 9) + f"{word},2023-06-01,1\n" * 3
    source = read(lines, max_rejected=0.5)
    assert 9 == source.counts["customers"]
    assert [("events", "id", "is missing", 3)] == list(source.rejected.itertuples(index=False, name=None))


def test_words_for_missing_can_be_said_and_then_are_all(read):
    source = read(log(0, 9) + "guest,2023-06-01,1\nnull,2023-06-01,1\n", null_words=["Guest"], max_rejected=0.5)
    assert 10 == source.counts["customers"] and "null" in ids(source)


@pytest.mark.parametrize("written", ["4.00098E+11", "1e+16", "-1.5E12"])
def test_ids_that_a_spreadsheet_has_rounded_are_refused(read, written):
    message = refusal(read, log(0, 9) + f"{written},2023-06-01,1\n")
    assert "'id' is a rounded number, as a spreadsheet writes long ones" in message and written in message


@pytest.mark.parametrize(
    ("kind", "number"), [("float64", 12345678901234568.0), ("float64", 1e16), ("float32", 16777217.0), ("float32", 1e9)]
)
def test_ids_that_a_float_cannot_hold_are_refused(read, tmp_path, kind, number):
    columns = {"id": pa.array([number] * 2, kind), "day": ["2023-06-01"] * 2, "amount": [1, 2]}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    assert "is a rounded number" in refusal(read, tmp_path / "log.parquet")


@pytest.mark.parametrize("seed", [1, 2**127, 2**128 - 1])
def test_uuids_of_16_bytes_are_read_as_uuids(read, tmp_path, seed):
    one = uuid.UUID(int=seed)
    columns = {"id": pa.array([one.bytes], pa.binary(16)), "day": ["2023-06-01"], "amount": [1]}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    assert [str(one)] == ids(read(tmp_path / "log.parquet"))


@pytest.mark.parametrize("guest", ["0", "guest", "CASH SALE"])
def test_one_customer_with_a_large_share_of_the_events_is_refused(read, guest):
    lines = log(0, 90) + "".join(f"{guest},2023-06-01,{i}\n" for i in range(30))
    message = refusal(read, lines)
    assert f"25% of them (30 of 120) have the id '{guest}', the limit is 10%" in message
    assert 120 == read(lines, max_customer_share=0.3).counts["events"]
    assert 90 == read(lines, where=f"id <> '{guest}'").counts["events"]


# --- the header and what stands above it ---


@pytest.mark.parametrize(
    "name", ["Aantal\n(stuks)", 'Bedrag "netto", €\n\nper stuk', "Totaal\r\n(incl. btw)"], ids=["one", "two", "crlf"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_header_with_a_line_break_is_one_record_and_the_column_can_be_named(read, name, end):
    lines = text(("c1", "2023-06-01", 2.5), names=("id", "day", name), end=end)
    assert [("c1", "2023-06-01 00:00", "event", 2.5)] == rows(read(lines, columns=COLUMNS | {"value": name}))


@pytest.mark.parametrize("above", ["sep=,\n", "Report of June\n\n", '"Shop, all"\nPeriod;June\n', "\n\n"])
def test_what_stands_above_the_header_is_no_row(read, above):
    source = read(above + log(0, 5))
    assert 5 == source.counts["read"] and source.rejected.empty


@pytest.mark.parametrize("folder", ["[2023]", "a?b", "100% [x] *"])
def test_brackets_and_stars_in_the_name_of_a_folder_are_letters(read, tmp_path, folder):
    write(tmp_path / folder / "log.csv", log(0, 5))
    assert 5 == read(tmp_path / folder / "log.csv").counts["events"]
    assert 5 == read(tmp_path / folder).counts["events"]


def test_a_pattern_that_meets_nothing_says_that_brackets_are_one(read, tmp_path):
    write(tmp_path / "[2023]/log.csv", log(0, 5))
    assert "[[] stands for a bracket" in refusal(read, tmp_path / "[2023]/*.csv")


@pytest.mark.parametrize("place", ["env=prod", "id=7", "day=2030-01-01"])
def test_a_folder_called_like_a_partition_changes_nothing_of_files_that_have_the_columns(con, tmp_path, place):
    path = write(tmp_path / place / "log.csv", log(0, 5))
    data = {"source": "events", "path": str(path), "columns": COLUMNS}
    assert [f"c{i:03}" for i in range(5)] == ids(inputs.read(con, data, tmp_path / place / "staged"))


# --- kinds and values ---


@pytest.mark.parametrize("several", [51, 200, 400])
def test_more_than_fifty_kinds_are_refused_with_column_number_and_examples(read, several):
    lines = text(
        *((f"c{i}", "2023-06-01", 1, f"note {i:03}") for i in range(several)), names=("id", "day", "amount", "note")
    )
    message = refusal(read, lines, columns=COLUMNS | {"kind": "note"})
    assert f"'note' holds {several} kinds of event, the limit is 50, e.g. 'note 000', 'note 001', 'note 002'" in message
    assert several == read(lines, columns=COLUMNS | {"kind": "note"}, max_kinds=several).counts["events"]


@pytest.mark.parametrize("value", ["amount", "Bedrag (€)", "price * amount"])
def test_values_below_zero_are_told_with_lines_that_part_them(read, value):
    names = ("id", "day", value if "*" not in value else "amount", "price")
    lines = text(*((f"c{i}", "2023-06-01", 5 - i, 2) for i in range(8)), names=names)
    columns = COLUMNS | {"value": value}
    note = next(note for note in read(lines, columns=columns, kind="buy's").notes if "below zero" in note)
    assert note.startswith("events: 2 of the kind 'buy's' have a value below zero and count as activity")
    kind = yaml.safe_load(re.search(r"\(columns\.(kind: .*?)\) or be passed", note)[1])["kind"]
    where = yaml.safe_load(re.search(r"\(data\.(where: .*)\)$", note)[1])["where"]
    assert ["buy's"] * 6 + ["return"] * 2 == sorted(
        kind for _, _, kind, _ in rows(read(lines, columns=columns | {"kind": kind}))
    )
    assert 6 == read(lines, columns=columns, where=where).counts["events"]


# --- duplicates ---


@pytest.mark.parametrize("rule", [None, "refuse", "drop", "keep"])
def test_a_month_inside_another_file_is_refused_dropped_or_kept_as_asked(read, tmp_path, rule):
    write(tmp_path / "logs/June-full.csv", log(0, 40))
    write(tmp_path / "logs/July-full.csv", log(0, 40) + log(40, 90, month=7).split("\n", 1)[1])
    if rule in (None, "refuse"):
        message = refusal(read, tmp_path / "logs", duplicates=rule)
        assert (
            "40 rows are exact duplicates of others; 100% of June-full.csv (40 rows) stands in July-full.csv" in message
        )
        assert "duplicates: drop (each row once) or keep" in message
        return
    source = read(tmp_path / "logs", duplicates=rule)
    assert {"drop": 90, "keep": 130}[rule] == source.counts["events"]
    assert (rule == "drop") == any("each was read once" in note for note in source.notes)


@pytest.mark.parametrize("second", ["log.csv.gz", "copy.csv", "log.tsv"])
def test_the_same_file_in_another_packing_or_dress_is_refused(read, tmp_path, second):
    write(tmp_path / "logs/log.csv", log(0, 40))
    content = log(0, 40).encode()
    content = gzip.compress(content) if second.endswith(".gz") else content
    write(tmp_path / "logs" / second, content)
    assert "100% of " in refusal(read, tmp_path / "logs")


@pytest.mark.parametrize("shared", [1, 10, 30])
def test_files_that_overlap_in_part_are_told_and_kept(read, tmp_path, shared):
    write(tmp_path / "logs/a.csv", log(0, 40))
    write(tmp_path / "logs/b.csv", log(40 - shared, 80))
    source = read(tmp_path / "logs")
    assert 80 + shared == source.counts["events"]
    assert any(f"{shared} rows are exact duplicates of others" in note and "a.csv" in note for note in source.notes)


def test_rows_that_are_equal_but_in_columns_that_are_not_read_are_no_duplicates(read):
    names = ("id", "day", "amount", "receipt")
    source = read(text(("c1", "2023-06-01", 5, "a"), ("c1", "2023-06-01", 5, "b"), names=names), duplicates="drop")
    assert 2 == source.counts["events"] and [] == source.notes


# --- rows set aside ---


@pytest.mark.parametrize(
    ("line", "told"),
    [("c1,never,1\n", "'day' is not a time"), ("c1,2023-06-01,much\n", "'amount' is not a number"),
     (",2023-06-01,1\n", "'id' is missing")],
)  # fmt: skip
def test_rows_set_aside_below_the_limit_are_a_note(read, line, told):
    note, *_ = read(log(0, 300) + line).notes
    assert note.startswith(f"events: 1 of 301 rows were set aside, {told}, e.g. ")


def test_bytes_of_another_encoding_are_a_note_too(read, tmp_path):
    lines = log(0, 300).encode() + "Zoé,2023-06-01,1\n".encode() * 2 + "José,2023-06-01,1\n".encode("latin-1")
    notes = read(write(tmp_path / "log.csv", lines)).notes
    assert any("1 of 303 rows were set aside" in note and "invalid encoding" in note for note in notes)


# --- the lines of one event ---

ORDER = ("id", "day", "amount", "order", "what")
LINES = text(
    ("c1", "2023-06-01 10:05", 5, "o1", "buy"), ("c1", "2023-06-01 10:00", 2.25, "o1", "buy"),
    ("c1", "2023-06-03 09:00", -1, "o1", "return"), ("c2", "2023-06-02 00:00", 4, "o1", "buy"),
    ("c2", "2023-06-05 00:00", 6, "o2", "buy"),
    names=ORDER,
)  # fmt: skip


def test_the_lines_of_an_order_are_one_event_at_its_first_time_with_the_sum(read):
    source = read(LINES, columns=COLUMNS | {"event_id": "order", "kind": "what"})
    assert [
        ("c1", "2023-06-01 10:00", "buy", 7.25),
        ("c1", "2023-06-03 09:00", "return", -1.0),
        ("c2", "2023-06-02 00:00", "buy", 4.0),
        ("c2", "2023-06-05 00:00", "buy", 6.0),
    ] == rows(source)
    assert "events: 5 lines are 4 events, by 'order'" in source.notes


def test_without_an_id_of_the_event_each_line_is_one(read):
    assert 5 == read(LINES, columns=COLUMNS | {"kind": "what"}).counts["events"]


def test_an_order_is_known_when_its_last_line_is(read):
    lines = text(
        ("c1", "2023-06-01", 5, "o1", "2023-06-02"), ("c1", "2023-06-01", 2, "o1", "2023-06-09"),
        names=("id", "day", "amount", "order", "loaded"),
    )  # fmt: skip
    event = read(lines, columns=COLUMNS | {"event_id": "order", "arrived_at": "loaded"}).events.execute().iloc[0]
    assert (pd.Timestamp("2023-06-09", tz="UTC"), 7) == (event.arrived_at, event.value)


def test_a_line_without_an_order_is_set_aside(read):
    source = read(LINES + "c3,2023-06-01,1,,buy\n", columns=COLUMNS | {"event_id": "order"}, max_rejected=0.5)
    assert [("events", "order", "is missing", 1)] == list(source.rejected.itertuples(index=False, name=None))


# --- several tables ---


def test_tables_have_a_format_a_zone_and_columns_of_their_own(read, tmp_path):
    write(tmp_path / "shop.csv", "klant;datum;bedrag\n001;31.01.2024 10:00;1.234,50\n002;28.02.2024 10:00;2,00\n")
    write(
        tmp_path / "app.jsonl",
        '{"user": "001", "ts": "1706700000", "n": 3}\n{"user": "003", "ts": "1706700060", "n": 1}\n',
    )
    write(tmp_path / "calls.csv", 'who,when,minutes\n002,01/31/2024 05:30 PM,1.5\n001,02/01/2024 09:00 AM,"1,000"\n')
    source = read(
        inputs=[
            {"path": str(tmp_path / "shop.csv"), "zone": "Europe/Amsterdam", "kind": "purchase",
             "columns": {"customer_id": "klant", "at": "datum", "value": "bedrag"}},
            {"path": str(tmp_path / "app.jsonl"), "kind": "visit",
             "columns": {"customer_id": "user", "at": "ts", "value": "n"}, "where": "n > 1"},
            {"path": str(tmp_path / "calls.csv"), "zone": "America/New_York", "kind": "call",
             "columns": {"customer_id": "who", "at": "when", "value": "minutes"}},
        ]
    )  # fmt: skip
    assert [
        ("001", "2024-01-31 09:00", "purchase", 1234.5),
        ("001", "2024-01-31 11:20", "visit", 3.0),
        ("001", "2024-02-01 14:00", "call", 1000.0),
        ("002", "2024-01-31 22:30", "call", 1.5),
        ("002", "2024-02-28 09:00", "purchase", 2.0),
    ] == rows(source)
    assert [(2, 0), (2, 1), (2, 0)] == list(
        source.inputs[["rows", "passed_over_by_where"]].itertuples(index=False, name=None)
    )
    assert ["shop.csv", "app.jsonl", "calls.csv"] == list(source.inputs.table)


def test_a_table_that_says_when_rows_arrived_may_lie_beside_one_that_does_not(read, tmp_path):
    write(tmp_path / "a.csv", text(("c1", "2023-06-01", 1, "2023-06-05"), names=("id", "day", "amount", "loaded")))
    write(tmp_path / "b.csv", text(("c2", "2023-06-02", 1)))
    source = read(
        inputs=[
            {"path": str(tmp_path / "a.csv"), "kind": "a", "columns": COLUMNS | {"arrived_at": "loaded"}},
            {"path": str(tmp_path / "b.csv"), "kind": "b", "columns": COLUMNS},
        ]
    )
    assert ["2023-06-02", "2023-06-05"] == sorted(f"{at:%Y-%m-%d}" for at in source.events.execute().arrived_at)


def test_a_fault_names_the_table_that_it_is_in(read, tmp_path):
    for name, day in {"a.csv": "2023-06-01", "b.csv": "never"}.items():
        write(tmp_path / name, text(("c1", day, 1)))
    tables = [{"path": str(tmp_path / name), "kind": name, "columns": COLUMNS} for name in ("a.csv", "b.csv")]
    assert refusal(read, inputs=tables).startswith(f"b.csv at {tmp_path}/b.csv: 100.00% of 1 rows cannot be used")


# --- zones ---

CLOCKS = [
    ("Europe/Amsterdam", "2023-10-29 02:30", "twice"), ("America/New_York", "2023-11-05 01:15", "twice"),
    ("Australia/Sydney", "2023-04-02 02:59", "twice"), ("Europe/Amsterdam", "2023-03-26 02:30", "never"),
    ("America/New_York", "2023-03-12 02:00", "never"), ("Australia/Sydney", "2023-10-01 02:10", "never"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "clock", "fault"), CLOCKS)
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"])
def test_hours_that_clocks_show_twice_or_never_are_told(read, zone, clock, fault, form):
    written = pd.Timestamp(clock).strftime(form)
    source = read(text(("c1", pd.Timestamp("2023-07-31 12:00").strftime(form), 1), ("c2", written, 1)), zone=zone)
    words = {"twice": "times lie in the hour that occurs twice", "never": "times lie in the hour that clocks skip"}
    (note,) = source.notes
    assert f"1 {words[fault]}" in note and zone in note
    if fault == "twice":  # the second time, when the clocks have gone back
        second = datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone), fold=1)
        assert (
            pd.Timestamp(second).tz_convert("UTC") == source.events.execute().sort_values("customer_id")["at"].iloc[1]
        )


def test_times_with_a_zone_of_their_own_keep_it(read):
    lines = text(
        ("c1", "2023-07-01 12:00:00+00:00", 1), ("c2", "2023-07-01 12:00:00", 1), ("c3", "2023-07-01T12:00:00Z", 1)
    )
    assert ["12:00", "10:00", "12:00"] == [at[11:] for _, at, *_ in rows(read(lines, zone="Europe/Amsterdam"))]


ZONES = ["Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(st.datetimes(datetime(1975, 1, 1), datetime(2030, 1, 1)), min_size=1, max_size=20), st.sampled_from(ZONES)
)
def test_what_clocks_in_a_zone_show_leads_back_to_the_moment(con, moments, zone):
    moments = [moment.replace(microsecond=0) for moment in moments]
    local = [pd.Timestamp(moment, tz="UTC").tz_convert(zone) for moment in moments]
    table = con.create_table("clocks", pa.table({"t": [f"{at:%d.%m.%Y %H:%M:%S}" for at in local]}), overwrite=True)
    read = con.execute(table.select(at=times.as_time(table.t, dates="day_first", zone=zone)))["at"]
    twice = [
        ZoneInfo(zone).utcoffset(at.replace(tzinfo=None, fold=0))
        != ZoneInfo(zone).utcoffset(at.replace(tzinfo=None, fold=1))
        for at in map(pd.Timestamp.to_pydatetime, local)
    ]
    for found, meant, open in zip(read, moments, twice, strict=True):
        assert open or pd.Timestamp(meant, tz="UTC") == found
        assert abs(found.tz_localize(None) - pd.Timestamp(meant)) <= timedelta(hours=1)
