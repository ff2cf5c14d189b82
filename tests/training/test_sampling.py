"""A sample of customers: which ones, how many, and that probabilities stand at the level of everybody."""

from __future__ import annotations

import hashlib

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from churn.training import levels, sampling

SNAPSHOTS = ["2023-01-01", "2023-02-01"]


def labelled(customers: int) -> ibis.Table:
    """Everybody at two snapshots; a third of them leaves at the first, a fifth at the second."""
    ids = [f"C{number}" for number in range(customers)]
    rows = [
        pd.DataFrame(
            {"customer_id": ids, "snapshot": pd.Timestamp(t, tz="UTC"), "churned": np.arange(customers) % n == 0}
        )
        for t, n in zip(SNAPSHOTS, (3, 5), strict=True)
    ]
    return ibis.memtable(pd.concat(rows, ignore_index=True)[["customer_id", "snapshot", "churned"]])


def moment(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def test_what_fits_is_not_sampled_and_has_no_rate():
    sample = sampling.sample(labelled(500), max_rows=1_000, seed=7)
    assert (1.0, 1_000, ["customer_id", "snapshot", "churned"]) == (sample.share, len(sample.rows), list(sample.rows))


def test_of_more_about_max_rows_are_drawn_and_a_customer_at_every_snapshot_or_at_none():
    sample = sampling.sample(labelled(20_000), max_rows=4_000, seed=7)
    assert (0.1, 40_000) == (sample.share, sample.everybody)
    assert 4_000 == pytest.approx(len(sample.rows), abs=4 * 2 * 2_000**0.5)
    assert {2} == set(sample.rows.groupby("customer_id").size())


def test_a_smaller_sample_lies_within_a_larger_one_and_another_seed_draws_others():
    drawn = {
        (rows, seed): set(sampling.sample(labelled(5_000), max_rows=rows, seed=seed).rows.customer_id)
        for rows, seed in ((2_000, 7), (4_000, 7), (2_000, 8))
    }
    assert drawn[2_000, 7] < drawn[4_000, 7]
    assert not drawn[2_000, 7] <= drawn[2_000, 8]


def test_the_draw_is_a_digest_of_seed_and_id_that_any_engine_computes():
    drawn = set(sampling.sample(labelled(2_000), max_rows=1_000, seed=7).rows.customer_id)
    expected = {c for c in (f"C{n}" for n in range(2_000)) if hashlib.sha256(f"7 {c}".encode()).hexdigest() < "4"}
    assert expected == drawn


def test_other_customers_are_drawn_alike():
    sample = sampling.sample(labelled(2_000), max_rows=1_000, seed=7)
    served = sample.of(labelled(2_000).select("customer_id").distinct())
    assert set(sample.rows.customer_id) == set(served.customer_id)


def test_each_sampled_row_knows_how_many_of_everybody_left_at_its_snapshot():
    rows = sampling.sample(labelled(3_000), max_rows=1_000).rows
    assert [1 / 3, 1 / 5] == rows.groupby("snapshot").rate.unique().explode().tolist()


class Flat:
    """A model that thinks the same of everybody."""

    def decision_function(self, X: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(X))


def test_the_level_of_a_model_is_that_of_everybody_and_not_of_the_sample():
    sample = sampling.sample(labelled(3_000), max_rows=1_000)
    first = sample.rows[sample.rows.snapshot == moment(SNAPSHOTS[0])]
    assert 1 / 3 != first.churned.mean()
    level = levels.of_model(Flat(), first.assign(x=0.0), ["x"], levels.Rule(newest=1, horizon_days=10)).at(SNAPSHOTS[1])
    assert 1 / 3 == pytest.approx(expit(level.log_odds), abs=1e-9)
