"""`churn list`: whom to contact, by the newest list."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from churn import state
from churn.cli.main import main
from churn.scoring import lists
from churn.scoring.batch import LISTED
from churn.state import PROJECT

PARAMS = ["--params", str(PROJECT / "params/smoke.yaml")]


@pytest.fixture
def listed(state_folder) -> pd.DataFrame:
    """Two lists; by the newer one 30 of 40 customers are to be contacted."""
    group = np.where(np.arange(40) % 4 == 1, "control", "contact")
    rows = pd.DataFrame({"customer_id": [f"{i:05d}" for i in range(40)], "probability": np.linspace(0.9, 0.5, 40)})
    rows = rows.assign(decile=1, flagged=True, expected_profit=rows.probability * 9, version=2, group=group)
    rows = rows.assign(**{name: f"{name} of a customer" for name in lists.REASONS})
    for snapshot in ("2024-02-01", "2024-01-01"):
        folder = state.path("made")
        folder.mkdir(parents=True, exist_ok=True)
        rows = rows.assign(snapshot=snapshot)[LISTED.names]
        rows.to_parquet(folder / lists.ROWS, index=False)
        rows.to_csv(folder / lists.TEXT)
        document = dict.fromkeys(lists.FOLLOWS_FROM) | {"experiment": "smoke", "snapshot": snapshot, "version": 2}
        lists.put(folder, document | {"contact": 30, "reasons": 3})
    return rows.assign(snapshot="2024-02-01")[rows.group == "contact"][lists.SHOWN].reset_index(drop=True)


def test_it_prints_the_first_twenty_of_the_newest_list(listed, capsys):
    assert 0 == main(["list", *PARAMS])
    *lines, last = capsys.readouterr().out.splitlines()
    assert listed.customer_id.head(20).tolist() == [line.split()[0] for line in lines[1:]]
    assert "20 of 30 to contact, by version 2 as of 2024-02-01" == last


def test_json_holds_the_same_for_programs(listed, capsys):
    assert 0 == main(["list", *PARAMS, "--top", "3", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert listed.head(3).to_dict("records") == told["customers"]
    assert [30, "2024-02-01"] == [told["contact"], told["snapshot"]]


@pytest.mark.parametrize("name, read", [("contact.csv", pd.read_csv), ("new/contact.PARQUET", pd.read_parquet)])
@pytest.mark.parametrize("top", [None, 5])
def test_out_writes_them_all_or_the_first_by_the_file_s_ending(name, read, top, listed, tmp_path, capsys):
    out = tmp_path / name
    assert 0 == main(["list", *PARAMS, "--out", str(out), *(["--top", str(top)] if top else [])])
    found = read(out, **({"dtype": {"customer_id": str}} if read is pd.read_csv else {}))
    pd.testing.assert_frame_equal(listed.head(top or 30), found)
    assert f"{top or 30} of 30 to contact, by version 2 as of 2024-02-01: {out}" in capsys.readouterr().out


@pytest.mark.parametrize("given, expected", [
    (["--out", "contact.xlsx"], "--out contact.xlsx: the list is written as CSV or Parquet; name a file that ends"),
    (["--out", "."], "--out .: the list is written as CSV or Parquet"),
    (["--top", "0"], "--top 0: name 1 customer or more"),
])  # fmt: skip
def test_what_makes_no_sense_is_one_line_and_exit_code_2(given, expected, listed, capsys):
    assert 2 == main(["list", *PARAMS, *given])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {expected}")


def test_before_the_first_list_it_is_one_line_and_exit_code_2(state_folder, capsys):
    assert 2 == main(["list", *PARAMS])
    expected = "error: smoke has no list of customers yet; run the pipeline until a version is in production\n"
    assert expected == capsys.readouterr().err
