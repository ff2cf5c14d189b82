"""The prediction log: a finished day's small files become one, and no row is lost or doubled, whenever it is killed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn import state
from churn.monitoring import prediction_log, service

KEYS = ["request_id", "customer_id"]
TODAY = date(2026, 1, 3)
MOMENT = pa.timestamp("us", tz="UTC")


def write(day: str, name: str, *, features: tuple[str, ...] = ("a", "b c.d"), rows: int = 5) -> Path:
    """A file as a worker writes it."""
    schema = pa.schema([("request_id", pa.string()), ("scored_at", MOMENT), ("customer_id", pa.string()),
                        ("model_version", pa.int64()), ("churn_probability", pa.float64()),
                        ("features", pa.struct({feature: pa.float64() for feature in features}))])  # fmt: skip
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    values = [{"request_id": name, "scored_at": at.replace(second=rows - i), "customer_id": f"{i:05}",
               "model_version": len(features), "churn_probability": 0.1 + i / 7,
               "features": {feature: i / 3 if i else None for feature in features}} for i in range(rows)]  # fmt: skip
    folder = state.path("mine", "predictions", day)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(values, schema), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def held() -> pd.DataFrame:
    return prediction_log.read("mine", [*KEYS, "scored_at", "churn_probability", "features"])


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(KEYS, ignore_index=True)


@pytest.fixture
def two_days(state_folder):
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        for number in range(3):
            write(day, f"77-{day}-{number}")
    return in_order(held())


def files(day: str) -> list[str]:
    return sorted(file.name for file in state.path("mine", "predictions", day).glob("*.parquet"))


def test_where_nothing_was_logged_there_is_no_row(state_folder):
    assert 0 == len(held())
    assert {"days": 0, "before": 0, "after": 0} == prediction_log.compact("mine")


def test_a_finished_day_is_one_file_in_order_of_time_with_the_same_rows(two_days):
    assert {"days": 2, "before": 6, "after": 2} == prediction_log.compact("mine", today=TODAY)
    assert [1, 1, 3] == [len(files(f"2026-01-0{day}")) for day in (1, 2, 3)]
    pd.testing.assert_frame_equal(two_days, in_order(held()))
    rows = pd.read_parquet(prediction_log.files("mine")[0])
    assert rows.scored_at.is_monotonic_increasing
    assert {"days": 2, "before": 2, "after": 2} == prediction_log.compact("mine", today=TODAY)


def test_what_came_late_is_taken_in_the_next_time(two_days):
    prediction_log.compact("mine", today=TODAY)
    write("2026-01-01", "78-late")
    assert len(two_days) + 5 == len(held())
    assert {"days": 2, "before": 3, "after": 2} == prediction_log.compact("mine", today=TODAY)
    assert len(two_days) + 5 == len(held())


def test_a_process_killed_before_it_removed_the_small_files_doubles_no_row(two_days, monkeypatch):
    gone, unlink = [], Path.unlink

    def killed(path: Path, **how) -> None:
        nonlocal gone
        gone += [path] if path.suffix == ".parquet" else []
        if len(gone) == 2:
            raise KeyboardInterrupt
        unlink(path, **how)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", killed)
        prediction_log.compact("mine", today=TODAY)
    assert 3 == len(files("2026-01-01"))  # two small ones, and the one that stands for them
    pd.testing.assert_frame_equal(two_days, in_order(held()))
    prediction_log.compact("mine", today=TODAY)
    assert [1, 1, 3] == [len(files(f"2026-01-0{day}")) for day in (1, 2, 3)]
    pd.testing.assert_frame_equal(two_days, in_order(held()))


def test_versions_that_log_other_features_keep_a_file_each(state_folder):
    for number in range(4):
        write("2026-01-01", f"77-{number}", features=("a",) if number % 2 else ("a", "b"))
    before = in_order(held())
    assert {"days": 1, "before": 4, "after": 2} == prediction_log.compact("mine", today=TODAY)
    pd.testing.assert_frame_equal(before, in_order(held()))


def test_a_file_that_a_worker_is_writing_is_passed_over(two_days):
    state.path("mine", "predictions", "2026-01-01", ".77-9.parquet.123.tmp").write_text("half")
    state.path("mine", "predictions", "2026-01-01", ".x.parquet").write_text("half")
    prediction_log.compact("mine", today=TODAY)
    assert len(two_days) == len(held())


def refuse(day: str, name: str, *, customers: int, why: str = "unknown-customer") -> None:
    """A file of refusals as a worker writes it."""
    schema = pa.schema([("request_id", pa.string()), ("scored_at", MOMENT), ("customer_id", pa.string()),
                        ("model_version", pa.int64()), ("refused", pa.string())])  # fmt: skip
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    rows = [{"request_id": name, "scored_at": at, "customer_id": f"{i:05}", "model_version": 1, "refused": why}
            for i in range(customers)]  # fmt: skip
    folder = state.path("mine", "refusals", day)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / f"{name}.parquet")


def test_who_was_refused_is_counted_by_version_and_reason_before_and_after_its_files_are_one(state_folder):
    assert service.refusals("mine").empty
    refuse("2026-01-01", "a", customers=2)
    refuse("2026-01-01", "b", customers=3)
    refuse("2026-01-02", "c", customers=1, why="outside-population")
    expected = [[1, "unknown-customer", 5, 3], [1, "outside-population", 1, 1]]
    assert expected == service.refusals("mine").values.tolist()
    assert {"days": 2, "before": 3, "after": 2} == prediction_log.compact("mine", today=TODAY)
    assert expected == service.refusals("mine").values.tolist()
