"""Feature tables of earlier runs are taken where nothing that they depend on has changed, and made anew elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from churn import engine, state
from churn.features import build, kept
from churn.sources.contract import Source

JANUARY, FEBRUARY, MARCH, APRIL = "2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"
MONTHS = [FEBRUARY, MARCH]
CUSTOMERS = [("a", datetime(2023, 12, 1, tzinfo=UTC), "basic"), ("b", datetime(2024, 2, 10, tzinfo=UTC), "gold")]


def visit(month: int, day: int, customer: str = "a", value: int = 1) -> tuple:
    return customer, datetime(2024, month, day, 12, tzinfo=UTC), "visit", value


EVENTS = [visit(1, 5), visit(1, 20), visit(2, 12, "b"), visit(2, 20), visit(3, 3)]


@pytest.fixture
def month(con, log, state_folder):
    """Make the features of some snapshots, as a run does; gives the manifest."""

    def _month(events=EVENTS, customers=CUSTOMERS, snapshots=MONTHS, data=None, **changed) -> dict:
        source = Source(*log(events, customers, ["plan"]), {}, None, ["plan"], {"read": len(events)}, pd.DataFrame())
        settings = {"windows_days": [7, 30], "kinds_before": snapshots[0], "recipe": "windows"} | changed
        label = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 60}
        return build.feature_tables(
            con, source, experiment="mine", snapshots=snapshots, label=label, data=data, **settings
        )

    return _month


def test_a_later_month_computes_its_new_snapshot_only(month):
    first = month()
    later = month(snapshots=[*MONTHS, APRIL])
    assert ([], MONTHS) == (first["kept"], later["kept"])
    assert first["snapshots"] == {t: later["snapshots"][t] for t in MONTHS}


@pytest.mark.parametrize("recipe", ["windows", "pace", "both"])
def test_a_snapshot_is_kept_whichever_are_computed_beside_it(month, recipe):
    month(recipe=recipe)
    assert [MARCH] == month(recipe=recipe, snapshots=[MARCH, APRIL], kinds_before=MARCH)["kept"]


def test_kept_tables_are_those_that_are_computed(month, monkeypatch, tmp_path):
    month()
    taken = month(snapshots=[*MONTHS, APRIL])
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / "another"))
    assert taken["fingerprint"] == month(snapshots=[*MONTHS, APRIL])["fingerprint"]


def test_what_becomes_known_later_touches_no_snapshot_before_it(month):
    month()
    newcomer = ("c", datetime(2024, 3, 1, tzinfo=UTC), "gold")
    later = month([*EVENTS, visit(3, 1), visit(3, 2, "c")], [*CUSTOMERS, newcomer])
    assert (MONTHS, []) == (later["kept"], later["late"])


def test_rows_in_another_order_are_the_same_rows(month):
    month()
    assert MONTHS == month(EVENTS[::-1], CUSTOMERS[::-1])["kept"]


def test_late_rows_are_counted_and_the_snapshots_they_touch_computed_anew(month):
    month()
    later = month([*EVENTS, visit(2, 2), visit(2, 3)])
    [told] = later["late"]
    assert [FEBRUARY] == later["kept"]
    assert f"late rows: before {MARCH} there are 2 more events than when its features were made" in told
    assert f"those of 1 snapshots, from {MARCH} on, are computed anew" in told
    assert [FEBRUARY, MARCH] == month([*EVENTS, visit(2, 2), visit(2, 3)])["kept"]


def test_rows_that_have_gone_or_changed_are_told_too(month):
    month()
    assert "1 fewer events" in month(EVENTS[1:])["late"][0]
    month()
    assert "other events or customers" in month([visit(1, 5, value=7), *EVENTS[1:]])["late"][0]


def test_a_customer_with_another_segment_is_computed_anew(month):
    month()
    moved = [("a", CUSTOMERS[0][1], "gold"), CUSTOMERS[1]]
    assert [] == month(customers=moved)["kept"]


def test_another_log_has_no_late_rows(month):
    month(data={"source": "streaming", "customers": 100})
    other = month([*EVENTS, visit(1, 7)], data={"source": "streaming", "customers": 200})
    assert ([], []) == (other["kept"], other["late"])


def test_a_file_under_another_name_is_the_same_log(month):
    month(data={"source": "events", "path": "orders_february.csv"})
    assert 1 == len(month([*EVENTS, visit(1, 7)], data={"source": "events", "path": "orders_march.csv"})["late"])


def test_other_features_are_computed_anew_and_those_of_before_forgotten(month):
    month(snapshots=[*MONTHS, APRIL])
    assert [] == month(windows_days=[7, 60])["kept"]
    assert MONTHS == sorted(place.name for place in state.path("mine", kept.FOLDER).iterdir())


def test_other_code_of_the_definitions_is_computed_anew(month, monkeypatch):
    month()
    monkeypatch.setattr(kept, "_code", lambda module: "changed")
    assert [] == month()["kept"]


def test_the_digest_of_the_code_holds_all_that_defines_a_feature():
    assert kept._code(kept.from_events) != kept._code(kept.from_events.names)


def test_a_damaged_table_is_made_anew(month):
    made = month()
    for file in state.path("mine", kept.FOLDER, MARCH).glob("profile.parquet"):
        rows = engine.frame(file)
        file.unlink()
        rows.assign(tenure_days=0.0).to_parquet(file)
    assert [FEBRUARY] == (again := month())["kept"]
    assert made["fingerprint"] == again["fingerprint"]


def test_a_snapshot_served_before_is_kept_for_the_month_that_tests_on_it(month):
    month(snapshots=[FEBRUARY, MARCH])
    month(snapshots=[FEBRUARY, APRIL])
    assert [MARCH] == month(snapshots=[MARCH])["kept"]
    assert [FEBRUARY] != sorted(place.name for place in state.path("mine", "features").iterdir() if place.is_dir())


def test_late_rows_before_a_snapshot_that_is_not_looked_at_are_told_once(month):
    month(snapshots=[FEBRUARY, MARCH])
    late = [*EVENTS, visit(2, 2)]
    assert [1, 0] == [len(month(late, snapshots=[FEBRUARY, APRIL])["late"]) for _ in range(2)]
    assert [] == month(late, snapshots=[MARCH])["kept"]


def test_an_earlier_run_is_no_loss_to_a_later_snapshot(month):
    month(snapshots=[FEBRUARY, MARCH, APRIL])
    assert [] == month(EVENTS[:2], snapshots=[FEBRUARY])["late"]
    assert [MARCH, APRIL] == month(snapshots=[MARCH, APRIL], kinds_before=FEBRUARY)["kept"]


def test_snapshots_before_the_first_are_forgotten(month):
    month(snapshots=[FEBRUARY, MARCH])
    month(snapshots=[MARCH, APRIL], kinds_before=FEBRUARY)
    assert [MARCH, APRIL] == sorted(place.name for place in state.path("mine", kept.FOLDER).iterdir())


def test_no_snapshot_depends_on_how_many_others_are_looked_at(con, log):
    source = Source(*log(EVENTS, CUSTOMERS, ["plan"]), {}, None, ["plan"], {}, pd.DataFrame())
    alone = kept.known_before(source, [MARCH])[MARCH]
    assert alone == kept.known_before(source, [JANUARY, FEBRUARY, MARCH, APRIL])[MARCH]
    assert 4 == alone["events"]
