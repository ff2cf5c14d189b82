"""The gate judged by what came true: which of two lists was better, and what a rule was worth."""

import numpy as np
import pandas as pd
import pytest

from churn.replay import gate_judged
from churn.replay.gate_judged import Beside
from churn.replay.record import Month

N = 400
Y = np.arange(N) % 2


def month(as_of: str = "2024-01-01", role: str = "refused", failing: tuple[str, ...] = ("champion_margin",)) -> Month:
    names = ("champion_margin", "min_auc", "log_loss")
    gate = [{"rule": rule, "passed": rule not in failing, "advisory": rule == "log_loss"} for rule in names]
    return Month(
        as_of=as_of, train=[], test="", serve=as_of, trained=True, why="", alarm=False, decision="refused", failed=[],
        said="", gate=gate, candidate=2, before=1, production=1, list="", other={"role": role, "version": 2},
        evaluation="",
    )  # fmt: skip


def rows(sharp: float, profit: float = 0.0) -> pd.DataFrame:
    """A list whose probabilities of leavers and stayers lie `sharp` apart; each contact of a leaver brings `profit`."""
    noise = np.random.default_rng(0).normal(0, 0.01, N)
    p = np.clip(0.5 + sharp * (Y - 0.5) + noise, 0.01, 0.99)
    ids = [f"c{n:03d}" for n in range(N)]
    return pd.DataFrame({"customer_id": ids, "probability": p, "churned": Y, "profit": profit * Y})


def beside(other: pd.DataFrame, ruling: pd.DataFrame, **of_month) -> Beside:
    return Beside("always", month(**of_month), ruling, other)


@pytest.mark.parametrize(
    ("of_other", "of_ruling", "verdict"), [(0.8, 0.2, "better"), (0.2, 0.8, "worse"), (0.4, 0.4, "no difference")]
)
def test_the_better_one_is_told_by_the_log_loss_beyond_chance(of_other, of_ruling, verdict):
    [row] = gate_judged.table([beside(rows(of_other), rows(of_ruling))])
    assert verdict == row["verdict"]
    assert np.sign(of_ruling - of_other) == np.sign(row["log_loss"])


def test_profits_are_told_as_the_other_one_minus_the_one_that_ruled():
    [row] = gate_judged.table([beside(rows(0.4, profit=3.0), rows(0.4, profit=1.0))])
    assert 2.0 * Y.sum() == row["profit"]
    assert row["profit_low"] < row["profit"] < row["profit_high"]


def test_a_rule_is_worth_what_stayed_earned_more_over_all_months_in_which_it_failed():
    found = [
        beside(
            rows(0.2, profit=1.0), rows(0.8, profit=3.0), as_of="2024-01-01", failing=("champion_margin", "min_auc")
        ),
        beside(rows(0.8, profit=2.0), rows(0.2, profit=1.0), as_of="2024-02-01", failing=("min_auc",)),
    ]
    margin, floor = gate_judged.rules(found)
    assert ("champion_margin", ["2024-01-01"], 2.0 * Y.sum()) == (margin["rule"], margin["months"], margin["profit"])
    assert ("min_auc", ["2024-01-01", "2024-02-01"], (2.0 - 1.0) * Y.sum()) == (
        floor["rule"], floor["months"], floor["profit"],
    )  # fmt: skip
    assert margin["log_loss"] > 0, "what was refused would have foretold worse"


def test_an_advisory_rule_and_a_replaced_version_count_for_no_rule():
    replaced = beside(rows(0.2), rows(0.8), role="replaced", failing=("min_auc",))
    advisory = beside(rows(0.2), rows(0.8), failing=("log_loss",))
    assert [] == gate_judged.rules([replaced, advisory])
