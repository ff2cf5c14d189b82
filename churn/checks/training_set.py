"""Whether a training set can be learnt from: its rows, its labels known in time, its values those of the feature store.

A label must have been known when the model would have been trained: at the test snapshot. A category written as a churn
rate, or a column scaled over all rows, is not what the store holds. What each check stops: docs/explanation/leaks.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from churn import engine
from churn.checks import target_leakage
from churn.checks.result import Check, examples
from churn.features import manifest as manifests
from churn.sources.snapshots import moment
from churn.training import labels

if TYPE_CHECKING:
    from churn.sources.contract import Source

MINIMUM_ROWS = 50
FROM_THE_PAST = ("days_since_", "tenure_days")
LOOKS_LIKE_A_DATE = r"\d{4}-\d{2}(-\d{2}([ T].*)?)?"
IN_TIME, SAME_LABEL = "labels known in time", "a training label is the same whatever happens from the test snapshot on"
STORED, AS_STORED = "as the feature store has it", "every value of the training set is the one in the feature tables"


def checks(
    rows: pd.DataFrame, *, manifest: dict, source: Source, label: dict, split: str, trusted: list[str]
) -> list[Check]:
    """Every check of a training set with columns customer_id, snapshot, churned, part and the manifest's features.

    `label`: the section of the params file, with its `horizon_days`; `trusted`: features that may tell by themselves.
    """
    features, trusted = [feature["name"] for feature in manifest["features"]], manifests.called(manifest, trusted)
    return [
        *_of_rows(rows, features=features, split=split, trusted=trusted),
        _labels_known_in_time(rows, source, label=label),
        _as_stored(rows, manifest, features=features),
        *target_leakage.checks(rows, features=features, trusted=trusted),
    ]


def of_labels(rows: pd.DataFrame) -> list[Check]:
    """Those that need neither features nor customers: of rows with churned and part."""
    return [_size(rows), _both_classes(rows)]


def _of_rows(rows: pd.DataFrame, *, features: list[str], split: str, trusted: list[str]) -> list[Check]:
    """What can be seen in the rows by themselves."""
    return [
        *of_labels(rows),
        _unique(rows),
        _nothing_from_the_future(rows, features),
        _no_later_date(rows, [name for name in features if name not in trusted]),
        *([_no_customer_on_both_sides(rows)] if split == "entity" else []),
        _no_constant(rows, features),
        _missing(rows, features),
    ]


def _size(rows: pd.DataFrame) -> Check:
    counts = rows.part.value_counts().reindex(["train", "test"], fill_value=0)
    return Check(
        "size",
        f"at least {MINIMUM_ROWS} rows on each side",
        bool((counts >= MINIMUM_ROWS).all()),
        f"{counts['train']:,} training rows, {counts['test']:,} test rows",
    )


def _both_classes(rows: pd.DataFrame) -> Check:
    rate = rows.groupby("part").churned.mean().reindex(["train", "test"])
    return Check(
        "both classes",
        "leavers and stayers on each side",
        bool(((rate > 0) & (rate < 1)).all()),
        f"churn rate {rate['train']:.1%} in training, {rate['test']:.1%} in the test",
    )


def _unique(rows: pd.DataFrame) -> Check:
    repeated = rows[rows.duplicated(["customer_id", "snapshot"])]
    return Check(
        "no duplicates",
        "one row a customer and snapshot",
        repeated.empty,
        f"{len(repeated):,} repeated" + examples(repeated),
    )


def _nothing_from_the_future(rows: pd.DataFrame, features: list[str]) -> Check:
    ages = rows[[f for f in features if f.startswith(FROM_THE_PAST) and pd.api.types.is_numeric_dtype(rows[f])]]
    worst = ages.min().dropna()
    wrong = worst[worst < 0]
    observed = (
        f"{len(ages.columns)} ages looked at, none negative"
        if wrong.empty
        else f"{wrong.index[0]} reaches {-wrong.iloc[0]:.4g} days past its snapshot"
        + examples(rows[ages[wrong.index[0]] < 0])
        + f"; a date that may rightly lie ahead: data.future_dates: [{wrong.index[0].removeprefix('days_since_')}]"
    )
    return Check("nothing from the future", "no feature is stamped after its snapshot", wrong.empty, observed)


def _no_later_date(rows: pd.DataFrame, features: list[str]) -> Check:
    """Of categories: a date in one of them is a moment that lies before the snapshot, or that nobody knew of."""
    name, rule = "no date from the future", "no category is a date after its snapshot"
    dated = [f for f in features if not pd.api.types.is_numeric_dtype(rows[f])]
    for feature in dated:
        words = pd.Series(rows[feature].dropna().unique(), dtype=object).astype(str)
        words = words[words.str.fullmatch(LOOKS_LIKE_A_DATE)]
        if words.empty:
            continue
        times = pd.to_datetime(words, errors="coerce", utc=True, format="ISO8601").set_axis(words)
        late = rows[rows[feature].map(times).astype("datetime64[ns, UTC]") >= rows.snapshot]
        if len(late):
            worst = late.iloc[0]
            observed = f"{feature}: customer {worst.customer_id} at {worst.snapshot:%Y-%m-%d} has {worst[feature]}"
            return Check(name, rule, False, f"{observed}; {late.customer_id.nunique():,} customers have such a date")
    return Check(name, rule, True, f"{len(dated)} categories looked at")


def _no_customer_on_both_sides(rows: pd.DataFrame) -> Check:
    sides = rows.groupby("customer_id").part.nunique()
    both = rows[rows.customer_id.isin(sides[sides > 1].index)]
    return Check(
        "no customer on both sides",
        "split: entity tests on other customers",
        both.empty,
        f"customer_id: {both.customer_id.nunique():,} shared{_sides(both)}",
    )


def _sides(both: pd.DataFrame) -> str:
    """Up to three customers who are on both sides, with when."""
    named = [
        f"{customer} ({', '.join(f'{row.part} at {row.snapshot:%Y-%m-%d}' for row in rows.itertuples())})"
        for customer, rows in both[both.customer_id.isin(both.customer_id.unique()[:3])].groupby("customer_id")
    ]
    return f", for example {', '.join(named)}" if named else ""


def _no_constant(rows: pd.DataFrame, features: list[str]) -> Check:
    train = rows[rows.part == "train"]
    constant = [f for f in features if train[f].nunique(dropna=False) < 2]
    return Check(
        "no constant feature",
        "a feature that never varies teaches nothing",
        not constant,
        ", ".join(constant) or "none",
        level="warning",
    )


def _missing(rows: pd.DataFrame, features: list[str], limit: float = 0.95) -> Check:
    share = rows[features].isna().mean()
    empty = share[share > limit]
    return Check(
        "missing values",
        f"at most {limit:.0%} of a feature may be null",
        empty.empty,
        ", ".join(f"{f} {s:.1%}" for f, s in empty.items()) or f"most: {share.idxmax()} {share.max():.1%}",
        level="warning",
    )


def _labels_known_in_time(rows: pd.DataFrame, source: Source, *, label: dict) -> Check:
    """The training labels' dates, and the labels given again by a log whose later events are nobody's.

    `rows`: the training set; `label`: the section of the params file with `horizon_days`.
    """
    train, test = rows[rows.part == "train"], rows.snapshot[rows.part == "test"].max()
    if train.empty or pd.isna(test):
        return Check(IN_TIME, SAME_LABEL, None, "a side has no rows")
    if train.snapshot.max() >= test:
        no_embargo = f"other customers are tested at {test:%Y-%m-%d}, a snapshot of the training itself"
        return Check(IN_TIME, SAME_LABEL, None, no_embargo)
    known = train.snapshot + pd.Timedelta(days=label["horizon_days"])
    if (known > test).any():
        late = train[known > test]
        observed = (
            f"churned: {len(late):,} labels of {late.snapshot.min():%Y-%m-%d} are known on {known.max():%Y-%m-%d}, "
            f"after the test snapshot {test:%Y-%m-%d}" + examples(late)
        )
        return Check(IN_TIME, SAME_LABEL, False, observed)
    if source.events is None:
        return Check(IN_TIME, SAME_LABEL, True, f"known by {known.max():%Y-%m-%d}, as data.labels.horizon_days says")
    return _without_later_events(train, source, label, test)


def _without_later_events(train: pd.DataFrame, source: Source, label: dict, test: pd.Timestamp) -> Check:
    day, events = f"{test:%Y-%m-%d}", source.events
    hidden = events.mutate(
        customer_id=ibis.ifelse(events["at"] < moment(day), events.customer_id, ibis.literal("(nobody)"))
    )
    snapshots = [f"{t:%Y-%m-%d}" for t in train.snapshot.unique()]
    mine = ibis.memtable(train[["customer_id"]].drop_duplicates())
    again = labels.build(hidden, source.customers, None, snapshots=snapshots, label=label)
    again = again.semi_join(mine, "customer_id").execute()
    both = train[["customer_id", "snapshot", "churned"]].merge(
        again, on=["customer_id", "snapshot"], how="left", suffixes=("", "_again")
    )
    differs = both[both.churned.astype(object) != both.churned_again.astype(object)]
    if differs.empty:
        return Check(IN_TIME, SAME_LABEL, True, f"{len(train):,} labels, the same from the log as it was at {day}")
    worst = differs.iloc[0].fillna({"churned_again": "nothing"})
    observed = (
        f"churned: {len(differs):,} labels of {', '.join(snapshots)} follow from events of {day} or later; customer "
        f"{worst.customer_id} at {worst.snapshot:%Y-%m-%d} is {worst.churned}, and {worst.churned_again} without them"
    )
    return Check(IN_TIME, SAME_LABEL, False, observed)


def _as_stored(rows: pd.DataFrame, manifest: dict, *, features: list[str]) -> Check:
    """Every value of every row compared with the feature tables; any column made elsewhere is named."""
    if strangers := [name for name in features if name not in {f["name"] for f in manifest["features"]}]:
        return Check(STORED, AS_STORED, False, f"{', '.join(strangers)}: not in feature service {manifest['service']}")
    con = engine.embedded()
    found = [_unlike(con, at, manifest, features) for _, at in rows.groupby("snapshot")]
    unlike = pd.concat(found, ignore_index=True)
    if unlike.empty:
        return Check(STORED, AS_STORED, True, f"{len(rows):,} rows, {len(features)} features: all equal")
    worst, names = unlike.iloc[0], list(unlike.feature.unique())
    return Check(
        STORED, AS_STORED, False,
        f"{', '.join(names[:5])}{', ...' if names[5:] else ''}: {len(unlike):,} values are not the store's; customer "
        f"{worst.customer_id} at {worst.snapshot:%Y-%m-%d} has {worst.feature} {worst.given}, the store {worst.held}",
    )  # fmt: skip


def _unlike(con, rows: pd.DataFrame, manifest: dict, features: list[str]) -> pd.DataFrame:
    """The values of one snapshot's rows that the store does not hold: customer_id, snapshot, feature, given, held."""
    stored = _stored(con, rows, manifest, features)
    tables = []
    for name in features:
        held, given = stored[name], rows[name].to_numpy()
        held = (held.astype("float64") if pd.api.types.is_numeric_dtype(held) else held.fillna("unknown")).to_numpy()
        differs = (held != given) & ~(pd.isna(held) & pd.isna(given))
        if differs.any():
            values = {"feature": name, "given": list(given[differs]), "held": list(held[differs])}
            tables.append(rows.loc[differs, ["customer_id", "snapshot"]].assign(**values))
    return (
        pd.concat(tables) if tables else pd.DataFrame(columns=["customer_id", "snapshot", "feature", "given", "held"])
    )


def _stored(con, rows: pd.DataFrame, manifest: dict, features: list[str]) -> pd.DataFrame:
    """What the feature tables hold of the rows' customers, in their order; the tables themselves stay on disk."""
    snapshot = f"{rows.snapshot.iloc[0]:%Y-%m-%d}"
    stored = ibis.memtable({"customer_id": rows.customer_id.to_numpy(dtype=str), "place": np.arange(len(rows))})
    for view, listed in manifests.views(manifest).items():
        table = engine.read_parquet(con, manifests.table_path(manifest, snapshot, view))
        mine = table.select("customer_id", *(f["name"] for f in listed if f["name"] in features))
        stored = stored.left_join(mine, "customer_id").drop("customer_id_right")
    return con.execute(stored.order_by("place"))
