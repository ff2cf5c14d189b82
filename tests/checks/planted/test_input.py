"""The input itself cannot be what it says it is. The features stage stops before it computes anything."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.checks.planted import business

HISTORY, SPELLING = "one id a history", "one spelling a customer"


def test_customers_repeated_in_their_table(given, events, customers, stops):
    """The reader refuses them."""
    with stops("customers", "customer ids appear more than once, e.g. C0000001, C0000002, C0000003"):
        business.run(given(events, pd.concat([customers, customers.head(9)])))


def test_customers_whose_id_has_two_spellings(given, events, customers, stops):
    """Half of the events came from a system that writes ids in lower case."""
    both = pd.concat([customers, customers.head(40).assign(customer_id=customers.customer_id.str.lower())])
    lower = events.customer_id.isin(customers.customer_id.head(40)) & (np.arange(len(events)) % 2 == 0)
    log = events.assign(customer_id=events.customer_id.where(~lower, events.customer_id.str.lower()))
    with stops(SPELLING, "customer_id: 40 customers in several spellings, for example 'C0000001' and 'c0000001'"):
        business.run(given(log, both))


def test_customers_with_a_second_id(given, events, customers, stops):
    """Moved to another system, and exported from both. Two people cannot have the same life to the second."""
    first = customers.customer_id[:30]
    again = events[events.customer_id.isin(first)].assign(customer_id=lambda rows: "M-" + rows.customer_id)
    people = pd.concat([customers, customers[:30].assign(customer_id="M-" + first)])
    told = r"events: the same ones under two values of customer_id: C\d{7} and M-C\d{7} \(\d+ events from 2023-\d\d-"
    with stops(HISTORY, told):
        business.run(given(pd.concat([events, again]), people))


def test_a_ready_made_row_under_two_ids(tmp_path, stops):
    """Where a column tells nearly everybody apart, equal rows are one person."""
    features, labels = business.ready_made()
    twice = [pd.concat([table, table.head(20).assign(user="x" + table.user)]) for table in (features, labels)]
    with stops(HISTORY, r"hours, ...\) at 2024-01-31: the same for u0000 and xu0000"):
        business.run(business.write_tables(tmp_path, {"usage": twice[0]}, twice[1]))


def test_shuffled_timestamps(given, events, customers, stops):
    """Among all rows. Seen by who acts before signing up, and by times that say nothing about the customer."""
    shuffled = events.assign(at=np.random.default_rng(7).permutation(events["at"]))
    shuffled["at"] = pd.to_datetime(shuffled["at"], utc=True)
    early = r"at: 1\d\.\d% of the events lie before signup_at, for example C\d{7} on 2023-01-\d\d .* \(signed up 2023-"
    with stops("events after sign-up", early, r"times of their own: at: F is (1\.0|0\.9)\d+", "from 2023-01-0"):
        business.run(given(shuffled, customers))


def test_shuffled_timestamps_where_sign_up_is_the_first_event(given, events, stops):
    """Nobody can act before it then. What is left: the times of a customer are as far apart as those of any two.

    Times shuffled within each customer, or in a small share of the rows, cannot be seen: they are possible lives.
    """
    shuffled = events.assign(at=pd.to_datetime(np.random.default_rng(7).permutation(events["at"]), utc=True))
    with stops("times of their own", r"at: F is (1\.0|0\.9)\d+, where chance gives 1 ± 0", r"C\d{7} from 2023-01-0"):
        business.run(given(shuffled, None))
