"""The reader `events`: what is accepted, what is rejected with a reason, what is refused and how it is said."""

from __future__ import annotations

import gzip
import json
import uuid
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.engine import connect
from churn.errors import InvalidData
from churn.sources import contract, inputs

COLUMNS = {"customer_id": "cust", "at": "day", "value": "amount"}
LOG = "cust,day,amount\n1,2024-01-01,5\n2,2024-01-02,7.25\n1,2024-01-03,1\n"


@pytest.fixture(scope="module")
def con():
    return connect(threads=2)


@pytest.fixture
def read(con, tmp_path):
    """Stage an event log given as text or as the path of its files."""

    def _read(log: str | Path = LOG, **data):
        if isinstance(log, str):
            log = write(tmp_path / "log.csv", log)
        data = {"source": "events", "path": str(log), "columns": COLUMNS, "max_rejected": 1.0} | data
        return inputs.read(con, data, tmp_path / "staged")

    return _read


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet(path: Path, **columns) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def rows(table) -> list[tuple]:
    return sorted(table.execute().itertuples(index=False, name=None))


def ids(source) -> list[str]:
    return sorted(source.events.execute().customer_id)


def reasons(source) -> list[tuple]:
    return sorted(source.rejected.itertuples(index=False, name=None))


def refusal(read, *args, **data) -> str:
    with pytest.raises(InvalidData) as caught:
        read(*args, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- what is accepted ---


def test_an_event_log_becomes_events_in_the_contracts_types(read):
    source = read()
    assert list(map(str, source.events.schema().types)) == ["string", "timestamp('UTC', 6)", "string", "decimal(18, 4)"]
    first = pd.Timestamp("2024-01-01", tz="UTC")
    assert ("1", first, "event", Decimal("5.0000")) == rows(source.events)[0]
    assert source.counts == {"events": 3, "customers": 2, "rejected": 0, "read": 3}
    assert source.rejected.empty and source.tables == {} and source.labels is None


def test_without_customers_the_first_event_is_the_sign_up(read):
    source = read()
    expected = [("1", pd.Timestamp("2024-01-01", tz="UTC")), ("2", pd.Timestamp("2024-01-02", tz="UTC"))]
    assert expected == rows(source.customers)
    assert source.segments == []


def test_without_a_value_every_event_counts_one(read):
    source = read(columns={"customer_id": "cust", "at": "day"})
    assert {Decimal("1.0000")} == set(source.events.execute().value)


def test_the_kind_is_a_constant_or_a_column(read):
    assert {"purchase"} == set(read(kind="purchase").events.execute().kind)
    log = "cust,day,amount,what\n1,2024-01-01,5, log in \n1,2024-01-01,5,buy\n"
    assert {"log in", "buy"} == set(read(log, columns=COLUMNS | {"kind": "what"}).events.execute().kind)


def test_a_constant_and_a_column_of_kinds_are_refused(read):
    assert "not both" in refusal(read, kind="buy", columns=COLUMNS | {"kind": "day"})


def test_ids_are_text_with_leading_zeros_kept_and_whitespace_gone(read):
    source = read("cust,day,amount\n007,2024-01-01,5\n 8 ,2024-01-01,1\n17850.0,2024-01-01,1\n1.5,2024-01-01,1\n")
    assert ids(source) == ["007", "1.5", "17850", "8"]


@pytest.mark.parametrize("numbers", [pa.array([17850, 2]), pa.array([17850.0, 2.0]), pa.array(["17850", "2 "])])
def test_ids_read_the_same_from_any_parquet_type(read, tmp_path, numbers):
    log = parquet(tmp_path / "log.parquet", cust=numbers, day=["2024-01-01"] * 2, amount=[1, 2])
    assert ids(read(log)) == ["17850", "2"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-03-01", "2024-03-01T00:00:00"),
        ("2024-03-01 10:30:00.000001", "2024-03-01T10:30:00.000001"),
        ("2024-03-01T10:30:00Z", "2024-03-01T10:30:00"),
        ("2024-03-01T00:30:00+02:00", "2024-02-29T22:30:00"),
    ],
)
def test_times_are_utc_and_zoned_times_are_converted(read, written, meant):
    source = read(f"cust,day,amount\n1,{written},5\n")
    assert [pd.Timestamp(meant, tz="UTC")] == list(source.events.execute()["at"])


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("us", "Europe/Berlin"), pa.date32(), pa.string()])
def test_times_read_the_same_from_any_parquet_type(read, tmp_path, kind):
    day = pa.array([pd.Timestamp("2024-03-01").to_pydatetime()], pa.timestamp("us", "UTC"))
    day = pa.array(["2024-03-01"]) if kind == pa.string() else day.cast(kind)
    source = read(parquet(tmp_path / "log.parquet", cust=[1], day=day, amount=[1]))
    assert [pd.Timestamp("2024-03-01", tz="UTC")] == list(source.events.execute()["at"])


