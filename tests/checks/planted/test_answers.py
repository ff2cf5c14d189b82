"""The answer is among the columns: known only after the label, and in the input all the same. The train stage stops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.checks.planted import business

ALONE, NULLS = "no feature tells by itself", "no null tells by itself"
AUC = r"AUC (0\.9\d\d|1\.000)"
A_LEAVER = r"for example C\d{7}, who left, has"
DAY = pd.Timedelta(days=1)


@pytest.fixture
def cancelled(events) -> pd.Series:
    """When each customer who ever cancels does."""
    return events[events.kind == "cancel"].set_index("customer_id")["at"]


def test_the_date_of_cancellation_among_the_segments(given, events, customers, cancelled, stops):
    """The export of the customers has it, and the export is of today."""
    dates = customers.customer_id.map(cancelled).dt.strftime("%Y-%m-%d")
    with stops("no date from the future", r"cancelled_on: customer C\d{7} at 2023-04-01 has 2023-0[4-8]-\d\d"):
        business.run(given(events, customers.assign(cancelled_on=dates)))


def test_a_final_invoice_dated_back(given, events, customers, cancelled, stops):
    """It is made when a customer leaves, and dated to the end of the month before: no rule about times sees that."""
    dated = cancelled.dt.tz_localize(None).dt.to_period("M").dt.start_time.dt.tz_localize("UTC") - DAY / 24
    invoices = pd.DataFrame({"customer_id": cancelled.index, "at": dated, "kind": "final_invoice", "value": 1})
    signup = invoices.customer_id.map(customers.set_index("customer_id").signup_at)
    log = pd.concat([events.astype({"value": float}), invoices[invoices["at"] > signup]])
    with stops(ALONE, "final_invoice_count", "at 2023-0[45]-01", AUC, A_LEAVER):
        business.run(given(log, customers))


def test_a_column_that_is_null_until_somebody_leaves(tmp_path, stops):
    """Ready-made features cannot be computed again, but that a null tells all is seen."""
    features, labels = business.ready_made()
    refund = pd.Series(np.random.default_rng(8).gamma(2, 5, 900)).where(labels.gone)
    with stops(NULLS, "whether refund is null at 2024-01-31: AUC 1.000", r"for example u\d{4}, who left, has"):
        business.run(business.write_tables(tmp_path, {"usage": features.assign(refund=refund)}, labels))


def test_a_date_after_the_snapshot_in_a_ready_made_table(tmp_path, stops):
    """Dates become days before the snapshot, and those of what came later are below zero."""
    features, labels = business.ready_made()
    closed = pd.Series("2024-02-11", index=labels.index).where(labels.gone)
    told = r"days_since_closed_on reaches 11 days past its snapshot, for example u\d{4} at 2024-01-31"
    with stops("nothing from the future", told):
        business.run(business.write_tables(tmp_path, {"usage": features.assign(closed_on=closed)}, labels))


def test_a_segment_that_encodes_the_label(given, events, customers, cancelled, stops):
    """Of one train snapshot; over all of them the column would look merely good."""
    may = pd.Timestamp("2023-05-01", tz="UTC")
    gone = customers.customer_id.map(cancelled).between(may, may + 30 * DAY, inclusive="left")
    with stops(ALONE, "risk_group at 2023-05-01", AUC, A_LEAVER + " 'red'"):
        business.run(given(events, customers.assign(risk_group=np.where(gone, "red", "green"))))


def test_a_segment_of_many_values_that_encodes_the_label(given, events, customers, cancelled, stops):
    """Forty agents, and those who leave are all handed to ten of them."""
    may = pd.Timestamp("2023-05-01", tz="UTC")
    gone = customers.customer_id.map(cancelled).between(may, may + 30 * DAY, inclusive="left")
    rng = np.random.default_rng(7)
    number = np.where(gone, rng.integers(0, 10, len(gone)), rng.integers(10, 40, len(gone)))
    with stops(ALONE, "agent at 2023-05-01", AUC, A_LEAVER + r" 'A0\d'"):
        business.run(given(events, customers.assign(agent=[f"A{n:02}" for n in number])))


def test_a_segment_as_of_the_day_of_the_export(given, events, customers, cancelled, stops):
    """`closed` is true of all leavers, and of those who stayed and left later, so that its AUC is below the limit."""
    status = np.where(customers.customer_id.isin(cancelled.index), "closed", "open")
    with stops(ALONE, "status at 2023-0[45]-01: AUC 0.90", r"parts 8\d% of a side", A_LEAVER + " 'closed'"):
        business.run(given(events, customers.assign(status=status)))
