"""Which dates are run for real, and what is told of them."""

from churn.replay import check
from tests.replay.test_judged import month


def days(*months) -> list[str]:
    return [one.as_of for one in check.chosen(list(months))]


def test_the_first_one_halfway_and_the_last_are_run():
    lived = [month(f"2024-{number:02}-01") for number in range(1, 8)]
    assert ["2024-01-01", "2024-04-01", "2024-07-01"] == days(*lived)


def test_a_run_that_would_have_stopped_is_not_run():
    stopped = month("2024-01-01")
    object.__setattr__(stopped, "stopped", True)
    assert ["2024-02-01"] == days(stopped, month("2024-02-01"))
    assert [] == days(stopped)


def test_what_only_one_of_both_has_is_told_as_a_difference():
    replayed, fresh = {"threshold": "0.1", "list": "a"}, {"threshold": "0.1", "scores": "b"}
    rows = {row["what"]: row["equal"] for row in check.rows_of("2024-01-01", replayed, fresh)}
    assert {"threshold": True, "list": False, "scores": False} == rows