@pytest.mark.parametrize("amounts", [[0.1, 19.99], ["0.1", "19.99"], [Decimal("0.1000"), Decimal("19.9900")]])
def test_values_are_exact_to_four_decimals(read, tmp_path, amounts):
    source = read(parquet(tmp_path / "log.parquet", cust=[1, 2], day=["2024-01-01"] * 2, amount=amounts))
    assert [Decimal("0.1000"), Decimal("19.9900")] == sorted(source.events.execute().value)


def test_column_names_may_hold_spaces_and_quotes(read):
    columns = {"customer_id": "Customer ID", "at": "it's when"}
    source = read("Customer ID,it's when,x\n1,2024-01-01,2\n,2024-01-01,2\n", columns=columns)
    assert (source.counts["events"], source.counts["rejected"]) == (1, 1)


def test_the_file_may_be_compressed_or_start_with_a_byte_order_mark(read, tmp_path):
    packed = write(tmp_path / "log.csv.gz", gzip.compress(LOG.encode()))
    assert rows(read().events) == rows(read(packed).events)
    assert rows(read().events) == rows(read(write(tmp_path / "mark.csv", b"\xef\xbb\xbf" + LOG.encode())).events)


def test_a_file_name_with_brackets_is_a_name_and_not_a_pattern(read, tmp_path):
    write(tmp_path / "log1.csv", "cust,day,amount\n9,2024-01-01,5\n")
    assert ids(read(write(tmp_path / "log[1].csv", LOG))) == ["1", "1", "2"]


def test_a_folder_gives_all_its_files_of_any_kind_but_hidden_ones(read, tmp_path):
    write(tmp_path / "logs/deep/a.csv", LOG)
    parquet(tmp_path / "logs/b.parquet", amount=[1.5], day=["2024-01-01"], cust=[9])
    write(tmp_path / "logs/_SUCCESS.csv", "")
    write(tmp_path / "logs/readme.txt", "no events")
    assert ids(read(tmp_path / "logs")) == ["1", "1", "2", "9"]


def test_files_may_differ_in_other_columns_and_in_types(read, tmp_path):
    write(tmp_path / "logs/a.csv", LOG)
    write(tmp_path / "logs/b.csv", "extra,amount,cust,day\nx,1,003,2024-01-01\n")
    parquet(tmp_path / "logs/c.parquet", cust=[4], day=["2024-01-01"], amount=[1])
    parquet(tmp_path / "logs/d.parquet", cust=[5.0], day=["2024-01-01"], amount=[1.0])
    assert ids(read(tmp_path / "logs")) == ["003", "1", "1", "2", "4", "5"]


