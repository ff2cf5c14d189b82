"""The features of a log, against the same written by hand: in SQL to the last bit, in pandas and Polars to 1e-9."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.scaling import features


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """A simulated log, and our features of it in `ours`."""
    folder = tmp_path_factory.mktemp("by_hand")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(folder / "state"))
        features.make(folder, amount=300)
        (folder / "ours").mkdir()
        features.ours(folder, folder / "ours")
    return folder


@pytest.mark.parametrize("by", ["sql", "polars", "pandas"])
def test_the_features_are_those_written_by_hand(log, tmp_path, by):
    getattr(features, by)(log, tmp_path)
    features.refuse_differing(tmp_path, log / "ours", exactly=by == "sql")


@pytest.mark.parametrize(
    ("view", "changed"), [("ticket", {"ticket_count": 77}), ("profile", {"momentum_30d_180d": None, "plan": "gold"})]
)
@pytest.mark.parametrize("exactly", [True, False])
def test_others_are_refused(log, tmp_path, view, changed, exactly):
    shutil.copytree(log / "ours", tmp_path / "other")
    rows = pd.read_parquet(log / "ours" / f"{view}.parquet")
    for name, value in changed.items():
        rows.loc[7, name] = value
    rows.to_parquet(tmp_path / "other" / f"{view}.parquet", index=False)
    with pytest.raises(AssertionError, match=view):
        features.refuse_differing(tmp_path / "other", log / "ours", exactly=exactly)
