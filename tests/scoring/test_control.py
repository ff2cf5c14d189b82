from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.scoring import control

CUSTOMERS = [f"c{i}" for i in range(4000)]
DRAWN = control.draws(control.key("shop", 7), CUSTOMERS)
FLAGGED = np.arange(4000) % 3 == 0


def test_the_draw_is_uniform():
    assert 0 <= DRAWN.min() and DRAWN.max() < 1
    assert np.histogram(DRAWN, 4)[0] == pytest.approx([1000] * 4, abs=90)


def test_a_customer_is_drawn_alike_among_any_others():
    assert DRAWN[[7, 3999]].tolist() == control.draws(control.key("shop", 7), ["c7", "c3999"]).tolist()


@pytest.mark.parametrize("other", [("shop", 8), ("shop2", 7)])
def test_another_seed_or_experiment_draws_others(other):
    again = control.draws(control.key(*other), CUSTOMERS)
    assert abs(np.corrcoef(DRAWN, again)[0, 1]) < 0.06


def test_a_share_of_the_flagged_is_kept_back_and_the_others_are_contacted():
    groups = control.groups(FLAGGED, DRAWN, share=0.1, budget=None)
    assert [control.CONTROL] * int((FLAGGED & (DRAWN < 0.1)).sum()) == groups[FLAGGED & (DRAWN < 0.1)].tolist()
    assert {control.NONE} == set(groups[~FLAGGED])
    assert FLAGGED.sum() == (groups == control.CONTACT).sum() + (groups == control.CONTROL).sum()


def test_who_is_kept_back_stays_so_when_the_share_grows():
    small, large = (control.groups(FLAGGED, DRAWN, share=share, budget=None) for share in (0.1, 0.3))
    assert set(np.flatnonzero(small == control.CONTROL)) < set(np.flatnonzero(large == control.CONTROL))


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 1), budget=st.integers(1, 2000))
def test_the_budget_buys_contacts_from_the_top_and_the_control_group_costs_nothing(share, budget):
    groups = control.groups(FLAGGED, DRAWN, share=share, budget=budget)
    contacted = np.flatnonzero(groups == control.CONTACT)
    willing = np.flatnonzero(FLAGGED & (DRAWN >= share))
    assert willing[:budget].tolist() == contacted.tolist()
    last = contacted[-1] if len(willing) >= budget and len(contacted) else len(groups)
    kept = np.flatnonzero(FLAGGED & (DRAWN < share))
    assert kept[kept < last].tolist() == np.flatnonzero(groups == control.CONTROL).tolist()
