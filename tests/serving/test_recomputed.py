"""What the API logged is found again by monitor: counted, recomputed to the last bit, and what differs is told."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn.monitoring import prediction_log, service
from churn.registry import versions
from serving import champion, scoring
from serving.feature_lookup import FeatureLookup
from serving.prediction_log import PredictionLog

AT = datetime(2023, 9, 2, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def logged(world, tmp_path_factory):
    """Forty customers answered by version 1 in four requests, the first of them by version 3 too; in a state of its
    own, for others have asked the world, and may still be asking. Model files are shared."""
    folder = tmp_path_factory.mktemp("logged")
    shutil.copytree(world.folder / "world", folder / "world", ignore=shutil.ignore_patterns("predictions", "refusals"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_STATE", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{world.folder / 'mlflow.db'}")
        lookup = FeatureLookup(max_age_days=None, as_of=None)
        lookup.start()
        for version, requests in ((1, 4), (3, 1)):
            serving = champion.load(versions.get("world", version))
            log = PredictionLog("world")
            for number in range(requests):
                customers = [*world.inside[10 * number : 10 * number + 10], *list(world.gone)[:3], "nobody"]
                answers = scoring.score(serving, lookup, customers)
                log.add(serving, answers, request_id=f"r{version}{number}", at=AT)
                log.write()
    return folder


@pytest.fixture(autouse=True)
def in_state(in_world, logged, monkeypatch):
    """After the world of all others, whose registry is that of these answers too."""
    monkeypatch.setenv("CHURN_STATE", str(logged))


def test_every_answer_is_recomputed_to_the_last_bit_before_and_after_compaction(logged):
    before = service.of_log("world")
    told = before.counts.set_index("version")
    assert [(4, 40, 40, 40, 0), (1, 10, 10, 10, 0)] == [
        tuple(told.loc[version, ["requests", "predictions", "customers", "compared", "differing"]])
        for version in (1, 3)
    ]
    assert {} == before.unread
    assert 5 == len(prediction_log.files("world"))
    prediction_log.compact("world")
    assert 1 == len(prediction_log.files("world"))  # both versions log the same features
    pd.testing.assert_frame_equal(told, service.of_log("world").counts.set_index("version"))


def test_whom_the_api_refused_is_counted_by_version_and_reason(logged):
    expected = [(1, "outside-population", 12, 3), (1, "unknown-customer", 4, 1)]
    expected += [(3, "outside-population", 3, 3), (3, "unknown-customer", 1, 1)]
    assert expected == list(service.refusals("world").itertuples(index=False, name=None))


def test_what_lies_outside_of_training_is_counted_as_the_api_told_it(logged):
    serving = champion.load(versions.get("world", 1))
    rows = service.newest(prediction_log.files("world"), 1)
    seen = serving.metadata["training_ranges"]
    expected = [sum(not within(features[name], of) for name, of in seen.items()) for features in rows.features]
    found = service.of_log("world")
    assert sum(expected) == found.out_of_range[found.out_of_range.version == 1].predictions.sum()
    assert sum(map(bool, expected)) == found.counts.set_index("version").out_of_range[1]


def within(value: float | str | None, seen: dict) -> bool:
    if value is None or value != value:
        return True
    return value in seen["values"] if "values" in seen else seen["low"] <= value <= seen["high"]


def test_an_answer_that_is_another_one_is_counted(logged):
    file = prediction_log.files("world")[0]
    table = pq.read_table(file)
    kept = file.read_bytes()
    changed = table["churn_probability"].to_numpy().copy()
    changed[0] = np.nextafter(changed[0], 1)
    pq.write_table(table.set_column(4, "churn_probability", [changed]), file)
    assert 1 == service.of_log("world").differing
    file.write_bytes(kept)


def test_a_version_whose_files_are_gone_is_named_and_not_recomputed(world):
    gone = versions.get("world", 3).source.removeprefix("models:/")
    [folder] = (world.folder / "artifacts").glob(f"**/{gone}")
    aside = folder.rename(folder.with_name("aside"))
    try:
        found = service.of_log("world")
    finally:
        aside.rename(folder)
    assert [3] == list(found.unread)
    assert 40 == found.counts.compared.sum()
