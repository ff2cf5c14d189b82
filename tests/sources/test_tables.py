"""The reader `tables`: ready-made feature tables per snapshot, their types, and every refusal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from churn.engine import connect
from churn.errors import InvalidData
from churn.sources import inputs

TIME = "timestamp('UTC', 6)"
JANUARY, FEBRUARY = pd.Timestamp("2024-01-31", tz="UTC"), pd.Timestamp("2024-02-29", tz="UTC")
USERS = "uid,since,senior,plan\n01,2023-05-01,True,basic\n02,2023-06-01,False,\n"
USAGE = "uid,hours,devices\n01,1.5,2\n02,3,1\n"
LABELS = "uid,churned\n01,True\n02,False\n"
LAB = {
    f"{month}/{name}.csv": body
    for month in ("m0", "m1")
    for name, body in (("users", USERS), ("usage", USAGE), ("labels", LABELS))
}


@pytest.fixture(scope="module")
def con():
    return connect(threads=2)


@pytest.fixture
def read(con, tmp_path):
    """Stage the two months of LAB with some files changed; None takes a file away."""

    def _read(changed: dict[str, str | None] | None = None, **data):
        for name, body in (LAB | (changed or {})).items():
            if body is not None:
                place = tmp_path / "lab" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(body)
        data = {
            "source": "tables",
            "path": str(tmp_path / "lab"),
            "columns": {"customer_id": "uid"},
            "tables": ["users", "usage"],
            "snapshots": {"2024-01-31": "m0", "2024-02-29": "m1"},
            "labels": {"table": "labels", "column": "churned", "horizon_days": 0},
            "segments": ["plan"],
        } | data
        return inputs.read(con, data, tmp_path / "staged")

    return _read


def rows(table) -> list[tuple]:
    return sorted(table.execute().itertuples(index=False, name=None))


def types(table) -> dict[str, str]:
    return dict(zip(table.columns, map(str, table.schema().types), strict=True))


def refusal(read, *args, **data) -> str:
    with pytest.raises(InvalidData) as caught:
        read(*args, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_each_table_holds_all_snapshots_with_types_read_from_the_files(read):
    source = read()
    assert list(source.tables) == ["users", "usage"]
    keys = {"customer_id": "string", "snapshot": TIME}
    assert keys | {"since": TIME, "senior": "boolean", "plan": "string"} == types(source.tables["users"])
    assert keys | {"hours": "float64", "devices": "int64"} == types(source.tables["usage"])
    expected = [(one, day, *rest) for one, *rest in (("01", 1.5, 2), ("02", 3.0, 1)) for day in (JANUARY, FEBRUARY)]
    assert expected == rows(source.tables["usage"])
    assert source.events is None and source.customers is None
    assert source.counts == {"read": 8, "rejected": 0, "customers": 2, "labels": 4}


def test_labels_are_true_or_false_at_each_snapshot(read):
    expected = [("01", JANUARY, True), ("01", FEBRUARY, True), ("02", JANUARY, False), ("02", FEBRUARY, False)]
    assert expected == rows(read().labels)


@pytest.mark.parametrize("body", ["uid,churned\n01,1\n02,0\n", "uid,churned,x\n01,TRUE,5\n02,false,5\n"])
def test_labels_may_be_written_as_numbers_or_in_any_case(read, body):
    source = read({"m0/labels.csv": body})
    assert [churned for _, day, churned in rows(source.labels) if day == JANUARY] == [True, False]


def test_labels_may_be_absent_at_a_snapshot_to_be_scored(read):
    assert {JANUARY} == set(read({"m1/labels.csv": None}).labels.execute().snapshot)


def test_segments_are_text_with_unknown_for_null(read):
    source = read(segments=["plan", "senior"])
    assert rows(source.tables["users"].select("plan", "senior").distinct()) == [("basic", "true"), ("unknown", "false")]
    assert source.segments == ["plan", "senior"]


def test_types_hold_over_all_snapshots(read):
    source = read({"m1/usage.csv": "uid,hours,devices\n01,many,2.5\n02,few,1\n03,none at all,1\n"})
    assert (types(source.tables["usage"])["hours"], types(source.tables["usage"])["devices"]) == ("string", "float64")
    assert ["1.5", "3", "few", "many", "none at all"] == sorted(source.tables["usage"].execute().hours)


def test_types_are_taken_from_all_rows(read):
    body = "uid,hours,devices\n" + "".join(f"{n},1,1\n" for n in range(30_000)) + "last,1,1.5\n"
    usage = read({"m0/usage.csv": body}).tables["usage"]
    assert types(usage)["devices"] == "float64"


def test_columns_may_come_in_another_order_at_another_snapshot(read):
    source = read({"m1/usage.csv": "devices,uid,hours\n2,01,1.5\n1,02,3\n"})
    assert rows(read().tables["usage"]) == rows(source.tables["usage"])


def test_integer_ids_in_parquet_become_text(read, tmp_path):
    (tmp_path / "lab/m0").mkdir(parents=True)
    pd.DataFrame({"uid": [1.0, 2.0], "hours": [1, 2]}).to_parquet(tmp_path / "lab/m0/float.parquet")
    source = read(tables=["float"], snapshots={"2024-01-31": "m0"}, segments=[])
    assert sorted(source.tables["float"].execute().customer_id) == ["1", "2"]


def test_a_customer_may_be_missing_from_one_table(read):
    source = read({"m0/usage.csv": "uid,hours,devices\n01,1.5,2\n"})
    assert (source.counts["read"], source.counts["customers"]) == (7, 2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"m1/usage.csv": None}, "m1: one file named usage is needed (.csv, .tsv,"),
        ({"m1/usage.csv": None, "m1/users.csv": None, "m1/labels.csv": None}, "m1: no such folder"),
        ({"m0/labels.csv": None, "m1/labels.csv": None}, "labels: no file named labels (.csv, "),
        (
            {"m0/users.csv": USERS.replace("uid", "id")},
            "no column 'uid'; found id, since, senior, plan; did you mean 'id'?",
        ),
        ({"m1/usage.csv": "uid,hours\n01,1\n"}, "m1/usage.csv: no column 'devices'"),
        ({"m1/usage.csv": "uid,hours,devices,new\n01,1,1,1\n"}, "m0/usage.csv: no column 'new'"),
        ({"m0/usage.csv": USAGE + "01,1,1\n"}, "usage: 1 customers have several rows at a snapshot, e.g. 01"),
        ({"m0/usage.csv": USAGE + ",1,1\n"}, "usage: 1 of 5 rows cannot be used, 'uid' is missing, e.g. "),
        ({"m0/usage.csv": USAGE + "3,1\n"}, "usage: 1 of 5 rows cannot be used, '(line)' missing columns, e.g. 3,1"),
        ({"m0/usage.csv": ""}, "usage.csv: the table is empty"),
        ({"m0/usage.csv": "uid,hours,devices\n", "m1/usage.csv": "uid,hours,devices\n"}, "usage: the table is empty"),
        ({f"{m}/usage.csv": "uid,churned\n01,1\n" for m in ("m0", "m1")}, "label 'churned' is among its columns"),
        ({"m0/labels.csv": "uid,left\n01,1\n"}, "no column 'churned'"),
        (
            {"m0/labels.csv": "uid,churned\n01,yes\n02,\n"},
            "yes or no, 1 or 0, churned or retained; 1 rows hold None",
        ),
        ({"m0/labels.csv": LABELS + "01,True\n"}, "labels: 1 customers have several rows"),
    ],
)
def test_unfit_tables_are_refused(read, changed, said):
    assert said in refusal(read, changed)


@pytest.mark.parametrize("name", ["snapshot", "customer_id", "Snapshot"])
def test_a_column_called_like_one_of_the_contract_says_whose_it_is(read, name):
    usage = read({f"{month}/usage.csv": f"uid,{name}\n01,7\n" for month in ("m0", "m1")}).tables["usage"]
    assert [("01", day, 7) for day in (JANUARY, FEBRUARY)] == rows(usage)
    assert ("customer_id", "snapshot", f"usage.{name}") == usage.columns


@pytest.mark.parametrize("name", ["self", "row", "(row)", "__file", "charges.month", 'the "best"'])
def test_a_column_may_have_any_name(read, name):
    quoted = name.replace('"', '""')
    usage = read({f"{month}/usage.csv": f'uid,"{quoted}"\n01,7\n' for month in ("m0", "m1")}).tables["usage"]
    assert [7, 7] == usage.execute()[name].tolist()


def test_a_segment_that_no_table_has_is_refused(read):
    assert "no column 'plans'" in refusal(read, segments=["plans"])


def test_two_files_for_one_table_are_refused(read, tmp_path):
    (tmp_path / "lab/m0").mkdir(parents=True)
    Path(tmp_path / "lab/m0/usage.parquet").write_bytes(b"")
    assert "found usage.csv, usage.parquet" in refusal(read)


def test_restaging_removes_the_tables_of_an_earlier_staging(read, tmp_path):
    read()
    read(tables=["users"])
    assert [file.name for file in (tmp_path / "staged/tables").iterdir()] == ["users.parquet"]