def test_a_file_named_twice_is_read_once(read, tmp_path):
    log = write(tmp_path / "log.csv", LOG)
    assert (
        read(path=[str(log), str(tmp_path / "*.csv"), str(tmp_path / ".." / tmp_path.name / "log.csv")]).counts[
            "events"
        ]
        == 3
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_partitioned_folder_gives_the_columns_that_the_files_lack(read, tmp_path, kind):
    for day in ("2024-01-01", "2024-01-02"):
        place = tmp_path / f"logs/cust=01/day={day}"
        place.mkdir(parents=True)
        if kind == "csv":
            write(place / "a.csv", "amount\n5\n")
        else:
            parquet(place / "a.parquet", amount=[5])
    expected = [pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-01-02", tz="UTC")]
    source = read(tmp_path / "logs")
    assert expected == sorted(source.events.execute()["at"])
    assert ids(source) == ["01", "01"]


def test_a_partition_never_replaces_a_column_of_the_files(read, tmp_path):
    write(tmp_path / "day=2030-01-01/a.csv", LOG)
    assert pd.Timestamp("2024-01-03", tz="UTC") == read(tmp_path / "day=2030-01-01").events.execute()["at"].max()


def test_restaging_replaces_what_was_there(read, tmp_path):
    assert read("cust,day,amount\n1,2024-01-01,5\n,2024-01-01,5\n").counts["rejected"] == 1
    source = read("cust,day,amount\n3,2024-01-01,5\n4,2024-01-01,5\n")
    assert ids(source) == ["3", "4"]
    assert ["customers.parquet", "events.parquet", "told.json"] == sorted(
        f.name for f in (tmp_path / "staged").iterdir()
    )


def test_a_log_that_was_read_is_opened_again_with_all_that_was_told_of_it(read, tmp_path):
    source = read("cust,day,amount\n1,2024-01-01,5\n,2024-01-01,5\n1,2024-01-01,5\n")
    again = contract.kept(connect(), tmp_path / "staged")
    assert source.events.execute().equals(again.events.execute())
    assert (source.notes, source.counts, source.segments) == (again.notes, again.counts, again.segments)
    assert source.rejected.equals(again.rejected) and 1 == len(again.rejected)
    assert source.inputs.astype(str).equals(again.inputs.astype(str))


EVENT = st.tuples(
    st.integers(1, 4), st.dates(pd.Timestamp("2020-01-01").date()), st.sampled_from(["1", "2.5", "x", ""])
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENT, min_size=1, max_size=12), data=st.data())
def test_order_and_split_of_the_files_do_not_matter(con, tmp_path, events, data):
    def staged(name: str, *files: list[tuple]):
        for number, lines in enumerate(files):
            body = "".join(f"{cust},{day},{amount}\n" for cust, day, amount in lines)
            write(tmp_path / name / f"{number}.csv", "cust,day,amount\n" + body)
        paths = [str(tmp_path / name / f"{number}.csv") for number in range(len(files))]
        data = {"source": "events", "path": paths, "columns": COLUMNS, "max_rejected": 1.0}
        return inputs.read(con, data, tmp_path / f"{name}-staged")

    events = [*events, (1, "2024-01-01", "1")]
    shuffled, cut = data.draw(st.permutations(events)), data.draw(st.integers(0, len(events)))
    one, other = staged("one", events), staged("other", shuffled[:cut], shuffled[cut:])
    assert rows(one.events) == rows(other.events)
    assert rows(one.customers) == rows(other.customers)
    assert one.counts == other.counts and reasons(one) == reasons(other)


# --- what is rejected ---


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (",2024-01-01,1", "cust", "is missing"),
        ("  ,2024-01-01,1", "cust", "is missing"),
        ("1,,1", "day", "is missing"),
        ("1,yesterday,1", "day", "is not a time"),
        ("1,2024-02-30,1", "day", "is not a time"),
        ("1,0001-02-24,1", "day", "lies outside 1900 to 2200"),
        ("1,infinity,1", "day", "lies outside 1900 to 2200"),
        ("1,9999-12-31,1", "day", "lies outside 1900 to 2200"),
        ("1,2024-01-01,", "amount", "is missing"),
        ("1,2024-01-01,five", "amount", "is not a number"),
        ("1,2024-01-01,inf", "amount", "is not a number"),
        ("1,2024-01-01,nan", "amount", "is missing"),
        ("1,2024-01-01,1e30", "amount", "is not a number"),
        ("1,2024-01-01", "(line)", "missing columns"),
        ("1,2024-01-01,1,1", "(line)", "too many columns"),
    ],
)
def test_an_unusable_row_is_kept_with_its_reason(con, read, tmp_path, line, column, reason):
    source = read(f"cust,day,amount\n3,2024-01-01,1\n{line}\n")
    assert [("events", column, reason, 1)] == reasons(source)
    assert source.counts == {"events": 1, "customers": 1, "rejected": 1, "read": 2}
    kept = pd.read_parquet(tmp_path / "staged/rejected.parquet").to_dict("records")
    assert [("events", column, reason)] == [(row["table"], row["column"], row["reason"]) for row in kept]
    if column != "(line)":
        assert line.split(",") == [value or "" for value in json.loads(kept[0]["row"]).values()]


