"""A staged log is opened as it was read."""

from __future__ import annotations

import json

import pytest

from churn import engine
from churn.log import document, opening
from churn.sources import inputs
from tests import shop


@pytest.fixture(scope="module")
def read(con, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write(folder, names=["log/1.csv"])
    columns = {"customer_id": "who", "at": "when", "kind": "what", "value": "amount"}
    people = {"path": str(folder / "people.csv"), "columns": {"customer_id": "who", "signup_at": "since"},
              "segments": ["city"]}  # fmt: skip
    data = {"source": "events", "path": str(folder / "log"), "columns": columns, "customers": people}
    return inputs.read(con, data, folder / "staged"), folder / "staged"


def test_it_is_the_source_that_was_read(read):
    source, folder = read
    rows = json.loads(source.inputs.to_json(orient="records"))
    found = opening.opened(engine.embedded(), folder, inputs=rows, notes=source.notes)
    assert source.counts == found.counts
    assert ["city"] == found.segments
    assert source.notes == found.notes
    assert source.inputs.to_dict("records") == found.inputs.to_dict("records")
    assert sorted(map(tuple, source.rejected.values.tolist())) == sorted(map(tuple, found.rejected.values.tolist()))


def test_without_what_was_told_rows_are_those_used_and_set_aside(read):
    source, folder = read
    found = opening.opened(engine.embedded(), folder)
    assert source.counts["events"] + source.counts["rejected"] == found.counts["read"]
    assert found.inputs.empty
    assert [] == found.notes


def test_the_document_holds_days_as_text_and_nothing_as_null(tmp_path, read):
    source, _ = read
    frame = source.rejected.assign(share=float("nan"), day=None)
    file = document.write(tmp_path / "log.json", {"rejected": frame}, said=["one"])
    told = json.loads(file.read_text())
    assert ["one"] == told["said"]
    assert {None} == {row["share"] for row in told["rejected"]}
