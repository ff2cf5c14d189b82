"""What is looked at before a run: each row, and what would stop."""

from __future__ import annotations

import socket
from datetime import date

import pytest

from churn.errors import ChurnError
from churn.params import schema
from churn.pipeline import launch
from churn.pipeline.check import before, needs, stores
from churn.pipeline.check.found import OK, STOPS, WARN, Found, Row
from churn.state import PROJECT
from tests import shop

FILES = ["log/one.csv", "log/two.csv"]
SMOKE = PROJECT / "params" / "smoke.yaml"


@pytest.fixture
def check(state_folder):
    """What is found of a params file with these settings, by what was looked at."""

    def _check(file, *settings: str, as_of: date | None = None) -> tuple[before.Checked, dict[str, Row]]:
        params = schema.load(file, list(settings))
        checked = before.check(params, Found(), as_of=as_of, file=None, tell=lambda text: None)
        return checked, {row.what: row for row in checked.found.rows}

    return _check


@pytest.fixture
def params(tmp_path):
    return shop.write(tmp_path / "shop", names=FILES)


def test_the_rows_come_in_the_order_in_which_a_run_meets_them(check, params):
    checked, rows = check(params)
    assert checked.found.first is None
    expected = ["files", "snapshots", "online store", "format of customers", "rows of customers", "format of events"]
    assert [*expected, "rows of events", "note"] == list(rows)[:8]
    assert ["log", "horizon", "active window", "input", "features"] == list(rows)[8:13]
    assert ["train 2024-04-01", "train 2024-05-01", "test 2024-07-01", "serve 2024-09-01"] == list(rows)[13:17]
    assert ["split", "disk", "memory"] == list(rows)[-3:]
    assert "'amount' is missing (9)" in rows["rows of events"].found


def test_snapshots_of_a_rule_are_told_as_dates(check, params):
    _, rows = check(params, "snapshots={every: month, train: 2}", as_of=date(2024, 9, 1))
    expected = "as of 2024-09-01 (every month): train 2024-04-01, 2024-05-01; test 2024-07-01; serve 2024-09-01"
    assert rows["snapshots"].found.startswith(expected)


def test_both_sides_are_those_of_the_labels(check, params):
    checked, rows = check(params)
    test = checked.at[0].rows.set_index("role").loc["test"]
    train = checked.at[0].rows[checked.at[0].rows.role == "train"]
    expected = f"temporal: {train.population.sum():,} training rows, {test.population:,} test rows"
    assert expected == rows["split"].found


def test_other_customers_on_the_other_side_are_counted_one_by_one(check, params):
    checked, rows = check(params, "train.split=entity", "train.test_fraction=0.5")
    population = checked.at[0].rows.population.tolist()
    said = [int(word.replace(",", "")) for word in rows["split"].found.split() if word[0].isdigit()]
    assert sum(population[:3]) / 2 == pytest.approx(sum(said), rel=0.15)


@pytest.mark.parametrize("settings, what, said", [
    (["label.kinds=[buy]"], "features", "label.kinds: no buy was known before the snapshot 2024-05-01"),
    (["train.trusted_features=[plan]"], "trusted features", "train.trusted_features: no feature is called 'plan'"),
    (["data.max_kinds=1"], "rows", "events: 'what' holds 2 kinds of event, the limit is 1"),
    (["data.columns.at=wenn"], "format", "no column 'wenn'"),
    (["label.active_within_days=1", "label.kinds=[order]"], "split", "at least 50 rows on each side"),
])  # fmt: skip
def test_what_stops_a_run_is_a_row(settings, what, said, check, params):
    checked, rows = check(params, *settings)
    assert (STOPS, True) == (rows[what].outcome, said in rows[what].found), rows[what]
    assert checked.found.first.endswith(rows[what].found)
    assert OK == rows["disk"].outcome


def test_few_leavers_and_a_window_that_the_log_does_not_fill_are_warnings(check, params):
    _, rows = check(params, "promote.rules.min_leavers=100000", "label.active_within_days=150")
    assert WARN == rows["rule min_leavers"].outcome == rows["active window"].outcome
    assert "too few, for 100,000 of each are needed" in rows["rule min_leavers"].found
    assert "at 2024-04-01 only 91 of the 150 days" in rows["active window"].found


def test_ready_made_features_are_checked_too(check, tmp_path):
    days = ["2024-01-01", "2024-03-01", "2024-04-01"]
    for day in days:
        (tmp_path / day).mkdir()
        table = [f"c{i},{i % 7}.5" for i in range(120)]
        (tmp_path / day / "usage.csv").write_text("\n".join(["id,fee", *table]))
        labels = [f"c{i},{'yes' if i % 3 == 0 else 'no'}" for i in range(120)]
        (tmp_path / day / "labels.csv").write_text("\n".join(["id,gone", *labels]))
    folders = ", ".join(f"{day}: '{day}'" for day in days)
    file = tmp_path / "made.yaml"
    file.write_text(f"""experiment: made
seed: 1
data: {{source: tables, path: {tmp_path}, columns: {{customer_id: id}}, tables: [usage],
  snapshots: {{{folders}}}, labels: {{table: labels, column: gone, horizon_days: 30}}}}
snapshots: {{train: [2024-01-01], test: 2024-03-01, serve: 2024-04-01}}
""")
    checked, rows = check(file)
    assert (None, None) == (checked.found.first, checked.silences)
    assert [120] * 3 == checked.at[0].rows.population.tolist()
    assert ["120 customers count: 40 left, 80 stayed (33.3% left)"] * 2 == [
        rows[what].found for what in ("train 2024-01-01", "test 2024-03-01")
    ]
    assert "1 in 1 views: usage" == rows["features"].found
    assert "temporal: 120 training rows, 120 test rows" == rows["split"].found


def test_a_simulation_is_checked_too(check):
    checked, rows = check(SMOKE)
    assert (None, "simulated") == (checked.found.first, rows["files"].found)


def test_a_run_under_way_is_told(check, params):
    with launch.only_one("shop"):
        checked, rows = check(params)
    assert (STOPS, True) == (rows["other runs"].outcome, rows["other runs"].found.startswith("another run of shop"))
    assert checked.found.first == rows["other runs"].found


def test_a_master_that_does_not_answer_is_told_in_a_moment(monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(mode=0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("CHURN_SPARK_MASTER", f"spark://127.0.0.1:{port}")
    with pytest.raises(ChurnError, match=r"^Spark does not start with CHURN_SPARK_MASTER=spark://127\.0\.0\.1:\d+ \(C"):
        stores._master()
    monkeypatch.setenv("CHURN_SPARK_MASTER", "local[2]")
    assert "local[2]" == stores._master()


def test_a_disk_that_holds_no_copy_of_the_log_stops(check, params, monkeypatch):
    check(params)
    monkeypatch.setattr(needs, "_free", lambda: 10)
    checked, rows = check(params)
    assert STOPS == rows["disk"].outcome
    assert "not even a copy of the log fits" in checked.found.first
    monkeypatch.setattr(needs, "_free", lambda: 10_000_000)
    assert WARN == check(params)[1]["disk"].outcome
    monkeypatch.setattr(needs, "_memory", lambda: 10)
    assert WARN == check(params)[1]["memory"].outcome
