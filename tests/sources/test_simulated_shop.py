"""The simulated shop with a season."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from churn.engine import connect
from churn.sources import inputs
from churn.sources.readers import shop
from churn.training import labels

LABEL = {"rule": "inactivity", "horizon_days": 90, "active_within_days": 365, "kinds": ["purchase"]}


@pytest.fixture(scope="module")
def con():
    return connect(threads=2)


@pytest.fixture(scope="module")
def read(con, tmp_path_factory):
    """read(name=value, ...): the source of the shop of params/shop.yaml, but for these."""
    settings = {"source": "shop", "customers": 3_000, "months": 48, "seed": 7}
    return lambda **changed: inputs.read(con, settings | changed, tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def simulated(read):
    return read()


@pytest.fixture(scope="module")
def log(simulated) -> pd.DataFrame:
    """The events in the order of customer and time, with the sign-up and segments of their customer."""
    events = simulated.events.join(simulated.customers, "customer_id")
    return events.mutate(value=events.value.cast("float64")).order_by("customer_id", "at").execute()


def _rows(table, up_to: str = "D") -> pa.Table:
    return table.filter(table.customer_id <= up_to).order_by(table.columns).to_pyarrow()


def _left(source) -> pd.Series:
    """Share of the customers who stay away for 90 days, by month from 2024-09-01 to 2025-09-01."""
    months = [str(day.date()) for day in pd.date_range("2024-09-01", "2025-09-01", freq="MS")]
    table = labels.build(source.events, source.customers, None, snapshots=months, label=LABEL)
    return table.execute().groupby("snapshot").churned.mean().rename(lambda t: t.month)


def test_the_shop_keeps_the_contract(simulated, log):
    assert ["string", "timestamp('UTC', 6)", "string", "decimal(18, 4)"] == [
        str(kind) for kind in simulated.events.schema().types
    ]
    customers = simulated.customers.execute()
    assert 3_000 == customers.customer_id.nunique() == len(customers)
    assert ["channel", "country"] == simulated.segments
    assert [set(shop.CHANNELS), set(shop.COUNTRIES)] == [set(customers.channel), set(customers.country)]
    assert log["at"].min() >= shop.START
    assert "2025-12-31" == f"{log['at'].max():%Y-%m-%d}"


def test_the_same_seed_gives_the_same_shop_and_another_seed_another(read):
    one, again, other = (read(customers=300, months=12, seed=seed) for seed in (1, 1, 2))
    assert _rows(one.events).equals(_rows(again.events))
    assert _rows(one.customers).equals(_rows(again.customers))
    assert not _rows(one.customers).equals(_rows(other.customers))


def test_the_first_customers_of_a_larger_shop_are_the_same(read, simulated):
    larger = read(customers=5_100)  # two blocks
    assert _rows(simulated.events).equals(_rows(larger.events, up_to="C0003000"))
    assert _rows(simulated.customers).equals(_rows(larger.customers, up_to="C0003000"))


def test_purchases_are_worth_more_than_nothing_and_returns_less(log):
    values = log.groupby("kind").value
    assert {"purchase", "return"} == set(values.groups)
    assert values.min()["purchase"] > 0 > values.max()["return"]


def test_a_customer_signs_up_with_the_first_purchase_in_the_log_or_before_it(log):
    first = log.drop_duplicates("customer_id").set_index("customer_id")
    since = first[first.signup_at >= shop.START]
    assert {"purchase"} == set(since.kind)
    assert since.signup_at.tolist() == since["at"].tolist()
    assert (first["at"] >= first.signup_at).all()


def test_a_return_comes_days_after_a_purchase_that_was_worth_as_much(log):
    bought = log[log.kind == "purchase"][["customer_id", "at", "value"]]
    pairs = log[log.kind == "return"].reset_index().merge(bought, on="customer_id", suffixes=("", "_bought"))
    days = (pairs["at"].dt.floor("D") - pairs["at_bought"].dt.floor("D")).dt.days
    explained = pairs[(days >= 2) & (pairs.value_bought >= -pairs.value)]
    assert (log.kind == "return").sum() == explained["index"].nunique()


def test_next_to_nothing_happens_on_closed_days(log):
    volume = log.groupby(log["at"].dt.floor("D")).size()
    closed = np.isin(volume.index.strftime("%m-%d"), ["01-01", "12-25", "12-26"])
    assert volume[closed].max() < 0.2 * volume[~closed].median()


def test_some_more_days_are_hollow_by_chance(log):
    days = pd.date_range("2023-01-02", "2025-12-24", tz="UTC")
    volume = log.groupby(log["at"].dt.floor("D")).size().reindex(days, fill_value=0)
    usual = volume.rolling(29, center=True, min_periods=15).median()
    hollow = volume[(volume < usual / 5) & ~np.isin(volume.index.strftime("%m-%d"), ["01-01", "12-25", "12-26"])]
    assert 3 <= len(hollow) <= 20


def test_who_stays_away_swings_with_the_season_by_a_fifth(simulated):
    left = _left(simulated)
    assert left.max() - left.min() > 0.2
    assert left.idxmin() in (11, 12) and left.idxmax() in (6, 7)


def test_the_months_before_differ_from_the_month_itself_as_in_the_research(simulated):
    assert np.abs(_missed(_left(simulated))).mean() > 0.08


def test_without_a_season_nothing_swings(read):
    left = _left(read(season=0.0))
    assert left.max() - left.min() < 0.06
    assert np.abs(_missed(left)).mean() < 0.03


def _missed(left: pd.Series) -> pd.Series:
    """What a level of the newest four known months misses each month's by."""
    return (sum(left.shift(k) for k in (3, 4, 5, 6)) / 4 - left).dropna()


def test_new_customers_grow_from_year_to_year_by_growth(read):
    customers = read(growth=0.5, customers=5_000).customers.execute()
    by_year = customers[customers.signup_at >= shop.START].groupby(customers.signup_at.dt.year).size()
    assert [pytest.approx(1.5, rel=0.15)] * 3 == (by_year / by_year.shift()).dropna().tolist()


def test_customers_have_a_pace_of_their_own(log):
    purchases = log[(log.kind == "purchase") & (log.signup_at < "2022-06-01")].groupby("customer_id").size()
    assert purchases.quantile(0.9) > 6 * purchases.quantile(0.3)


def test_customers_by_app_buy_more_often(log):
    purchases = log[log.kind == "purchase"].groupby(["channel", "customer_id"]).size().groupby("channel").mean()
    assert purchases["app"] > 1.2 * purchases["store"]
