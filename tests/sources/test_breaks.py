"""Breaks of the simulated businesses: nothing before the date, and after it what the break says."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

from churn.engine import connect
from churn.errors import InvalidParams
from churn.params import schema
from churn.sources import inputs
from churn.sources.readers import streaming

BREAK = "2023-05-07"  # a Sunday, on which a week of the simulation begins
STREAMING = {"source": "streaming", "customers": 1_500, "months": 8, "seed": 7}
SHOP = {"source": "shop", "customers": 1_000, "months": 24, "seed": 7}


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """The events of a simulation with these breaks, by customer and time."""
    con, kept = connect(threads=2), {}

    def log(data: dict, **breaks: str) -> pd.DataFrame:
        key = (data["source"], *breaks.items())
        if key not in kept:
            folder = tmp_path_factory.mktemp("breaks")
            events = inputs.read(con, data | ({"breaks": breaks} if breaks else {}), folder).events
            rows = events.mutate(value=events.value.cast("float64")).execute()
            kept[key] = rows.sort_values(["customer_id", "at", "kind", "value"], ignore_index=True)
        return kept[key]

    return log


@pytest.mark.parametrize(
    ("data", "rows", "digest"),
    [(STREAMING, 128_191, "b3f64a09c5432521"), (SHOP, 6_444, "ef83d586f38ea58e")],
    ids=["streaming", "shop"],
)
def test_without_breaks_the_log_is_what_it_was_before_there_were_any(logs, data, rows, digest):
    log = logs(data)
    assert (rows, digest) == (len(log), hashlib.sha256(log.to_csv(index=False).encode()).hexdigest()[:16])


@pytest.mark.parametrize("name", ["competitor", "app_breaks", "price_rise", "slow_season", "new_kind", "feed_stops"])
def test_before_its_date_a_break_changes_nothing_and_after_it_something(logs, name):
    whole, broken = logs(STREAMING), logs(STREAMING, **{name: BREAK})
    pd.testing.assert_frame_equal(_before(whole, BREAK), _before(broken, BREAK))
    assert not _since(whole, BREAK).equals(_since(broken, BREAK))


@pytest.mark.parametrize("name", ["competitor", "slow_season", "feed_stops", "packs"])
def test_the_shop_too_breaks_from_the_date_on(logs, name):
    whole, broken = logs(SHOP), logs(SHOP, **{name: "2023-03-01"})
    pd.testing.assert_frame_equal(_before(whole, "2023-03-01"), _before(broken, "2023-03-01"))
    assert len(_since(broken, "2023-03-01")) < 0.95 * len(_since(whole, "2023-03-01"))


def test_a_competitor_doubles_the_cancellations(logs):
    whole, broken = (_since(log, BREAK, days=28).kind.value_counts().cancel for log in _both(logs, "competitor"))
    assert broken == pytest.approx(2 * whole, rel=0.25)


def test_prices_rise_by_thirty_percent(logs):
    whole, broken = (_since(log, BREAK)[lambda e: e.kind == "payment"] for log in _both(logs, "price_rise"))
    assert {round(1.3 * price, 2) for price in whole.value.unique()} == set(broken.value.round(2))


def test_tickets_become_a_kind_of_event_that_was_never_seen(logs):
    whole, broken = _both(logs, "new_kind")
    assert {*streaming.KINDS, "chat"} == set(broken.kind)
    assert (_since(whole, BREAK).kind == "ticket").sum() == (_since(broken, BREAK).kind == "chat").sum()
    assert "ticket" not in set(_since(broken, BREAK).kind)


def test_a_feed_that_stops_leaves_no_session_and_all_the_rest(logs):
    whole, broken = (_since(log, BREAK) for log in _both(logs, "feed_stops"))
    pd.testing.assert_frame_equal(
        whole[whole.kind != "session"].reset_index(drop=True), broken.reset_index(drop=True), check_dtype=False
    )


def test_in_a_slow_season_use_falls_for_ninety_days_and_comes_back(logs):
    whole, broken = _both(logs, "slow_season")
    during, after = (
        [(_since(log, day, days=28).kind == "session").sum() for log in (broken, whole)]
        for day in (BREAK, "2023-08-20")
    )
    assert during[0] == pytest.approx(0.25 * during[1], rel=0.15)
    assert after[0] == pytest.approx(after[1], rel=0.15)


def test_whoever_buys_a_pack_buys_nothing_while_it_lasts_and_the_first_thereafter(logs):
    whole, broken = (_since(log, "2023-03-01") for log in (logs(SHOP), logs(SHOP, packs="2023-03-01")))
    whole, broken = (log[log.kind == "purchase"] for log in (whole, broken))
    kept = []
    for customer, times in whole.groupby("customer_id")["at"]:
        last = pd.Timestamp(0, tz="UTC")
        for at in times:
            if at >= last + pd.Timedelta(days=120):
                kept.append((customer, last := at))
    assert kept == list(zip(broken.customer_id, broken["at"], strict=True))


def test_a_break_outside_the_log_is_refused_in_a_line():
    with pytest.raises(InvalidParams) as refused:
        schema.load("params/smoke.yaml", ["data.breaks={competitor: 2024-03-01}"])
    rule = "data: breaks.competitor must lie within the log, after 2023-01-01 and before 2023-09-01; found 2024-03-01"
    assert f"params/smoke.yaml: {rule}" == str(refused.value)


def _both(logs, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return logs(STREAMING), logs(STREAMING, **{name: BREAK})


def _before(log: pd.DataFrame, day: str) -> pd.DataFrame:
    return log[log["at"] < pd.Timestamp(day, tz="UTC")].reset_index(drop=True)


def _since(log: pd.DataFrame, day: str, days: int = 10_000) -> pd.DataFrame:
    start = pd.Timestamp(day, tz="UTC")
    return log[(log["at"] >= start) & (log["at"] < start + pd.Timedelta(days=days))].reset_index(drop=True)
