"""What is proposed beyond the columns: readings that are open, rows that cannot be used, what leaving means, dates."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from churn import engine
from churn.discovery import dates, files, finding, leaving, written
from churn.discovery.dates import Span
from churn.errors import InvalidData
from churn.log import silence
from churn.params import schema


def visits(customers: int = 900, days: int = 500, seed: int = 1) -> pd.DataFrame:
    """Visits of customers with an own pace who leave one day: columns customer, at, amount."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(customers):
        day, until = rng.uniform(0, 60), rng.uniform(60, 1.6 * days)
        pace = rng.lognormal(2, 0.5)
        while day < min(until, days):
            rows.append((f"K{who:04d}", pd.Timestamp("2022-01-01") + pd.Timedelta(days=day), rng.gamma(2, 15)))
            day += rng.exponential(pace)
    frame = pd.DataFrame(rows, columns=["customer", "at", "amount"]).sort_values("at", ignore_index=True)
    return frame.assign(at=frame["at"].dt.strftime("%Y-%m-%d %H:%M:%S"), amount=frame.amount.round(2))


def found(tmp_path: Path, **tables: pd.DataFrame) -> finding.Log:
    """The proposal for tables, each in a file of its name."""
    paths = []
    for name, rows in tables.items():
        paths.append(str(tmp_path / f"{name}.csv"))
        rows.to_csv(paths[-1], index=False)
    (tmp_path / "scratch").mkdir(exist_ok=True)
    read = finding.proposals(files.tables(engine.embedded(), paths, tmp_path / "scratch"))
    return finding.log_of(engine.embedded(), "found", read, tmp_path / "staged", tell=lambda said: None)


def doubts(log: finding.Log) -> str:
    return "\n".join(log.unsure)


def test_of_two_readings_the_one_in_which_rows_are_in_order_is_taken_and_said(tmp_path):
    rows = visits()
    rows = rows[pd.to_datetime(rows["at"]).dt.day <= 12]
    rows["at"] = pd.to_datetime(rows["at"]).dt.strftime("%m/%d/%Y")
    log = found(tmp_path, visits=rows)
    assert "month_first" == log.data["format"]["dates"]
    assert "can be read in two ways" in doubts(log) and "nearer to being in order" in doubts(log)


def test_a_plain_log_leaves_nothing_open(tmp_path):
    assert [] == [said for said in found(tmp_path, visits=visits()).unsure if "uncertain" not in said]


def test_rows_that_cannot_be_used_are_told_and_the_limit_is_raised_for_few_of_them(tmp_path):
    rows = visits()
    rows.loc[rows.index % 25 == 0, "at"] = "soon"
    log = found(tmp_path, visits=rows)
    assert 0.04 < log.data["max_rejected"] < 0.07
    assert "4.00% of the rows cannot be used" in doubts(log) and "'soon'" in doubts(log)


def test_where_most_rows_cannot_be_used_nothing_is_proposed(tmp_path):
    rows = visits()
    rows.loc[rows.index % 9 == 0, "at"] = "soon"
    rows.loc[rows.index % 5 == 0, "amount"] = "much"
    with pytest.raises(InvalidData, match="cannot be used"):
        found(tmp_path, visits=rows.assign(amount=rows.amount.where(rows.index % 7 > 0, "?")))