def test_bytes_that_are_not_utf8_are_rejected_row_by_row(read, tmp_path):
    log = write(tmp_path / "log.csv", (LOG + "Zoé,2024-01-01,1\n").encode() + "José,2024-01-01,1\n".encode("latin-1"))
    assert reasons(read(log)) == [("events", "(line)", "invalid encoding", 1)]


def test_an_unclosed_quote_counts_every_line_it_swallows(read):
    assert read(LOG + '"1,2024-01-01,1\n1,2024-01-01,1\n1,2024-01-01,1\n').counts["rejected"] == 3


def test_a_missing_kind_is_rejected(read):
    source = read("cust,day,amount,what\n1,2024-01-01,5,\n1,2024-01-01,5,a\n", columns=COLUMNS | {"kind": "what"})
    assert reasons(source) == [("events", "what", "is missing", 1)]


def test_numbers_in_parquet_that_are_null_or_infinite_are_rejected(read, tmp_path):
    amounts = [1.0, None, float("inf"), float("nan")]
    source = read(parquet(tmp_path / "log.parquet", cust=[1, 2, 3, 4], day=["2024-01-01"] * 4, amount=amounts))
    assert reasons(source) == [("events", "amount", "is missing", 1), ("events", "amount", "is not a number", 2)]


def test_too_many_unusable_rows_are_refused_with_column_share_limit_examples_and_remedy(read):
    bad = "".join(f"{n},day {n},5\n" for n in range(1, 5))
    message = refusal(read, LOG + bad, max_rejected=0.5)
    for part in (
        "57.14%",
        "50.00%",
        "'day' is not a time",
        "'day 1'; 'day 2'; 'day 3'",
        "raise data.max_rejected",
    ):
        assert part in message


def test_a_share_at_the_limit_is_accepted(read):
    assert read(LOG + "1,never,5\n", max_rejected=0.25).counts["rejected"] == 1


def test_a_log_without_any_usable_row_is_refused(read):
    assert "100.00% of 1 rows" in refusal(read, "cust,day,amount\n1,never,5\n", max_rejected=1.0)


# --- customers ---

PEOPLE = "id,since,plan\n1,2023-12-01,basic\n2,2023-12-02,\n3,2023-12-03,pro\n"
MAPPING = {"columns": {"customer_id": "id", "signup_at": "since"}, "segments": ["plan"]}


@pytest.fixture
def read_with(read, tmp_path):
    def _read(people: str, **data):
        return read(customers=MAPPING | {"path": str(write(tmp_path / "people.csv", people))}, **data)

    return _read


def test_customers_bring_sign_up_and_segments_with_unknown_for_null(read_with):
    source = read_with(PEOPLE)
    expected = [("1", "2023-12-01", "basic"), ("2", "2023-12-02", "unknown"), ("3", "2023-12-03", "pro")]
    assert [(one, pd.Timestamp(day, tz="UTC"), plan) for one, day, plan in expected] == rows(source.customers)
    assert source.segments == ["plan"]


