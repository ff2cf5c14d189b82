"""Nothing that happened or became known on the day `as_of`, or later, is seen: as if the input had ended there."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from churn import engine
from churn.errors import InvalidData
from churn.features import build
from churn.sources import inputs
from churn.training import labels

AS_OF = "2024-04-01"
LABEL = {"rule": "inactivity", "horizon_days": 30, "active_within_days": 90}
PAST = pd.DataFrame(
    {
        "who": ["a", "a", "b", "b", "c", "a"],
        "day": ["2024-01-05", "2024-02-20", "2024-01-09", "2024-03-10", "2024-02-02", "2024-03-31 23:59:59.999999"],
        "kind": ["order", "order", "visit", "order", "visit", "visit"],
        "amount": ["1.50", "2", "3", "4", "5", "6"],
        "order": ["o1", "o2", "o3", "o4", "o5", "o6"],
        "arrived": ["2024-01-06", "2024-02-20", "2024-01-09", "2024-03-10", "2024-02-02", "2024-03-31 23:59:59.999999"],
    }
)
FUTURE = pd.DataFrame(
    {
        "who": ["a", "b", "c", "d"],
        "day": ["2024-04-01", "2024-05-03", "2024-04-01 00:00:00.000001", "2024-06-01"],
        "kind": ["order", "visit", "of the future", "order"],
        "amount": ["100", "200", "300", "400"],
        "order": ["o2", "o4", "o9", "o10"],
        "arrived": ["2024-04-01", "2024-05-03", "2024-04-02", "2024-06-01"],
    }
)
COLUMNS = {"customer_id": "who", "at": "day", "kind": "kind", "value": "amount"}


@pytest.fixture
def read(con, tmp_path, state_folder):
    """Read a log of these rows as of a day."""

    def _read(*rows: pd.DataFrame, as_of: str = AS_OF, **data):
        pd.concat(rows).to_csv(tmp_path / "log.csv", index=False)
        section = {"source": "events", "path": str(tmp_path / "log.csv"), "columns": COLUMNS} | data
        return inputs.read(con, section, tmp_path / "source", as_of=as_of)

    return _read


@pytest.fixture
def results(con, read):
    """Fingerprint of the features, and the labels, of a log as of a day."""

    def _results(*rows: pd.DataFrame, **data) -> tuple:
        source = read(*rows, **data)
        made = build.feature_tables(
            con, source, experiment="mine", snapshots=["2024-02-15", AS_OF], kinds_before="2024-02-15",
            windows_days=[7, 30], recipe="windows", label=LABEL,
        )  # fmt: skip
        built = labels.build(
            source.events, source.customers, None, snapshots=["2024-02-15"], label=LABEL, as_of=AS_OF
        ).execute()
        return made["fingerprint"], built.sort_values("customer_id").to_dict("records")

    return _results


@pytest.mark.parametrize(
    "columns",
    [COLUMNS, COLUMNS | {"event_id": "order"}, COLUMNS | {"arrived_at": "arrived"}],
    ids=["", "event_id", "arrived_at"],
)
def test_a_log_with_another_future_gives_the_same_features_and_labels(results, columns):
    without = results(PAST, columns=columns)
    scrambled = FUTURE.assign(who=FUTURE.who.to_numpy()[::-1], amount=FUTURE.amount.to_numpy()[::-1])
    assert [without, without] == [results(PAST, future, columns=columns) for future in (FUTURE, scrambled)]


def test_rows_that_arrive_at_as_of_or_later_are_not_seen(read):
    late = PAST.head(2).assign(arrived="2024-04-01", order=["l1", "l2"])
    source = read(PAST, late, columns=COLUMNS | {"arrived_at": "arrived"})
    assert 6 == source.counts["events"]
    assert "log.csv: 2 rows from 2024-04-01 on (as_of) are not seen" in [
        n.replace("events:", "log.csv:") for n in source.notes
    ]


def test_customers_who_sign_up_at_as_of_or_later_are_not_seen(read, tmp_path):
    people = pd.DataFrame(
        {"who": ["a", "b", "c", "d"], "since": ["2023-12-01", "2024-01-01", "2024-04-01", "2024-06-01"]}
    )
    people.to_csv(tmp_path / "people.csv", index=False)
    customers = {"path": str(tmp_path / "people.csv"), "columns": {"customer_id": "who", "signup_at": "since"}}
    source = read(PAST, FUTURE, customers=customers)
    assert ["a", "b"] == sorted(source.customers.customer_id.execute())
    assert "customers: 2 rows from 2024-04-01 on (as_of) are not seen" in source.notes


def test_what_comes_later_is_told_and_without_as_of_all_is_seen(read):
    assert "events: 4 rows from 2024-04-01 on (as_of) are not seen" in read(PAST, FUTURE).notes
    assert 10 == read(PAST, FUTURE, as_of="").counts["events"]
    assert [] == read(PAST).notes


def test_a_log_that_begins_at_as_of_is_refused(read):
    with pytest.raises(InvalidData, match=r"^events: none is known before 2024-01-05"):
        read(PAST, as_of="2024-01-05")


def test_a_simulated_log_is_cut_as_well(con, tmp_path):
    data = {"source": "streaming", "customers": 50, "months": 4, "seed": 1}
    source = inputs.read(con, data, tmp_path, as_of="2023-03-01")
    ends = source.events.at.max().execute()
    assert pd.Timestamp("2023-02-28", tz="UTC") < ends < pd.Timestamp("2023-03-01", tz="UTC")
    assert source.customers.signup_at.max().execute() < pd.Timestamp("2023-03-01", tz="UTC")


def test_labels_that_were_not_known_are_not_read(con, tmp_path):
    for day in ("2024-01-01", "2024-02-01"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "t.csv").write_text("id,spent\na,1\nb,2\n")
        (tmp_path / day / "gone.csv").write_text("id,gone\na,yes\nb,no\n")
    data = {
        "source": "tables", "path": str(tmp_path), "columns": {"customer_id": "id"}, "tables": ["t"],
        "snapshots": {day: day for day in ("2024-01-01", "2024-02-01")},
        "labels": {"table": "gone", "column": "gone", "horizon_days": 31},
    }  # fmt: skip
    source = inputs.read(con, data, tmp_path / "source", as_of="2024-02-01")
    assert ["2024-01-01"] == [f"{day:%Y-%m-%d}" for day in source.labels.snapshot.execute().unique()]
    assert 4 == source.tables["t"].count().execute()


def test_a_label_that_looks_past_as_of_is_refused_as_an_open_horizon(read):
    source = read(PAST, FUTURE)
    labels.refuse_open_horizons(source.events, ["2024-03-02"], 30, AS_OF)
    with pytest.raises(InvalidData, match=r"2024-03-03: its label looks until 2024-04-02, but nothing is seen"):
        labels.refuse_open_horizons(source.events, ["2024-03-03"], 30, AS_OF)


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        ({"source": "cdnow"}, (date(1997, 1, 1), date(1998, 6, 30))),
        ({"source": "streaming", "customers": 400, "months": 3, "seed": 1}, (date(2023, 1, 1), date(2023, 3, 31))),
        ({"source": "shop", "customers": 5000, "months": 3, "seed": 1}, (date(2022, 1, 1), date(2022, 3, 31))),
    ],
    ids=["cdnow", "streaming", "shop"],
)
def test_the_first_and_last_day_that_a_reader_tells_are_those_of_its_log(con, tmp_path, data, ends):
    events = inputs.read(con, data, tmp_path).events
    assert ends == inputs.span(con, data)
    assert ends == tuple(at.date() for at in (events.at.min().execute(), events.at.max().execute()))


def span(path, **section) -> tuple[date, date]:
    return inputs.span(engine.connect(), {"source": "events", "path": str(path), "columns": COLUMNS} | section)


def test_the_span_of_files_is_that_of_the_rows_that_are_read(tmp_path):
    rows = pd.concat([PAST, FUTURE, FUTURE.head(1).assign(day="9999-12-31"), FUTURE.head(1).assign(day="soon")])
    rows.to_csv(tmp_path / "log.csv", index=False)
    assert (date(2024, 1, 5), date(2024, 6, 1)) == span(tmp_path / "log.csv")
    assert (date(2024, 1, 5), date(2024, 5, 3)) == span(tmp_path / "log.csv", where="amount < 400")
    assert (date(2024, 1, 6), date(2024, 6, 1)) == span(
        tmp_path / "log.csv", columns=COLUMNS | {"arrived_at": "arrived"}
    )


def test_the_span_of_a_log_without_times_is_refused(tmp_path):
    PAST.assign(day="soon").to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(InvalidData):
        span(tmp_path / "log.csv", format={"dates": "iso"})
