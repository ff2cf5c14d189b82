"""The sources that need no input: CDNOW, and the simulated subscription business."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.engine import connect
from churn.sources import inputs
from churn.sources.readers import streaming


@pytest.fixture(scope="module")
def con():
    return connect(threads=2)


@pytest.fixture(scope="module")
def cdnow(con, tmp_path_factory):
    return inputs.read(con, {"source": "cdnow"}, tmp_path_factory.mktemp("cdnow"))


@pytest.fixture(scope="module")
def simulated(con, tmp_path_factory):
    """6,000 customers (two blocks) over eight months."""
    return _simulate(con, tmp_path_factory.mktemp("streaming"), customers=6_000)


@pytest.fixture(scope="module")
def log(simulated) -> pd.DataFrame:
    """The events of the simulation with the sign-up of their customer."""
    events = simulated.events.join(simulated.customers, "customer_id")
    return events.mutate(value=events.value.cast("float64")).execute()


def _simulate(con, folder, *, customers: int, months: int = 8, seed: int = 7):
    return inputs.read(con, {"source": "streaming", "customers": customers, "months": months, "seed": seed}, folder)


def _rows(table, up_to: str = "D") -> pa.Table:
    return table.filter(table.customer_id <= up_to).order_by(table.columns).to_pyarrow()


# --- cdnow ---


def test_cdnow_has_23570_customers_and_69659_purchases(cdnow):
    assert cdnow.counts == {"events": 69_659, "customers": 23_570, "rejected": 0, "read": 69_659}
    assert {"purchase"} == set(cdnow.events.kind.execute())
    assert Decimal("2500315.6300") == cdnow.events.value.sum().execute()


def test_cdnow_ids_have_five_digits_and_days_are_utc(cdnow):
    first = cdnow.events.filter(cdnow.events.customer_id == "00001").execute().iloc[0]
    assert (pd.Timestamp("1997-01-01", tz="UTC"), Decimal("11.7700")) == (first["at"], first["value"])
    assert pd.Timestamp("1998-06-30", tz="UTC") == cdnow.events["at"].max().execute()


def test_cdnow_segments_are_first_month_and_first_order(cdnow):
    customers = cdnow.customers.execute()
    assert cdnow.segments == ["acquisition_month", "first_order"]
    assert customers.acquisition_month.value_counts().to_dict() == {"1997-01": 7846, "1997-02": 8476, "1997-03": 7248}
    assert customers.first_order.value_counts().to_dict() == {"1 CD": 11_920, "2-3 CDs": 8_181, "4+ CDs": 3_469}


# --- streaming ---


def test_the_simulation_keeps_the_contract(simulated):
    assert [str(kind) for kind in simulated.events.schema().types] == [
        "string",
        "timestamp('UTC', 6)",
        "string",
        "decimal(18, 4)",
    ]
    customers = simulated.customers.execute()
    assert 6_000 == customers.customer_id.nunique() == len(customers)
    assert [customers.customer_id.min(), customers.customer_id.max()] == ["C0000001", "C0006000"]
    assert simulated.segments == ["plan", "country"]
    assert set(streaming.KINDS) == set(simulated.events.kind.execute())


def test_events_lie_within_the_months_simulated(simulated):
    at = simulated.events["at"].execute()
    assert at.min() >= streaming.START and at.max() < pd.Timestamp("2023-09-01", tz="UTC")


def test_no_event_comes_before_sign_up_or_after_the_cancellation(log):
    cancelled = log[log.kind == "cancel"].set_index("customer_id")["at"]
    assert cancelled.index.is_unique
    assert (log["at"] >= log.signup_at).all()
    assert not (log["at"] > log.customer_id.map(cancelled)).any()


def test_values_are_minutes_prices_one_and_zero(log):
    values = log.groupby("kind").value
    prices = {7.99, 12.99, 17.99}
    assert prices == set(values.get_group("payment")) == set(values.get_group("payment_failed"))
    assert {1.0} == set(values.get_group("ticket")) and {0.0} == set(values.get_group("cancel"))
    sessions = values.get_group("session")
    assert sessions.min() > 0 and sessions.max() <= 600.01


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**40), customers=st.integers(1, 400))
def test_the_same_seed_gives_the_same_simulation_and_another_seed_another(tmp_path_factory, seed, customers):
    con, folder = connect(threads=2), tmp_path_factory.mktemp("streaming")
    one, again, other = (
        _simulate(con, folder / name, customers=customers, months=2, seed=seed + shift)
        for name, shift in (("one", 0), ("again", 0), ("other", 1))
    )
    assert _rows(one.events).equals(_rows(again.events))
    assert _rows(one.customers).equals(_rows(again.customers))
    assert not _rows(one.customers).equals(_rows(other.customers))


@pytest.mark.parametrize("n", [10, 5_100])
def test_the_first_customers_of_a_larger_simulation_are_the_same(con, simulated, tmp_path, n):
    small = _simulate(con, tmp_path, customers=n)
    assert _rows(small.events).equals(_rows(simulated.events, up_to=f"C{n:07d}"))
    assert _rows(small.customers).equals(_rows(simulated.customers, up_to=f"C{n:07d}"))


def test_leavers_differ_by_plan_country_use_failures_and_tickets(simulated, log):
    left = _left_within_30_days(log, simulated.customers.execute(), pd.Timestamp("2023-06-01", tz="UTC"))
    assert 0.04 < left.left.mean() < 0.09
    by_plan, by_country = left.groupby("plan").left.mean(), left.groupby("country").left.mean()
    assert by_plan["basic"] > 1.3 * by_plan["premium"]
    assert by_country["BR"] > 2 * by_country["DE"]
    assert left[left.session <= 4].left.mean() > 2 * left[left.session > 8].left.mean()
    assert left[left.payment_failed > 0].left.mean() > 1.5 * left[left.payment_failed == 0].left.mean()
    assert left[left.ticket > 0].left.mean() > 1.3 * left[left.ticket == 0].left.mean()
    newcomer = left.signup_at > pd.Timestamp("2023-04-01", tz="UTC")
    assert left[newcomer].left.mean() > 1.2 * left[~newcomer].left.mean()


def _left_within_30_days(events: pd.DataFrame, customers: pd.DataFrame, snapshot: pd.Timestamp) -> pd.DataFrame:
    """Customers active at the snapshot: counts of the 30 days before, and whether they left in the 30 days after."""
    customers = customers.set_index("customer_id")
    cancelled = events[events.kind == "cancel"].set_index("customer_id")["at"].reindex(customers.index)
    month = pd.Timedelta(days=30)
    recent = events[(events["at"] < snapshot) & (events["at"] >= snapshot - month)]
    counts = recent.pivot_table(index="customer_id", columns="kind", values="value", aggfunc="size")
    customers = customers.join(counts).fillna({kind: 0 for kind in streaming.KINDS})
    customers["left"] = cancelled < snapshot + month
    return customers[(customers.signup_at < snapshot) & ~(cancelled < snapshot)]
