from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn import state
from churn.scoring import lists, summary
from churn.scoring.batch import LISTED


def rows(*customers: tuple) -> pd.DataFrame:
    """A list's rows of (customer_id, probability, flagged, group), with 10 to gain of a leaver and a contact at 1."""
    table = pd.DataFrame(customers, columns=["customer_id", "probability", "flagged", "group"])
    profit = 10 * table.probability - 1
    decile = np.arange(len(table)) * 10 // len(table) + 1
    said = dict.fromkeys(lists.REASONS, "")
    return table.assign(decile=decile, expected_profit=profit, version=1, snapshot="", **said)[LISTED.names]


SIX = rows(("a", 0.9, True, "contact"), ("b", 0.8, True, "control"), ("c", 0.5, True, "none"),
           ("d", 0.05, False, "none"), ("e", 0.04, False, "none"), ("f", 0.01, False, "none"))  # fmt: skip


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """The list added up in two portions."""
    return summary.cells([table[:2], table[2:]])


def put(snapshot: str, table: pd.DataFrame) -> lists.ScoreList:
    folder = state.path("made")
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / lists.ROWS, index=False)
    table.to_csv(folder / lists.TEXT)
    document = dict.fromkeys(lists.FOLLOWS_FROM) | {"experiment": "shop", "snapshot": snapshot, "version": 1}
    return lists.put(folder, document)


def test_totals_are_those_of_everybody_and_of_each_group():
    found = summary.totals(cells(SIX))
    assert [6.0, 1.0, 1.0] == [found[f"{part}_customers"] for part in ("everybody", "contact", "control")]
    assert [0.9, 8.0, 7.0] == pytest.approx([found[n] for n in ("contact_leavers", "contact_profit", "control_profit")])


def test_what_is_not_known_is_not_a_profit_of_zero():
    found = summary.totals(cells(SIX.assign(expected_profit=np.nan)))
    assert np.isnan(found["contact_profit"])
    assert 0.0 == summary.glued({}, found, summary.changes(None, None))["expected_profit"]
    assert summary.curve([SIX.assign(expected_profit=np.nan)], 6).empty
    assert summary.deciles(cells(SIX.assign(expected_profit=np.nan))).expected_profit.isna().all()


def test_the_curve_has_its_highest_point_where_contacts_stop_paying():
    many = rows(*((f"c{i}", p, True, "none") for i, p in enumerate(np.linspace(0.9, 0.0, 1001))))
    found = summary.curve([many[:400], many[400:]], 1001)
    best = found.loc[found.profit.idxmax()]
    assert [(many.expected_profit > 0).sum(), many.expected_profit.clip(lower=0).sum()] == pytest.approx(best.tolist())
    assert [(0, 0.0), 1001] == [tuple(found.iloc[0]), found.contacted.iloc[-1]]


def test_changes_say_who_entered_and_who_left_and_why(state_folder):
    last = put("2024-01-01", rows(
        ("stays", 0.9, True, "contact"), ("gone", 0.9, True, "contact"), ("below", 0.9, True, "contact"),
        ("beyond", 0.9, True, "contact"), ("back", 0.9, True, "contact"), ("freed", 0.9, True, "control"),
        ("above", 0.1, False, "none"), ("within", 0.9, True, "none"), ("never", 0.1, False, "none"),
    ))  # fmt: skip
    now = put("2024-02-01", rows(
        ("stays", 0.9, True, "contact"), ("freed", 0.9, True, "contact"), ("above", 0.9, True, "contact"),
        ("within", 0.9, True, "contact"), ("new", 0.9, True, "contact"), ("back", 0.9, True, "control"),
        ("beyond", 0.9, True, "none"), ("below", 0.1, False, "none"), ("never", 0.1, False, "none"),
    ))  # fmt: skip
    found = summary.changes(now, last)
    expected = {
        ("stayed", "on both"), ("entered", "kept back before"),
        ("entered", "at the threshold now"), ("entered", "within the budget now"),
        ("entered", "not on the last list"), ("left", "kept back now"), ("left", "beyond the budget now"),
        ("left", "below the threshold now"), ("left", "no longer in the population"),
    }  # fmt: skip
    assert expected == set(zip(found.change, found.why, strict=True))
    assert [1] * 9 == found.customers.tolist()
    glued = summary.glued(now.document, summary.totals(cells(now.rows())), found)
    assert [4, 4] == [glued["entered"], glued["left"]]


def test_without_an_earlier_list_nothing_has_changed(state_folder):
    only = put("2024-01-01", SIX)
    assert summary.changes(only, lists.latest("shop", before="2024-01-01")).empty


def test_segments_show_how_many_of_each_value_are_flagged(state_folder):
    only = put("2024-01-01", SIX)
    place = state.path("shop", "features", "2024-01-01", "profile.parquet")
    place.parent.mkdir(parents=True)
    pd.DataFrame({"customer_id": list("abcdef"), "plan": list("xxyyyy")}).to_parquet(place)
    made = {"experiment": "shop", "segments": ["plan"], "features": [{"name": "plan", "view": "profile"}]}
    found = summary.segments(only, made)
    assert [["plan", "y", 4, 0.15, 0.25, 0.0], ["plan", "x", 2, 0.85, 1.0, 0.5]] == [
        pytest.approx(row) if isinstance(row, float) else row
        for row in found.round({"mean_probability": 2}).to_numpy().tolist()
    ]


def test_of_no_list_there_is_nothing_to_show():
    none = cells(LISTED.empty_table().to_pandas())
    assert [0, 0, 0] == [len(summary.deciles(none)), len(summary.curve([], 0)), len(summary.segments(None, {}))]
    assert 0.0 == summary.totals(none)["everybody_customers"]