def test_an_event_of_an_unknown_customer_is_rejected(read_with):
    source = read_with("id,since,plan\n1,2023-12-01,basic\n")
    assert reasons(source) == [("events", "cust", "is not in the customers' table", 1)]
    assert ids(source) == ["1", "1"]


def test_customers_without_id_or_sign_up_are_rejected(read_with):
    source = read_with(PEOPLE + ",2023-12-01,a\n5,soon,a\n")
    assert reasons(source) == [("customers", "id", "is missing", 1), ("customers", "since", "is not a time", 1)]
    assert source.counts == {"events": 3, "customers": 3, "rejected": 2, "read": 8}


def test_too_many_unusable_customers_are_refused(read_with):
    assert "customers at" in refusal(read_with, PEOPLE + "5,soon,a\n", max_rejected=0.1)


def test_a_customer_twice_is_refused_with_number_and_examples(read_with):
    message = refusal(read_with, PEOPLE + "1,2023-12-01,basic\n2.0,2023-12-01,basic\n")
    assert "2 customer ids appear more than once, e.g. 1, 2;" in message


def test_a_segment_that_is_not_there_is_refused(read_with):
    assert "no column 'plan'; found id, since, plans; did you mean 'plans'?" in refusal(
        read_with, PEOPLE.replace("plan", "plans")
    )


# --- what is refused ---


def test_a_missing_file_a_pattern_without_match_and_an_empty_folder_are_refused(read, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in ("no.csv", "no-*.parquet", "empty"):
        assert str(tmp_path / path) in refusal(read, tmp_path / path)


def test_a_kind_of_file_that_is_not_read_is_refused(read, tmp_path):
    assert "log.avro: files of this kind are not read" in refusal(read, write(tmp_path / "log.avro", "x"))


def test_a_missing_column_is_refused_with_those_found_and_the_nearest(read):
    message = refusal(read, columns=COLUMNS | {"value": "amuont"})
    assert "no column 'amuont'; found cust, day, amount; did you mean 'amount'?" in message


def test_a_column_missing_in_one_of_many_files_is_refused_naming_the_file(read, tmp_path):
    write(tmp_path / "logs/a.csv", LOG)
    write(tmp_path / "logs/b.csv", "cust,day\n1,2024-01-01\n")
    assert "b.csv: no column 'amount'" in refusal(read, tmp_path / "logs")


def test_a_header_that_names_a_column_twice_is_refused(read):
    assert "twice" in refusal(read, "cust,day,day,amount\n1,2024-01-01,2024-01-01,1\n")


@pytest.mark.parametrize("content", ["", "cust,day,amount\n"])
def test_an_empty_table_is_refused(read, content):
    assert "the table is empty" in refusal(read, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.parquet", b"PAR1 this is not Parquet PAR1"),
        ("log.csv.gz", b"not gzip"),
        (
            "log.csv.gz",
            gzip.compress((LOG + "".join(f"{n**5},2024-01-01,1\n" for n in range(5_000))).encode())[:-2_000],
        ),
        ("log.csv.zip", b"PK\x03\x04 not a zip"),
    ],
)
def test_a_corrupt_file_is_refused(read, tmp_path, name, content):
    assert "cannot be read" in refusal(read, write(tmp_path / name, content))


def test_a_refused_log_leaves_no_events_behind(read, tmp_path):
    refusal(read, LOG + "1,never,5\n", max_rejected=0.0)
    assert [file.name for file in (tmp_path / "staged").iterdir()] == ["rejected.parquet"]


@pytest.mark.parametrize("number", [1, 7, 2**100 + 1])
def test_ids_of_sixteen_bytes_are_uuids_beside_columns_of_bytes(read, tmp_path, number):
    one = uuid.UUID(int=number)
    log = parquet(tmp_path / "u.parquet", cust=pa.array([one.bytes], pa.binary(16)), day=[b"2024-01-01"], amount=[1])
    assert [str(one)] == ids(read(log))
