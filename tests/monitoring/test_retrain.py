"""Whether a model is trained again: the rule of the params file, and the alarm that it may ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn.monitoring import alarm, retrain
from churn.registry.versions import Version
from tests.monitoring.conftest import came
from tests.monitoring.test_matured import people

SERVED = {"production": 3, "since": "2023-11-30", "serve": "2024-02-01", "alarm": False}


@pytest.mark.parametrize(
    ("when", "changed", "expected"),
    [
        ("never", {"production": 0}, (True, "nothing is in production yet")),
        ("always", {}, (True, "each run trains a challenger (`retrain.when: always`)")),
        ("never", {"alarm": True}, (False, "no run trains one by itself (`retrain.when: never`)")),
        ("alarm", {}, (False, "no alarm stands")),
        ("alarm", {"alarm": True}, (True, "an alarm stands")),
        ({"months": 3}, {}, (False, "version 3 has served since 2023-11-30 and is due for another from 2024-02-29 on")),
        ({"months": 2}, {}, (True, "version 3 has served since 2023-11-30 and is due for another from 2024-01-30 on")),
        ({"months": 2}, {"since": ""}, (True, "nobody knows since when version 3 has served")),
    ],
)
def test_the_rule_decides_and_says_why(when, changed, expected):
    found = retrain.decide({"when": when}, **SERVED | changed)
    assert expected == (found.retrain, found.why)


@pytest.mark.parametrize(("months", "expected"), [(1, "2024-02-29"), (11, "2024-12-31"), (12, "2025-01-31")])
def test_months_later_is_the_same_day_or_the_last_of_the_month(months, expected):
    assert expected == retrain.months_after("2024-01-31", months)


def version(number: int) -> Version:
    return Version("mine", number, "Production", "", "", {})


def test_a_version_serves_since_its_first_list(mine, listed):
    made = [listed("2023-05-01", 1), listed("2023-06-01", 2), listed("2023-07-01", 2)]
    assert ["2023-05-01", "2023-06-01"] == [retrain.since(version(number), made) for number in (1, 2)]
    assert "" == retrain.since(None, made)
    assert [1, 2] == [retrain.made_by(number, made) for number in (1, 2)]
    assert 1 == retrain.made_by(2, [*made[:2], replace(made[2], superseded=True)])


def test_a_version_in_production_without_a_list_is_on_that_of_this_month(mine, listed):
    made = [listed("2023-05-01", 1)]
    assert [("2023-05-01", 1)] == retrain.listed(made, version(1), "2023-06-01")
    assert [("2023-05-01", 1), ("2023-06-01", 2)] == retrain.listed(made, version(2), "2023-06-01")
    assert [("2023-05-01", 1)] == retrain.listed(made, None, "2023-06-01")


def judged(*rows, **changed) -> dict:
    lists = [came(of, snapshot=f"2023-{month:02}-01") for month, of in enumerate(rows, 1)]
    told = [(m.snapshot, m.version) for m in lists]
    return retrain.judged(lists, told, tolerance=0.05, horizon_days=30)


def test_before_anything_has_come_true_there_is_no_alarm():
    assert retrain.NO_ALARM == judged()
    assert alarm.LIMIT == retrain.NO_ALARM["limit"]
    assert set(alarm.Alarm.__dataclass_fields__) == set(retrain.NO_ALARM)


def test_contacts_that_work_raise_no_alarm_and_a_broken_level_does():
    saved = people(saved=0.9)
    assert saved.churned.mean() < saved.left.mean() - 0.06  # beyond the tolerance
    assert not judged(saved)["standing"]
    assert judged(saved.assign(group="none"))["standing"]  # as if nobody had been contacted
    more = people(saved=0.0)
    left = more.churned | (np.random.default_rng(5).random(len(more)) < 0.2)
    assert judged(more.assign(churned=left))["standing"]
