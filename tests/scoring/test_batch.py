from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.features import manifest as manifests
from churn.features import store
from churn.registry import versions
from churn.scoring import batch, control, lists
from serving import champion, scoring
from serving.feature_lookup import FeatureLookup
from serving.problems import Problem
from tests.serving import world as small

SNAPSHOT = "2023-09-01"
ECONOMICS = {"contact_cost": 2.0, "saved_value": 60.0, "success_rate": 0.25}
OWN = ECONOMICS | {"saved_value": {"column": "payment_value_30d", "margin": 0.5}}


def terms(**changed) -> batch.Terms:
    settled = {"snapshot": SNAPSHOT, "level": 0.25, "threshold": 0.2, "economics": ECONOMICS, "key": b"k", "share": 0.1}
    return batch.Terms(**settled | {"budget": None} | changed)


def listed(version: int, folder: Path, **changed) -> tuple[pd.DataFrame, batch.Counts]:
    folder.mkdir(exist_ok=True)
    loaded = versions.load(versions.get("world", version))
    counts = batch.write_list(loaded, manifests.of_experiment("world"), terms(**changed), folder)
    return pd.read_parquet(folder / "scores.parquet"), counts


def answers(version: int, customers: list[str], **asked) -> dict:
    """What the API answers to them."""
    lookup = FeatureLookup(max_age_days=None, as_of=None)
    lookup.start()
    answered = scoring.score(champion.load(versions.get("world", version)), lookup, customers, **asked)
    return dict(zip(customers, answered.documents(), strict=True))


@pytest.mark.parametrize("version", [1, 3])
def test_the_list_holds_whom_the_api_scores_with_the_same_probability_to_the_last_bit(version, own_world, world):
    rows, counts = listed(version, own_world / "out")
    answered = answers(version, world.customers)
    scored = {c: a for c, a in answered.items() if not isinstance(a, Problem)}
    expected = {c: (a["churn_probability"], a["flagged"]) for c, a in scored.items()}
    assert expected == dict(zip(rows.customer_id, zip(rows.probability, rows.flagged, strict=True), strict=True))
    refused = [a.kind for a in answered.values() if isinstance(a, Problem) and a.kind != "outside-population"]
    assert refused == [kind for kind, count in counts.left_out.items() for _ in range(count)]


@pytest.mark.parametrize("version", [1, 3])
def test_whom_it_flags_has_the_reasons_that_the_api_gives(version, own_world, world):
    rows, _ = listed(version, own_world / "out")
    answered = answers(version, world.customers, reasons=3)
    for row in rows.to_dict("records"):
        said = [row[name] for name in lists.REASONS]
        told = [reason["said"] for reason in answered[row["customer_id"]]["reasons"]]
        assert (told if row["flagged"] else [None] * 3) == said
    assert 0 < rows.flagged.sum() < len(rows)


def change(view: str, replaced) -> None:
    """Write a view's table of the snapshot anew, by a function of its rows."""
    file = manifests.table_path(manifests.of_experiment("world"), SNAPSHOT, view)
    schema = pq.read_schema(file)
    rows = replaced(pq.read_table(file, partitioning=None).to_pandas(integer_object_nulls=True))
    pq.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False), file)


def test_whom_the_api_refuses_for_missing_features_is_left_out(own_world, world):
    odd = dict.fromkeys(world.inside[:4])

    def without(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.set_index("customer_id")
        rows.loc[world.inside[0], "session_count"] = None  # no training row was without
        rows.loc[world.inside[1], "session_mean_7d"] = np.nan
        return rows.drop(index=world.inside[2]).reset_index()  # nor did any lack a whole view

    change("session", without)
    feast, made = store.open_store("world"), manifests.of_experiment("world")
    made["snapshots"][SNAPSHOT]["fingerprint"] = "another"
    (own_world / "world" / "feast" / "online.db").unlink()
    store.apply(feast)
    store.materialize(feast, made, SNAPSHOT)
    answered = answers(1, list(odd))
    refused = {c for c, a in answered.items() if isinstance(a, Problem)}
    assert {world.inside[0], world.inside[2]} <= refused
    rows, counts = listed(1, own_world / "out")
    assert {batch.MISSING: len(refused)} == counts.left_out
    assert set(world.inside) - refused == set(rows.customer_id)
    same = rows.set_index("customer_id").probability
    expected = {c: a["churn_probability"] for c, a in answered.items() if c not in refused}
    assert expected == same[list(expected)].to_dict()


def test_tables_in_any_order_give_the_same_list(own_world):
    expected, _ = listed(1, own_world / "out")
    change("session", lambda rows: rows.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(expected, listed(1, own_world / "again")[0])


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_the_list_is_the_same_in_batches_of_any_size(at_once, own_world, monkeypatch):
    expected, counts = listed(1, own_world / "out", budget=5, share=0.3)
    monkeypatch.setattr(batch, "ROWS_AT_ONCE", at_once)
    rows, again = listed(1, own_world / "again", budget=5, share=0.3)
    pd.testing.assert_frame_equal(expected, rows)
    assert counts == again


def test_the_most_to_gain_come_first_and_deciles_count_from_the_likeliest_leavers(own_world):
    rows, counts = listed(1, own_world / "out", threshold=None, economics=OWN)
    assert rows.equals(rows.sort_values(["expected_profit", "customer_id"], ascending=[False, True], ignore_index=True))
    by_probability = rows.sort_values(["probability", "customer_id"], ascending=[False, True], ignore_index=True)
    assert (np.arange(counts.customers) * 10 // counts.customers + 1).tolist() == by_probability.decile.tolist()


def test_with_own_values_each_is_flagged_from_an_own_threshold_as_the_api_does(own_world):
    rows, _ = listed(1, own_world / "out", threshold=None, economics=OWN)
    versions.tag("world", 1, {"threshold": "", "economics": json.dumps(OWN)})
    answered = answers(1, list(rows.customer_id))
    expected = [answered[c]["flagged"] for c in rows.customer_id]
    assert expected == rows.flagged.tolist()
    value = manifests.table_path(manifests.of_experiment("world"), SNAPSHOT, "payment")
    worth = pd.read_parquet(value).set_index("customer_id").payment_value_30d[rows.customer_id].fillna(0).to_numpy()
    assert (0.25 * 0.5 * worth * rows.probability - 2).tolist() == pytest.approx(rows.expected_profit.tolist())


def test_groups_are_those_of_the_keyed_draw_and_the_csv_holds_the_same_rows(own_world):
    rows, counts = listed(1, own_world / "out", share=0.3, budget=5)
    expected = control.groups(rows.flagged.to_numpy(), control.draws(b"k", rows.customer_id), share=0.3, budget=5)
    assert expected.tolist() == rows.group.tolist()
    told = [counts.customers, counts.flagged, counts.contact, counts.control]
    assert told == [len(rows), rows.flagged.sum(), (rows.group == "contact").sum(), (rows.group == "control").sum()]
    pd.testing.assert_frame_equal(rows, pd.read_csv(own_world / "out" / "scores.csv", float_precision="round_trip"))


def test_without_economics_customers_come_by_probability(own_world):
    rows, _ = listed(1, own_world / "out", economics=None)
    assert rows.expected_profit.isna().all()
    assert rows.probability.is_monotonic_decreasing


def test_a_snapshot_at_which_nobody_counts_gives_an_empty_list(own_world):
    change("profile", lambda rows: rows.assign(counts=0))
    rows, counts = listed(1, own_world / "out")
    assert (0, batch.Counts()) == (len(rows), counts)


def test_the_world_of_these_tests_stands_at_a_level():
    assert terms().level == small.LEVEL.log_odds
