"""Our own Parquet files hold what was written, whatever the folders above them are called."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from churn import engine, state
from churn.audit import row_hashes
from churn.features import manifest as manifests
from churn.features import store
from churn.sources import contract
from churn.state import PROJECT
from tests import shop
from tests.end_to_end.test_determinism import prints

LIKE_PARTITIONS = ["env=prod", "customer_id=1", "at=2020-01-01", "snapshot=2020-01-01/churned=yes", "[2023]/*/{a,b}"]
USERS_FILES = ("churn/sources/files/", "churn/sources/readers/tables.py")
ROWS = pd.DataFrame({"customer_id": ["ann", "bob"], "value": [1.5, None]})

in_such_a_folder = pytest.mark.parametrize("folder", LIKE_PARTITIONS)


@in_such_a_folder
def test_a_file_has_the_columns_and_values_that_were_written(con, tmp_path, folder):
    path = engine.frame_to_parquet(ROWS, tmp_path / folder / "t.parquet")
    pd.testing.assert_frame_equal(ROWS, engine.frame(path))
    pd.testing.assert_frame_equal(ROWS, engine.read_parquet(con, path).execute())
    assert ["ann"] == engine.frame(path, columns=["customer_id"], filters=[("value", "==", 1.5)]).customer_id.tolist()
    assert row_hashes.changes(row_hashes.of_table(path)[0], *reversed(row_hashes.of_table(path))).added == 0


@pytest.mark.parametrize("folder", LIKE_PARTITIONS[1::2] + LIKE_PARTITIONS[-1:])
def test_a_state_in_such_a_folder_gives_the_same_tables_and_the_same_join(tmp_path, monkeypatch, folder):
    told = []
    for place in ("plain", folder):
        monkeypatch.setenv("CHURN_STATE", str(tmp_path / place))
        staged = prints(shop.write(tmp_path / "log of" / place, names=["log/1.csv"]), tmp_path, threads=2)
        made = manifests.load(state.path("shop", "features", "features.json"))
        source = contract.reopen(engine.connect(), made)
        feast = store.open_store("shop")
        store.apply(feast)
        assert store.materialize(feast, made, "2024-07-01")
        labels = pd.DataFrame({"customer_id": ["k0001", "k0007"], "snapshot": pd.Timestamp("2024-05-01", tz="UTC")})
        told.append([staged, source.events.columns, store.join(feast, made, labels).to_json(),
                     manifests.profile(made, "2024-07-01").to_json(),
                     store.sample(feast, made, "2024-07-01", customers=3).to_json()])  # fmt: skip
    assert told[0] == told[1]


def test_no_room_opens_parquet_by_a_reader_of_its_own():
    """But what opens files of users, and what guesses nothing (ParquetFile)."""
    opening = re.compile(r"(con|pd|ibis|pq)\.read_parquet\(|read_table\(|ParquetDataset\(|\.dataset\(\"")
    code = [file for of in ("churn", "serving", "feature_repo") for file in Path(PROJECT, of).rglob("*.py")]
    found = {str(file.relative_to(PROJECT)) for file in code if opening.search(file.read_text())}
    ours = {file for file in found if not file.startswith(USERS_FILES)}
    assert {"churn/engine.py", "churn/features/_feast.py"} == ours
    for notebook in PROJECT.glob("notebooks/*.ipynb"):
        assert not opening.search(notebook.read_text()), notebook
