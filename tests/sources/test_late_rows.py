"""A log may say when its rows arrived: a snapshot sees a row that had happened and had arrived, labels see them all."""

from __future__ import annotations

import pandas as pd
import pytest

from churn.errors import InvalidData
from churn.features.definitions import from_events, terms
from churn.sources import inputs
from churn.sources.contract import Source
from churn.training import labels

SNAPSHOT = "2024-03-01"
COLUMNS = {"customer_id": "cust", "at": "day", "kind": "what", "arrived_at": "loaded"}
ON_TIME = "ann,2024-01-10,buy,2024-01-10\n"


@pytest.fixture
def staged(con, tmp_path):
    def _staged(*lines: str, columns: dict = COLUMNS, **data) -> Source:
        (tmp_path / "log.csv").write_text("cust,day,what,loaded\n" + ON_TIME + "".join(lines))
        given = {"source": "events", "path": str(tmp_path / "log.csv"), "columns": columns} | data
        return inputs.read(con, given, tmp_path / "staged")

    return _staged


def bought(source: Source) -> dict[str, int]:
    """How often each customer had bought at the snapshot, as it was known then."""
    views = from_events.views(
        source.events, source.customers, snapshot=SNAPSHOT, windows_days=[30], kinds=["buy"], segments=[]
    )
    rows = views["buy"].execute()
    return dict(zip(rows.customer_id, rows.buy_count, strict=True))


@pytest.mark.parametrize(
    ("happened", "arrived", "known"),
    [
        ("2024-02-20", "2024-02-20", 1),
        ("2024-02-20", "2024-02-29T23:59:59.999999Z", 1),
        ("2024-02-20", "2024-03-01", 0),
        ("2024-02-20", "2024-03-05", 0),
        ("2024-03-01", "2024-02-20", 0),
    ],
)
def test_a_row_counts_when_it_had_happened_and_had_arrived(staged, happened, arrived, known):
    assert {"ann": 1 + known} == bought(staged(f"ann,{happened},buy,{arrived}\n"))


def test_without_the_column_a_row_is_known_when_it_happens(staged):
    columns = {name: column for name, column in COLUMNS.items() if name != "arrived_at"}
    source = staged("ann,2024-02-20,buy,2024-03-05\n", columns=columns)
    assert "arrived_at" not in source.events.columns
    assert {"ann": 2} == bought(source)


def test_a_kind_is_known_from_the_arrival_of_its_first_row(staged):
    source = staged("ann,2024-02-20,gift,2024-03-05\n")
    assert ["buy"] == terms.kinds_seen(source.events, before=SNAPSHOT, without=[])
    assert ["buy", "gift"] == terms.kinds_seen(source.events, before="2024-03-06", without=[])


def test_without_customers_somebody_signs_up_with_the_first_row_that_arrived(staged):
    source = staged("bob,2024-02-20,buy,2024-03-05\n", "bob,2024-02-25,buy,2024-02-26\n")
    signed_up = dict(source.customers.execute().itertuples(index=False, name=None))
    assert pd.Timestamp("2024-02-26", tz="UTC") == signed_up["bob"]
    assert {"ann": 1, "bob": 1} == bought(source)


def test_a_label_is_what_came_to_be_known(staged):
    source = staged("ann,2024-03-10,buy,2024-06-01\n", "zoe,2024-06-01,buy,2024-06-01\n")
    rule = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 90}
    made = labels.build(source.events, source.customers, None, snapshots=[SNAPSHOT], label=rule).execute()
    assert [("ann", False)] == list(zip(made.customer_id, made.churned, strict=True))


@pytest.mark.parametrize(("arrived", "reason"), [("", "is missing"), ("soon", "is not a time")])
def test_a_row_of_which_nobody_knows_when_it_arrived_is_set_aside(staged, arrived, reason):
    with pytest.raises(InvalidData, match=f"'loaded' {reason}"):
        staged(f"ann,2024-02-20,buy,{arrived}\n")
    assert 1 == staged(f"ann,2024-02-20,buy,{arrived}\n", max_rejected=0.5).counts["rejected"]
