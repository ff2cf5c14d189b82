"""A sample of customers where all their rows would not fit into memory, the same in every run and on every engine.

Customers are drawn by a digest of their id, so a smaller sample lies within a larger one and a customer is in it at
every snapshot or at none. A sample of rare leavers has another share of them than everybody by chance: what is known of
everybody, the share of leavers at each snapshot, stays beside the rows, and the level of a model is set by it (the
prior correction of King & Zeng 2001, Logistic Regression in Rare Events Data).
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import pandas as pd
from ibis.expr.types import BooleanColumn, StringColumn, Table

MOST_ROWS = 500_000  # a customer and snapshot each: with 45 features some 4 GB while a model is fitted and evaluated
DIGITS = 13  # of a digest, base 16: as many as a float holds
RATE = "rate"  # the share of leavers among everybody at the row's snapshot; a column of sampled rows alone


@dataclass(frozen=True)
class Sample:
    """Labelled rows of a share of the customers: `customer_id`, `snapshot`, `churned` and, where they are fewer than
    all, RATE.

    `everybody` is the number of rows that there are.
    """

    rows: pd.DataFrame
    share: float
    everybody: int
    seed: int

    def of(self, customers: Table) -> pd.DataFrame:
        """The same customers among others, in memory."""
        return _of_share(customers, self.share, self.seed).execute()


def sample(labelled: Table, *, max_rows: int = MOST_ROWS, seed: int = 0) -> Sample:
    """All labelled rows, or where these are more than `max_rows` about so many, of customers drawn by `seed`."""
    labelled = labelled.cache()
    counted = labelled.group_by("snapshot").agg(customers=labelled.count(), left=labelled.churned.sum()).execute()
    everybody = int(counted.customers.sum())
    if everybody <= max_rows:
        return Sample(labelled.execute(), 1.0, everybody, seed)
    share = max_rows / everybody
    rates = (counted.left.astype("float64") / counted.customers).set_axis(counted.snapshot)
    rows = _of_share(labelled, share, seed).execute()
    return Sample(rows.assign(**{RATE: rows.snapshot.map(rates)}), share, everybody, seed)


def first(customers: Table, count: int, *, seed: int = 0) -> Table:
    """So many customers, drawn in the same way."""
    return customers.order_by(_digest(customers.customer_id, seed), customers.customer_id).limit(count)


def _of_share(rows: Table, share: float, seed: int) -> Table:
    return rows if share >= 1 else rows.filter(_within(rows.customer_id, share, seed))


def _within(ids: StringColumn, share: float, seed: int) -> BooleanColumn:
    """Hex digits of one length are in the order of their numbers."""
    return _digest(ids, seed) < f"{int(share * 16**DIGITS):0{DIGITS}x}"


def _digest(ids: StringColumn, seed: int) -> StringColumn:
    return (ibis.literal(f"{seed} ") + ids).hexdigest("sha256").substr(0, DIGITS)