def test_an_export_that_is_there_twice_is_read_once_and_it_is_said(tmp_path):
    rows = visits()
    log = found(tmp_path, january=rows.head(len(rows) // 2), all=rows)
    assert ("drop", len(rows)) == (log.data["duplicates"], log.source.counts["events"])
    assert "each is read once" in doubts(log)


def test_ids_that_differ_in_case_are_those_of_different_customers_and_it_is_said(tmp_path):
    rows = visits()
    rows["customer"] = rows.customer.where(rows.index % 2 == 0, rows.customer.str.lower())
    log = found(tmp_path, visits=rows)
    assert "case_sensitive" == log.data["ids"] and "in case only" in doubts(log)


def test_a_kind_of_many_words_is_none(tmp_path):
    rows = visits()
    log = found(tmp_path, visits=rows.assign(kind=[f"note {i % 30}" for i in range(len(rows))]))
    assert "kind" in log.data["columns"]
    log = found(tmp_path / "b", visits=rows.assign(kind=[f"note {i % 90}" for i in range(len(rows))])) if (
        tmp_path / "b").mkdir() is None else None  # fmt: skip
    assert "kind" not in log.data["columns"]


def test_a_cancellation_after_which_customers_go_on_is_no_label(tmp_path):
    rows = visits()
    kinds = np.where(rows.index % 10 == 0, "cancelled", "visit")
    assert "inactivity" == found(tmp_path, visits=rows.assign(kind=kinds)).dates.label["rule"]


def test_a_cancellation_after_which_customers_are_gone_is_the_label(tmp_path):
    rows = visits()
    last = rows.groupby("customer")["at"].transform("max") == rows["at"]
    ended = last & (rows["at"] < "2023-04-01")
    log = found(tmp_path, visits=rows.assign(kind=np.where(ended, "subscription cancelled", "visit")))
    assert ("event", "subscription cancelled") == (log.dates.label["rule"], log.dates.label["kind"])
    assert "0% of them events after it" in log.leaving.why


def test_customers_of_another_business_are_doubted(tmp_path):
    others = visits(seed=2).assign(customer=lambda rows: "X" + rows.customer)
    log = found(tmp_path, visits=visits(), calls=others.rename(columns={"at": "called_at"}))
    assert "are these the same customers?" in doubts(log)


@settings(max_examples=25, deadline=None)
@given(days=st.integers(5, 60), least=st.sampled_from([7, 14, 30]))
def test_a_log_as_long_as_it_is_told_to_be_is_long_enough(days, least):
    rows = pd.DataFrame({"visits": "1 event", "days": [1, least], "returned": [True, False], "silences": [80, 20]})
    short = Span(date(2024, 1, 1), date(2024, 1, 1) + timedelta(days=days - 1))
    everything = leaving.Leaving("gone", None, True, "")
    try:
        next(dates.propose(rows, everything, short))
    except InvalidData as error:
        ends = date.fromisoformat(str(error).split(" days long, to ")[1].split(";")[0])
        assert next(dates.propose(rows, everything, Span(short.begins, ends)))


def test_another_horizon_is_counted_anew_and_refused_where_the_log_is_too_short(tmp_path):
    log = found(tmp_path, visits=visits())
    changed = finding.with_horizon(log, 21)
    assert 21 == changed.dates.label["horizon_days"]
    assert not log.counted.equals(changed.counted)
    with pytest.raises(InvalidData, match="too short for it"):
        finding.with_horizon(log, 400)


def test_what_is_written_is_what_was_proposed_whatever_stands_in_the_file(tmp_path):
    """A line break, a colon and a hash in names and values end no comment and no value."""
    odd = {"customer": 'cust: "id" #1', "at": "at: 'time'", "amount": "sum\t%"}
    log = found(tmp_path, visits=visits().rename(columns=odd).assign(**{"note\nseed: 5": "a\nexperiment: other"}))
    text = written.text(log, tmp_path / "found.yaml")
    assert log.params() == yaml.safe_load(text)
    (tmp_path / "found.yaml").write_text(text)
    assert "found" == schema.load(tmp_path / "found.yaml").experiment


def test_an_uncertain_choice_is_marked_in_the_file(tmp_path):
    log = found(tmp_path, visits=visits().rename(columns={"customer": "bezug"}))
    text = written.text(log, tmp_path / "found.yaml")
    assert "# (?)" in text and "customer_id is taken from 'bezug'" in " ".join(text.replace("#", "").split())


def test_silences_of_the_log_decide_the_horizon(tmp_path):
    log = found(tmp_path, visits=visits())
    horizon = log.dates.label["horizon_days"]
    shares = {days: silence.returning(log.silences, days) for days in dates.HORIZONS}
    assert shares[horizon] <= dates.FEW < max(shares[days] for days in dates.HORIZONS if days < horizon)
    assert f"{shares[horizon]:.0%} come back" in log.dates.why["horizon"]
