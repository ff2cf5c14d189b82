"""What contacting does, measured against those who were kept back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn.monitoring import effect
from tests.monitoring.conftest import LABEL, came
from tests.monitoring.test_matured import people

ECONOMICS = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
RUN = {"label": LABEL, "economics": ECONOMICS, "seed": 1, "replicates": 200}


def measure(*lists: pd.DataFrame, contacted: pd.DataFrame | None = None, **changed) -> effect.Effect:
    made = [came(rows, snapshot=f"2023-{month:02}-01", **changed) for month, rows in enumerate(lists, 1)]
    return effect.measure(made, contacted, **RUN)


def inside(value: float, interval: dict) -> bool:
    return interval["low"] <= value <= interval["high"]


def test_newcombe_s_interval_is_that_of_his_paper():
    """Newcombe (1998), table II, method 10: 56/70 against 48/80."""
    assert (0.2, 0.0524, 0.3339) == pytest.approx(effect.newcombe(56, 70, 48, 80), abs=5e-5)


def test_wilson_s_interval_stays_within_0_and_1():
    assert (0.0, 0.0, 0.2775) == pytest.approx(effect.wilson(0, 10), abs=5e-5)
    assert (1.0, 0.7225, 1.0) == pytest.approx(effect.wilson(10, 10), abs=5e-5)


def test_contacts_that_work_are_measured_with_the_share_of_leavers_saved():
    rows = people(saved=0.4)
    found = measure(rows, people(saved=0.4, seed=4))
    assert 2 == len(found.by_list)
    counts = rows.groupby("group").churned.agg(["size", "sum"])
    assert counts.loc["contact"].tolist() == found.by_list.loc[0, ["contact", "left_contact"]].tolist()
    assert counts.loc["control"].tolist() == found.by_list.loc[0, ["control", "left_control"]].tolist()
    would = rows[rows.group != "none"].left.mean()
    assert inside(0.4 * would, found.difference)
    assert inside(0.4, found.success_rate)
    assert found.inside is False
    assert found.difference["low"] > 0


def test_contacts_without_effect_are_told_from_chance_as_seldom_as_promised():
    found = measure(people(saved=0.0))
    assert inside(0.0, found.difference)
    assert inside(0.0, found.success_rate)


def test_nobody_kept_back_measures_nothing():
    rows = people(saved=0.4)
    found = measure(rows.assign(group=rows.group.replace("control", "contact")))
    assert (None, None, None) == (found.difference, found.success_rate, found.inside)
    assert found.by_list.empty
    assert [] == effect.document(found)["by_list"]


def test_with_few_leavers_the_success_rate_is_left_open():
    rows = people(saved=0.0, n=300).assign(churned=False)
    found = measure(rows)
    assert found.success_rate is None
    assert 0.0 == found.difference["estimate"]


def test_where_chance_alone_could_make_all_leavers_unreached_the_success_rate_is_left_open():
    """Few are kept back, and few are reached: what would have become of those may be nothing."""
    rows = people(saved=0.0, n=600)
    reached = rows.customer_id[(rows.group == "contact") & (rows.index % 4 == 0)]
    contacted = pd.DataFrame({"customer_id": reached, "at": pd.Timestamp("2023-01-05", tz="UTC")})
    found = measure(rows, contacted=contacted)
    assert found.success_rate is None
    assert inside(0.0, found.difference)


def test_who_could_not_be_reached_is_no_evidence_against_contacting():
    """Half are reached, those who leave less often: the effect on the reached is found, from the groups as drawn."""
    rows, rng = people(saved=0.0), np.random.default_rng(9)
    likely = rng.random(len(rows)) < np.where(rows.left, 0.3, 0.6)
    reached = (rows.group == "contact") & likely
    saved = reached & rows.left & (rng.random(len(rows)) < 0.5)
    rows = rows.assign(churned=rows.left & ~saved)
    at = pd.Timestamp("2023-01-05", tz="UTC")
    contacted = pd.DataFrame({"customer_id": rows.customer_id[reached], "at": at})
    found = measure(rows, contacted=contacted)
    assert reached.sum() == found.by_list.contacted[0]
    assert inside(0.5, found.success_rate)
    gain = saved.sum() / reached.sum()
    assert [gain, gain] == pytest.approx([found.difference["estimate"], found.by_list.difference[0]], abs=0.03)
    naive = 1 - rows.churned[reached].mean() / rows.churned[rows.group == "control"].mean()
    assert naive > found.success_rate["high"]  # those who can be reached stay anyway


def test_a_list_nobody_of_which_was_contacted_says_nothing_of_contacting():
    rows, at = people(saved=0.4), pd.Timestamp("2023-02-05", tz="UTC")
    contacted = pd.DataFrame({"customer_id": rows.customer_id, "at": at})
    found = measure(rows, rows, contacted=contacted)  # January's list and February's
    assert ["2023-02-01"] == found.by_list.snapshot.tolist()
    assert found.difference["low"] > 0
    assert measure(rows, contacted=contacted).difference is None


def test_contacts_outside_of_the_horizon_do_not_count_and_crossed_ones_are_told():
    rows = people(saved=0.0)
    three = {group: rows.customer_id[rows.group == group].iloc[:3].tolist() for group in ("contact", "control")}
    dates = pd.to_datetime(["2022-12-31T23:59:59Z", "2023-01-31T00:00:00Z", "2023-01-30T23:59:59Z"] * 2, utc=True)
    found = measure(rows, contacted=pd.DataFrame({"customer_id": three["contact"] + three["control"], "at": dates}))
    assert (1, 1) == (found.by_list.contacted[0], found.crossed)


def test_superseded_lists_and_the_log_have_no_part():
    assert measure(people(saved=0.4), superseded=True).by_list.empty


def test_a_second_time_gives_the_same_to_the_last_bit():
    assert effect.document(measure(people(saved=0.2, n=3000))) == effect.document(measure(people(saved=0.2, n=3000)))
