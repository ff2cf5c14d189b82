"""Whether the labels that a model learns from were known when it would have been trained: at the test snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from churn.checks.result import Check, examples
from churn.features.snapshots import moment
from churn.training import labels

if TYPE_CHECKING:
    from churn.sources.contract import Source

NAME = "labels known in time"
RULE = "a training label is the same whatever happens from the test snapshot on"


def of_labels(rows: pd.DataFrame, source: Source, *, label: dict) -> Check:
    """The training labels' dates, and the labels given again by a log whose later events are nobody's.

    `rows`: the training set; `label`: the section of the params file with `horizon_days`.
    """
    train, test = rows[rows.part == "train"], rows.snapshot[rows.part == "test"].max()
    if train.empty or pd.isna(test):
        return Check(NAME, RULE, None, "a side has no rows")
    if train.snapshot.max() >= test:
        told = f"other customers are tested at {test:%Y-%m-%d}, a snapshot of the training itself"
        return Check(NAME, RULE, None, told)
    known = train.snapshot + pd.Timedelta(days=label["horizon_days"])
    if (known > test).any():
        late = train[known > test]
        told = (
            f"churned: {len(late):,} labels of {late.snapshot.min():%Y-%m-%d} are known on {known.max():%Y-%m-%d}, "
            f"after the test snapshot {test:%Y-%m-%d}" + examples(late)
        )
        return Check(NAME, RULE, False, told)
    if source.events is None:
        return Check(NAME, RULE, True, f"known by {known.max():%Y-%m-%d}, as data.labels.horizon_days says")
    return _given_again(train, source, label, test)


def _given_again(train: pd.DataFrame, source: Source, label: dict, test: pd.Timestamp) -> Check:
    day, events = f"{test:%Y-%m-%d}", source.events
    hidden = events.mutate(
        customer_id=ibis.ifelse(events["at"] < moment(day), events.customer_id, ibis.literal("(nobody)"))
    )
    snapshots = [f"{t:%Y-%m-%d}" for t in train.snapshot.unique()]
    again = labels.build(hidden, source.customers, None, snapshots=snapshots, label=label).execute()
    both = train[["customer_id", "snapshot", "churned"]].merge(
        again, on=["customer_id", "snapshot"], how="left", suffixes=("", "_again")
    )
    differs = both[both.churned.astype(object) != both.churned_again.astype(object)]
    if differs.empty:
        return Check(NAME, RULE, True, f"{len(train):,} labels, the same from the log as it was at {day}")
    worst = differs.iloc[0].fillna({"churned_again": "nothing"})
    told = (
        f"churned: {len(differs):,} labels of {', '.join(snapshots)} follow from events of {day} or later; customer "
        f"{worst.customer_id} at {worst.snapshot:%Y-%m-%d} is {worst.churned}, and {worst.churned_again} without them"
    )
    return Check(NAME, RULE, False, told)
