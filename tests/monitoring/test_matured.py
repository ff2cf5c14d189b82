"""What was promised and what came true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn import engine, state
from churn.evaluation import metrics
from churn.monitoring import drift, matured
from churn.scoring import lists
from churn.sources.contract import Source
from tests.monitoring.conftest import LABEL, came, right


def known(mine: dict, as_of: str = "2023-08-15") -> tuple[list, list[str]]:
    return matured.known("mine", mine, lists.all_of("mine"), label=LABEL, as_of=as_of)


def test_before_the_first_list_there_is_nothing_and_nothing_is_opened(state_folder):
    assert ([], []) == matured.known("mine", {}, [], label=LABEL, as_of="")
    assert 0 == len(matured.figures([]))
    assert 0 == len(matured.by_version(matured.figures([])))
    assert 0 == len(matured.by_segment([], {}))
    assert {} == matured.metrics(matured.figures([]))
    assert {} == drift.estimated([], [], horizon_days=30, seed=1, replicates=10)


def test_a_list_has_come_true_on_the_day_its_horizon_has_closed_and_not_before(mine, listed):
    listed("2023-05-01")
    assert [[], ["2023-05-01"]] == [[m.snapshot for m in known(mine, day)[0]] for day in ("2023-05-30", "2023-05-31")]


def test_where_no_day_is_said_the_end_of_the_log_tells_what_is_known(mine, listed):
    listed("2023-08-01")  # the log ends on 2023-08-31
    listed("2023-07-01")
    assert ["2023-07-01", "2023-08-01"] == [m.snapshot for m in known(mine, "")[0]]
    listed("2023-08-01", dated="2023-08-15")
    assert ["2023-07-01", "2023-08-01"] == [m.snapshot for m in known(mine, "")[0]]


def test_a_log_that_lost_its_last_month_is_told_and_what_it_still_tells_is_known(mine, listed):
    for snapshot in ("2023-06-01", "2023-08-01"):
        listed(snapshot)
    assert ["2023-06-01", "2023-08-01"] == [m.snapshot for m in known(mine, "2023-10-01")[0]]
    listed("2023-08-01", dated="2023-08-15")
    came_true, [note] = known(mine, "2023-10-01")
    assert ["2023-06-01", "2023-08-01"] == [m.snapshot for m in came_true]
    assert "the log ends on 2023-08-31" in note


def test_figures_are_those_of_the_list_against_the_labels_of_its_snapshot(mine, listed):
    made = listed("2023-05-01")
    [m] = known(mine)[0]
    row = matured.figures([m]).iloc[0]
    scores = metrics.scores(m.y, m.p, top_fraction=0.1)
    assert len(made.rows()) == row.customers
    assert scores["auc"] == pytest.approx(row.auc, abs=1e-12)
    assert scores["log_loss"] == pytest.approx(row.log_loss, abs=1e-12)
    assert (m.p.mean(), m.y.mean()) == pytest.approx((row.predicted, row.observed))
    assert (0.77, 0.74, 0.8) == (row.auc_promised, row.auc_promised_low, row.auc_promised_high)
    assert (0.03, 0.09) == (row.expected_low, row.expected_high)
    assert row.observed_low < row.observed < row.observed_high


def test_a_list_superseded_by_another_version_is_judged_too_and_one_by_the_same_only_once(mine, listed):
    listed("2023-05-01", 1)
    listed("2023-05-01", 1, budget=10)
    listed("2023-05-01", 2)
    assert [(1, True), (2, False)] == [(m.version, m.superseded) for m in known(mine)[0]]
    assert [1, 2] == matured.by_version(matured.figures(known(mine)[0])).version.tolist()


def test_segments_are_those_of_the_log_and_their_customers_add_up(mine, listed):
    listed("2023-05-01")
    came_true = known(mine)[0]
    table = matured.by_segment(came_true, mine)
    assert ["basic", "premium", "standard"] == table[table.segment == "plan"].value.tolist()
    assert [len(came_true[0].rows)] * 2 == table.groupby("segment").customers.sum().tolist()


def people(*, saved: float, seed: int = 3, n: int = 40_000) -> pd.DataFrame:
    """Customers of a right model. The fifth most likely to leave are contacted, but for a fifth of them; of the leavers
    contacted a share is saved."""
    rng = np.random.default_rng(seed)
    left = pd.Series(rng.random(n) < 0.2)
    p = right(left)
    top, back = p >= np.quantile(p, 0.8), rng.random(n) < 0.2
    group = np.select([top & back, top], ["control", "contact"], "none")
    stays = (group == "contact") & (rng.random(n) < saved)
    names = [f"c{i}" for i in range(n)]
    return pd.DataFrame(
        {"customer_id": names, "probability": p, "group": group, "churned": left & ~stays, "left": left}
    )


def test_those_kept_back_tell_what_would_have_come_true_without_contacts():
    rows = people(saved=0.5)
    row = matured.figures([came(rows)]).iloc[0]
    true_auc, true_share = metrics.scores(rows.left, rows.probability, top_fraction=0.1)["auc"], rows.left.mean()
    assert row.observed < true_share - 0.03
    assert row.auc < true_auc - 0.05
    assert true_share == pytest.approx(row.observed_uncontacted, abs=0.01)
    assert true_auc == pytest.approx(row.auc_uncontacted, abs=0.015)


def test_nobody_stands_for_the_contacted_where_nobody_was_kept_back():
    rows = people(saved=0.0).assign(group="contact")
    assert came(rows).weights is None
    assert matured.figures([came(rows)]).iloc[0][["auc_uncontacted", "observed_uncontacted"]].isna().all()


def test_weights_add_up_to_the_customers():
    rows = people(saved=0.0)
    assert len(rows) == pytest.approx(came(rows).weights.sum())


def test_customers_who_all_stayed_are_not_ranked():
    rows = people(saved=0.0, n=200).assign(churned=False)
    row = matured.figures([came(rows)]).iloc[0]
    assert np.isnan(row.auc)
    assert 0.0 == pytest.approx(row.observed)


def test_given_labels_are_taken_where_there_are_any(con, mine):
    at = pd.Timestamp("2024-01-31", tz="UTC")
    rows = pd.DataFrame({"customer_id": ["a", "b", "c"], "snapshot": at, "plan": ["x", "y", "x"]})
    labelled = rows.drop(columns="plan").assign(churned=[True, False, True])
    given = con.create_table("given_labels", labelled)
    users = con.create_table("given_users", rows)
    source = Source(None, None, {"users": users}, given, ["plan"], {}, pd.DataFrame())
    label = {"rule": "given", "horizon_days": 29}
    assert (["2024-01-31"], []) == matured._closed(source, ["2024-01-31"], label, "2024-02-29")
    assert ([], []) == matured._closed(source, ["2024-01-31"], label, "2024-02-28")
    assert [True, False, True] == matured._outcomes(source, "2024-01-31", label).churned.tolist()
    assert matured._outcomes(source, "2024-02-29", label).empty
    [plan] = matured._segments(source, mine, "2024-01-31")
    assert {"a": "x", "b": "y", "c": "x"} == plan.set_index("customer_id")["plan"].to_dict()


def test_the_last_answer_of_the_api_about_a_customer_is_held_against_what_came_true_by_version(mine, listed):
    customers = listed("2023-05-01").rows().customer_id.tolist()[:300]
    answers = (
        [(c, 1, 0.9, 1) for c in customers[:200]] + [(c, 1, 0.1, 2) for c in customers] + [(customers[0], 2, 0.5, 3)]
    )
    rows = pd.DataFrame(answers, columns=["customer_id", "model_version", "churn_probability", "second"])
    at = pd.Timestamp("2023-05-01", tz="UTC")
    rows = rows.assign(features_as_of=at, scored_at=at + pd.to_timedelta(rows.second, unit="s"), request_id="r")
    engine.frame_to_parquet(rows, state.path("mine", "predictions", "2023-05-01", "77-1.parquet"))
    of_list, first, second = known(mine)[0]
    assert ["list", "log", "log"] == [m.came_from for m in (of_list, first, second)]
    assert [(1, 300), (2, 1)] == [(m.version, len(m.rows)) for m in (first, second)]
    assert {0.1} == set(first.rows.probability)
    assert 0.77 == matured.figures([of_list, first]).auc_promised[1]  # what was promised of the version
    assert 3 == len(matured.by_version(matured.figures([of_list, first, second])))


def test_the_newest_list_is_estimated_from_its_own_probabilities_until_it_comes_true(mine, listed):
    listed("2023-05-01")
    made = lists.all_of("mine")
    settings = {"horizon_days": 30, "seed": 1, "replicates": 50}
    found = drift.estimated(made, [], **settings)
    assert ("2023-05-01", 1, "2023-05-31") == (found["snapshot"], found["version"], found["known_on"])
    assert found["auc"]["low"] < 0.77 < found["auc"]["high"]
    assert {} == drift.estimated(made, known(mine)[0], **settings)


def test_a_list_whose_test_had_a_slope_below_one_is_estimated_to_rank_worse(mine, listed):
    settings = {"horizon_days": 30, "seed": 1, "replicates": 50}
    made = [listed("2023-05-01"), listed("2023-05-01", slope={"estimate": 0.5, "error": 0.05})]
    plain, timid = (drift.estimated([one], [], **settings)["auc"]["estimate"] for one in made)
    assert timid < plain - 0.05
