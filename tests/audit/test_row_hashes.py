"""What a run keeps of its tables names the row and the column that changed, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn import engine
from churn.audit import row_hashes
from churn.registry import runs, tracking

LOG = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "bob", "cy"],
        "at": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], utc=True),
        "kind": ["order", "order", "visit", "order"],
        "value": [Decimal("12.7700"), Decimal("5.0000"), Decimal("1.0000"), Decimal("9.9900")],
    }
)


@pytest.fixture
def compare(tmp_path):
    """How the second table differs from the first, which a run recorded."""

    def _compare(recorded: pd.DataFrame, again: pd.DataFrame) -> row_hashes.Changes:
        first, second = (
            engine.frame_to_parquet(t, tmp_path / n / "t.parquet") for t, n in ((recorded, "1"), (again, "2"))
        )
        prints, hashes = row_hashes.of_table(first)
        return row_hashes.changes(prints, hashes, row_hashes.of_table(second)[0])

    return _compare


def test_one_cent_names_the_row_its_column_and_its_customer(compare):
    other = LOG.assign(value=[Decimal("12.7700"), Decimal("5.0100"), Decimal("1.0000"), Decimal("9.9900")])
    found = compare(LOG, other)
    assert (["value"], 1, 1, ("bob",)) == (found.columns, found.added, found.gone, found.gone_customers)
    assert ("bob", "order", Decimal("5.0100")) == tuple(found.example[n] for n in ("customer_id", "kind", "value"))
    assert pd.Timestamp("2024-01-02", tz="UTC") == found.example["at"]


def test_a_row_too_many_and_a_row_too_few_are_told_apart(compare):
    twice = pd.concat([LOG, LOG.tail(1)])
    more, less = compare(LOG, twice), compare(twice, LOG)
    assert (1, 0, "cy") == (more.added, more.gone, more.example["customer_id"])
    assert (0, 1, None, ("cy",)) == (less.added, less.gone, less.example, less.gone_customers)


def test_a_customer_who_is_gone_altogether_leaves_no_name(compare):
    assert (1, ()) == ((found := compare(LOG, LOG.iloc[1:])).gone, found.gone_customers)


def test_the_first_row_by_time_is_the_example(compare):
    shown = compare(LOG, LOG.assign(kind="call").iloc[::-1])
    assert (4, "ann") == (shown.added, shown.example["customer_id"])


def test_a_column_that_only_one_table_has_is_named(compare):
    assert ["channel"] == compare(LOG, LOG.assign(channel="web")).columns
    assert ["channel"] == compare(LOG.assign(channel="web"), LOG).columns


def test_values_that_change_places_are_seen_in_their_column(compare):
    swapped = LOG.assign(value=[Decimal("5.0000"), Decimal("12.7700"), Decimal("1.0000"), Decimal("9.9900")])
    assert (["value"], 2) == ((found := compare(LOG, swapped)).columns, found.added)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_whatever_changes_is_found_and_order_never_matters(data):
    size = data.draw(st.integers(2, 30))
    ids = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=size, max_size=size))
    rows = pd.DataFrame({"customer_id": ids, "visits": np.arange(size, dtype="float64"), "plan": "x"})
    at, column = data.draw(st.integers(0, size - 1)), data.draw(st.sampled_from(["visits", "plan"]))
    changed = rows.copy()
    changed.loc[at, column] = "y" if column == "plan" else -1.0
    order = data.draw(st.permutations(range(size)))
    hashes, others = (set(row_hashes.fingerprint.row_hashes(t)) for t in (rows, changed.iloc[list(order)]))
    assert 1 == len(hashes - others) == len(others - hashes)
    one, two, three = (columns_of(t) for t in (rows, rows.iloc[list(order)], changed))
    assert one == two
    assert [column] == [name for name in one if one[name] != three[name]]


def columns_of(rows: pd.DataFrame) -> dict[str, str]:
    totals = {}
    for name, hashes in row_hashes.fingerprint.column_hashes(rows, keys=["customer_id", "visits"][:1]).items():
        totals[name] = row_hashes.fingerprint.FingerprintSum()
        totals[name].add(hashes)
    return {name: str(total) for name, total in totals.items()}


def test_a_file_is_printed_in_pieces_as_in_one(tmp_path, monkeypatch):
    path = engine.frame_to_parquet(LOG, tmp_path / "t.parquet")
    whole, hashes = row_hashes.of_table(path)
    monkeypatch.setattr(row_hashes.fingerprint.batches, "__kwdefaults__", {"size": 1})
    pieces, cut = row_hashes.of_table(path)
    assert whole == pieces
    assert hashes.to_numpy().tolist() == cut.to_numpy().tolist()


def test_of_a_very_large_table_only_fingerprints_are_kept(tmp_path, monkeypatch, compare):
    monkeypatch.setattr(row_hashes, "MOST_ROWS", 3)
    prints, hashes = row_hashes.of_table(engine.frame_to_parquet(LOG, tmp_path / "t.parquet"))
    assert (4, None) == (int(prints["fingerprint"].split("-")[0]), hashes)
    assert row_hashes.Changes(["kind"]) == compare(LOG, LOG.assign(kind="call"))


def test_a_run_keeps_the_prints_of_every_table_of_a_folder_and_no_value(state_folder, tmp_path):
    run = tracking.start("mine")
    engine.frame_to_parquet(LOG, tmp_path / "source" / "events.parquet")
    engine.frame_to_parquet(LOG, tmp_path / "source" / "tables" / "users.parquet")
    engine.frame_to_parquet(LOG, tmp_path / "source" / ".left-behind.parquet")
    row_hashes.record_table_hashes(run, tmp_path / "source", context="input")
    assert ["events", "tables/users"] == sorted(row_hashes.tables(run.id, "input"))
    assert ["customer", "row"] == list(row_hashes.hashes(run.id, "input", "tables/users"))
    assert {"events": 4, "tables/users": 4} == {d["name"]: d["rows"] for d in runs.get(run.id)["datasets"]}
    kept = b"".join(path.read_bytes() for path in state_folder.glob("artifacts/**/evidence/**/*.*"))
    assert not [name for name in (b"ann", b"order", b"12.77") if name in kept]


def test_a_run_that_kept_nothing_says_so(state_folder):
    run = tracking.start("mine")
    assert ({}, None) == (row_hashes.tables(run.id, "input"), row_hashes.hashes(run.id, "input", "events"))


@pytest.mark.parametrize("table", ["usage data", "50%20x", "a#1", "what?", "größe"])
def test_the_hashes_of_a_table_are_found_again_whatever_it_is_called(registry, tmp_path, table):
    engine.frame_to_parquet(LOG, tmp_path / "source" / "tables" / f"{table}.parquet")
    run = tracking.start("mine")
    row_hashes.record_table_hashes(run, tmp_path / "source", context="input")
    assert [f"tables/{table}"] == list(row_hashes.tables(run.id, "input"))
    assert 4 == len(row_hashes.hashes(run.id, "input", f"tables/{table}"))
