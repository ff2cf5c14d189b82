"""What a contact of a list brought, once it is known who left."""

from pathlib import Path

import pandas as pd
import pytest

from churn.replay import outcomes
from churn.scoring import lists

ECONOMICS = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
CAME = pd.DataFrame({"customer_id": ["a", "b", "c", "d", "e"], "churned": [True, False, True, True, False]})


def written(folder: Path, **columns: list) -> str:
    """A list of a, b, c, d: contacted, contacted, kept back, left alone."""
    rows = {
        "customer_id": ["b", "a", "c", "d"], "probability": [0.5, 0.4, 0.3, 0.1], "flagged": [True, True, True, False],
        "expected_profit": [5.5, 4.0, 2.5, -0.5], "group": ["contact", "contact", "control", "none"],
    }  # fmt: skip
    pd.DataFrame(rows | columns).to_parquet(folder / lists.ROWS)
    return str(folder)


def test_a_contact_costs_and_keeps_a_leaver_with_the_success_rate(tmp_path):
    rows = outcomes.came_true(written(tmp_path), CAME, ECONOMICS)
    assert {"a": 0.25 * 60 - 2, "b": -2.0, "c": 0.0, "d": 0.0} == rows.set_index("customer_id").profit.to_dict()


def test_whoever_is_kept_back_or_left_alone_brings_nothing(tmp_path):
    rows = outcomes.came_true(written(tmp_path, group=["control", "none", "control", "none"]), CAME, ECONOMICS)
    assert [0.0] * 4 == rows.profit.tolist()


def test_a_customer_s_own_value_is_the_one_that_the_list_promised_by(tmp_path):
    economics = ECONOMICS | {"saved_value": {"column": "value", "margin": 0.3}}
    promised = [0.5 * 10 - 2, 0.4 * 30 - 2, 0.0, 0.0]  # a contacted leaver brings 10 of b, and 30 of a
    rows = outcomes.came_true(written(tmp_path, expected_profit=promised), CAME, economics)
    assert {"a": pytest.approx(28), "b": -2.0} == rows.set_index("customer_id").profit[["a", "b"]].to_dict()


def test_the_log_loss_is_that_of_each_customer(tmp_path):
    found = outcomes.losses(outcomes.came_true(written(tmp_path), CAME, ECONOMICS))
    assert [pytest.approx(value, abs=1e-6) for value in (0.916291, 0.693147, 1.203973, 2.302585)] == found.tolist()
