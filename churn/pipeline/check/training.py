"""Who counts and who leaves at each snapshot, the features, and both sides of the split, as the stages have them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from ibis.expr.types import Table

from churn.checks import result, target_leakage, training_set
from churn.features import build, manifest
from churn.features.definitions import from_events, from_tables, terms
from churn.log import kept, populations
from churn.params.schema import Params
from churn.pipeline import stage_parameters
from churn.pipeline.check.found import Found
from churn.registry.rules import merit
from churn.sources.contract import Source
from churn.sources.snapshots import moment
from churn.training import dataset, sampling


@dataclass(frozen=True)
class AtSnapshots:
    """`rows`: role (train, test, serve), snapshot, population, leavers, stayers, rate; `labelled`: those who count at
    the snapshots of both sides, where they had to be looked at one by one."""

    rows: pd.DataFrame
    labelled: Table | None


def at_snapshots(found: Found, params: Params, source: Source, *, closed: bool = True) -> AtSnapshots | None:
    """Who counts and, where all horizons are `closed`, who leaves; a row a snapshot."""
    dates = params.snapshots
    roles = [*(("train", str(t)) for t in dates.train), ("test", str(dates.test)), ("serve", str(dates.serve))]
    known = sorted({t for role, t in roles if role != "serve"}) if closed else []
    at = found.look("labels", lambda: _counted(params, source, [t for _, t in roles], known), stage="train")
    if at is None:
        return None
    at.rows.insert(0, "role", [role for role, _ in roles])
    for row in at.rows.itertuples():
        found.ok(f"{row.role} {row.snapshot}", _told(row))
    return at


def _counted(params: Params, source: Source, dates: list[str], known: list[str]) -> AtSnapshots:
    label = stage_parameters.label_of(params)
    labelled = None
    if not populations.can_be_told(source) or (known and params.train.split == "entity"):
        labelled = populations.labelled(source, label, known) if known else None
    if populations.can_be_told(source):
        name = [label.get("kinds"), label.get("kind"), label["rule"]]
        whole = kept.table_of_staged(params, "stretches", lambda: populations.stretches(source, label), also=name)
        return AtSnapshots(populations.at(whole, label, dates, closed=known), labelled)
    rows = [] if labelled is None else [populations.by_labels(labelled, known, closed=known)]
    others = [(t, populations.population(source, label, t), None) for t in dates if t not in known]
    rows = pd.concat([*rows, populations.table(others)]).drop_duplicates("snapshot").set_index("snapshot")
    return AtSnapshots(rows.loc[dates].reset_index(), labelled)


def _told(row) -> str:
    if pd.isna(row.rate):
        return f"{row.population:,} customers count"
    return f"{row.population:,} customers count: {row.leavers:,} left, {row.stayers:,} stayed ({row.rate:.1%} left)"


def features(found: Found, params: Params, source: Source) -> list[dict] | None:
    """The features that a run makes, with a row of them."""
    return found.look("features", lambda: _features(params, source), _listed, stage="features")


def trusted(found: Found, params: Params, listed: list[dict]) -> None:
    """Whether `train.trusted_features` are features."""
    called = manifest.called({"features": listed}, params.train.trusted_features)
    names = [feature["name"] for feature in listed]
    found.look("trusted features", lambda: target_leakage.refuse_unknown(called, names), stage="train")


def split(found: Found, params: Params, at: AtSnapshots) -> None:
    """Both sides of the split, and what the gate needs of the test."""
    sides = found.look("split", lambda: _sides(params, at), lambda sides: _sizes(params, sides), stage="train")
    if sides is None or (limit := params.promote.rules.min_leavers) is None:
        return
    test = sides[0][sides[0].part == "test"]
    enough = merit.enough({"origins": [{"left": int(test.churned.sum()), "customers": len(test)}]}, limit)
    (found.ok if enough.passed else found.warn)("rule min_leavers", enough.text)


def _described(params: Params, source: Source) -> list[dict]:
    """The features in their order, as a manifest lists them. Raises InvalidData where there is nothing to make them
    of."""
    if source.events is None:
        views = from_tables.described(source.tables, segments=source.segments, future_dates=source.future_dates)
        return [feature.entry() for feature in views]
    given = stage_parameters.OF_STAGE["features"](params, {})
    asked = {
        "before": given["train_snapshots"][-1], "earliest": snapshots(params)[0],
        **{name: given[name] for name in ("windows_days", "recipe", "label")},
    }  # fmt: skip

    def look() -> list[dict]:
        return [feature.entry() for feature in from_events.described(**terms.settings(source, **asked))]

    return kept.of_staged(params, "features", look, also=asked)


def snapshots(params: Params) -> list[str]:
    """The snapshots whose features a run makes, ascending."""
    dates = params.snapshots
    return sorted(map(str, {*dates.history, *dates.train, dates.test, dates.serve}))


def _features(params: Params, source: Source) -> list[dict]:
    listed, first = _described(params, source), snapshots(params)[0]
    if source.events is not None and not _signed_up(source, first):
        raise build.nobody(first)
    return listed


def _signed_up(source: Source, snapshot: str) -> bool:
    return bool(source.customers.filter(source.customers.signup_at < moment(snapshot)).limit(1).count().execute())


def _listed(listed: list[dict]) -> str:
    views = list(dict.fromkeys(feature["view"] for feature in listed))
    return f"{len(listed)} in {len(views)} views: {', '.join(views[:5])}{', ...' if views[5:] else ''}"


def _sides(params: Params, at: AtSnapshots) -> tuple[pd.DataFrame, float]:
    """Rows of both sides and the share of the customers that they are. Raises InvalidData for what no model can be
    learnt from."""
    given = stage_parameters.OF_STAGE["train"](params, {"manifest": ""})
    if at.labelled is None:
        known = at.rows[at.rows.role != "serve"]
        share = min(1.0, given["max_rows"] / max(int(known.population.sum()), 1))
        rows = populations.rows_of(known, share=share)
    else:
        sample = sampling.sample(at.labelled, max_rows=given["max_rows"], seed=given["seed"])
        rows, share = sample.rows, sample.share
    asked = {name: given[name] for name in ("split", "train_snapshots", "test_snapshot", "test_fraction")}
    rows = dataset.with_parts(rows, **asked)
    result.stop_on_failure(training_set.of_labels(rows), of="the training set")
    return rows, share


def _sizes(params: Params, sides: tuple[pd.DataFrame, float]) -> str:
    rows, share = sides
    count = rows.part.value_counts()
    drawn = f"; about {share:.0%} of the customers are drawn (train.max_rows)" if share < 1 else ""
    return f"{params.train.split}: {count['train']:,} training rows, {count['test']:,} test rows{drawn}"
