"""A log is read once for as long as neither its files nor what is said of them change."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from churn import state
from churn.log import kept
from churn.params import schema
from churn.sources import inputs
from tests import shop

FILES = ["log/one.csv", "log/two.csv"]


@pytest.fixture
def reads(monkeypatch) -> list:
    """A text for each time that an input is read."""
    looks = []
    monkeypatch.setattr(inputs, "read", lambda *a, read=inputs.read, **k: looks.append(k["as_of"]) or read(*a, **k))
    return looks


@pytest.fixture
def params(tmp_path, state_folder) -> schema.Params:
    return schema.load(shop.write(tmp_path / "shop", names=FILES))


def as_of(params: schema.Params, day: date) -> schema.Params:
    return params.model_copy(update={"snapshots": params.snapshots.model_copy(update={"as_of": day})})


def rows(source) -> pd.DataFrame:
    names = ["customer_id", "at", "kind", "value"]
    return source.events.select(names).order_by(names).execute()


def test_the_log_is_read_once_and_again_when_a_file_has_changed(params, reads, tmp_path):
    told = []
    first, second = (kept.staged(params, tell=told.append) for _ in range(2))
    assert ([""], ["reading the input"]) == (reads, told)
    pd.testing.assert_frame_equal(rows(first), rows(second))
    for name in ("counts", "segments", "notes", "future_dates"):
        assert getattr(first, name) == getattr(second, name)
    with (tmp_path / "shop" / FILES[0]).open("a") as log:
        log.write("k0001,2024-10-20,order,1.00\n")
    assert first.counts["events"] + 1 == kept.staged(params).counts["events"]
    assert ["", ""] == reads


def test_it_is_what_a_run_reads(params, con, tmp_path):
    data = params.data.model_dump(mode="json", exclude_none=True)
    (tmp_path / "read").mkdir()
    expected, found = inputs.read(con, data, tmp_path / "read"), kept.staged(params)
    pd.testing.assert_frame_equal(rows(expected), rows(found))
    pd.testing.assert_frame_equal(expected.rejected, found.rejected, check_dtype=False)
    pd.testing.assert_frame_equal(expected.inputs, found.inputs, check_dtype=False)
    assert (expected.counts, expected.notes) == (found.counts, found.notes)


def test_another_label_reads_nothing_again_and_a_day_within_the_log_cuts_it(params, reads):
    whole = kept.staged(params)
    kept.staged(params.model_copy(update={"label": params.label.model_copy(update={"horizon_days": 9})}))
    kept.staged(as_of(params, date(2025, 1, 1)))
    assert [""] == reads
    cut = kept.staged(as_of(params, date(2024, 9, 2)))
    assert ["", "2024-09-02"] == reads
    assert whole.counts["events"] > cut.counts["events"]
    assert "2024-09-01" == f"{cut.events['at'].max().execute():%Y-%m-%d}"
    kept.staged(params)
    assert ["", "2024-09-02"] == reads


def test_nothing_but_the_folder_of_the_log_is_written(params, state_folder):
    kept.staged(params)
    assert [state.path("shop", kept.FOLDER)] == [*state.path("shop").iterdir()]


def test_what_follows_from_the_log_is_found_out_once(params, tmp_path):
    looks = []
    find = lambda: looks.append(1) or pd.DataFrame({"n": [len(looks)]})  # noqa: E731
    kinds = [None, None, ["order"], None]
    assert [1, 1, 2, 1] == [kept.table_of_staged(params, "found", find, also=also).n[0] for also in kinds]
    with (tmp_path / "shop" / FILES[0]).open("a") as log:
        log.write("k0001,2024-10-20,order,1.00\n")
    assert 3 == kept.table_of_staged(params, "found", find).n[0]
