"""What is counted of a life: months that came true, those that did not yet, and those without a list."""

from pathlib import Path

import pandas as pd
import pytest

from churn.params import schema
from churn.replay import judged
from churn.replay.judged import Judged
from churn.replay.record import Life, Month
from churn.state import PROJECT

SMOKE = schema.load(PROJECT / "params" / "smoke.yaml").model_dump(mode="json")


def month(as_of: str, decision: str | None = None, *, alarm: bool = False, listed: str = "somewhere") -> Month:
    return Month(
        as_of=as_of, train=[], test="", serve=as_of, trained=decision is not None, why="", alarm=alarm,
        decision=decision, failed=[], said="", gate=[], candidate=1, before=0, production=1, list=listed, other=None,
        evaluation="",
    )  # fmt: skip


def rows(**profits: float) -> pd.DataFrame:
    names = list(profits)
    outcome = [number % 2 for number in range(len(names))]
    probability = [0.25 + 0.5 * left for left in outcome]
    return pd.DataFrame(
        {"customer_id": names, "profit": list(profits.values()), "churned": outcome, "probability": probability}
    ).assign(group="contact", flagged=True)


def life(policy: str, *months: tuple[Month, pd.DataFrame | None]) -> tuple[Life, list[Judged]]:
    lived = Life(policy, SMOKE, Path("nowhere"), [one for one, _ in months])
    return lived, [Judged(lived, one, "2024-01-31", came) for one, came in months]


def test_a_policy_is_told_by_the_lists_that_came_true():
    told = judged._policy(*life(
        "always",
        (month("2024-01-01", "promoted"), rows(a=-2.0, b=13.0)),
        (month("2024-02-01", "refused"), rows(a=-2.0, b=-2.0)),
        (month("2024-03-01", "needs approval"), None),
    ))  # fmt: skip
    assert (7.0, 4, 3, 2, 3) == tuple(told[name] for name in ("profit", "contacted", "lists", "judged", "trainings"))
    assert (1, 1, 1, 30) == tuple(told[name] for name in ("promoted", "refused", "waits", "horizon_days"))
    assert 1.0 == told["auc"]


def test_an_alarm_that_stands_for_months_has_fired_once():
    told = judged._policy(*life(
        "alarm",
        (month("2024-01-01"), None), (month("2024-02-01", alarm=True), None), (month("2024-03-01", alarm=True), None),
        (month("2024-04-01"), None), (month("2024-05-01", alarm=True), None),
    ))  # fmt: skip
    assert ["2024-02-01", "2024-05-01"] == told["alarms"]


def test_nothing_is_told_of_a_list_that_has_not_come_true():
    _, [one] = life("always", (month("2024-01-01"), None))
    told = judged._month(one)
    assert (False, True, None, None) == (told["judged"], told["listed"], told["profit"], told["auc"])


@pytest.mark.parametrize(
    ("second", "dates", "profit"),
    [((month("2024-02-01"), None), 1, 10.0), ((month("2024-02-01", listed=""), None), 2, 5.0)],
)
def test_policies_are_compared_on_dates_that_are_known_of_both_and_no_list_earns_nothing(second, dates, profit):
    _, of = life("always", (month("2024-01-01"), rows(a=10.0)), second)
    _, against = life("never", (month("2024-01-01"), rows(a=0.0)), (month("2024-02-01"), rows(a=5.0)))
    found = judged._difference([*of, *against], "always", "never")
    assert (dates, profit) == (found["months"], found["profit"])
