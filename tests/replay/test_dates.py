"""Which dates a replay lives."""

from datetime import date

import pytest

from churn.errors import InvalidParams
from churn.replay import dates, policies
from churn.replay.dates import Span
from churn.state import PROJECT

RULE = "snapshots={every: month, train: 2}"  # of a label of 30 days
SPAN = Span(date(2023, 1, 1), date(2023, 12, 31))


def chosen(first=None, last=None, every=None, span=SPAN, overrides=(RULE,), texts=("always",)) -> list[date]:
    read = policies.read(PROJECT / "params" / "smoke.yaml", list(overrides), list(texts))
    return dates.chosen(read, span, first=first, last=last, every=every)


def test_from_the_first_possible_run_to_the_last_list_that_came_true():
    lived = chosen()
    assert (date(2023, 5, 1), date(2023, 12, 1)) == (lived[0], lived[-1])
    assert 8 == len(lived)


def test_a_later_end_is_lived_though_it_is_not_known_what_came_true():
    assert date(2024, 1, 1) == chosen(last=date(2024, 1, 1))[-1]


def test_the_step_of_the_dates_is_not_that_of_the_snapshots():
    assert [date(2023, 11, 13), date(2023, 11, 20)] == chosen(date(2023, 11, 8), date(2023, 11, 20), every="week")


def test_every_policy_can_live_all_dates():
    lived = chosen(texts=("always", "label.horizon_days=60"))
    assert lived[0] > chosen()[0]
    assert lived[-1] < chosen()[-1]


def test_pinned_dates_become_as_many_of_the_months():
    assert chosen()[0] == chosen(overrides=())[0]  # smoke pins two training snapshots


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"first": date(2023, 2, 1)}, "--from 2023-02-01: the first date as of which every policy can be lived is"),
        ({"last": date(2024, 2, 1)}, "--to 2024-02-01: the log ends on 2023-12-31; name 2024-01-01 or an earlier date"),
        ({"first": date(2023, 8, 1), "last": date(2023, 7, 1)}, "--from 2023-08-01 lies after --to 2023-07-01"),
        ({"first": date(2023, 12, 10), "last": date(2024, 1, 1)}, "no list made then has come true by 2024-01-01"),
        ({"span": Span(date(2023, 1, 1), date(2023, 5, 10))}, "is too short for a replay: as of 2023-05-01"),
    ],
)  # fmt: skip
def test_dates_that_cannot_be_lived_are_refused_with_those_that_can(asked, told):
    with pytest.raises(InvalidParams) as refused:
        chosen(**asked)
    assert told in str(refused.value)
