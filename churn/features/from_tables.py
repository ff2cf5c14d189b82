"""Ready-made tables to features: flags become 0/1, dates become days before the snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ibis.expr.types import Column, Table

from churn.features.columns import KEYS, Definition, Feature, refuse_shared_names, select
from churn.sources.snapshots import days_between, moment


def views(tables: dict[str, Table], *, snapshot: str) -> dict[str, Table]:
    """Feature views at one snapshot: each table's `customer_id`, `snapshot`, then the features of `described`."""
    definitions = _definitions(tables)
    rows = {view: table.filter(table.snapshot == moment(snapshot)) for view, table in tables.items()}
    return {view: select(rows[view], definitions, view=view) for view in tables}


def described(tables: dict[str, Table], *, segments: Iterable[str]) -> list[Feature]:
    """What `views` returns, column by column, in the same order. Raises InvalidData when names are shared."""
    features = [d.feature for d in _definitions(tables)]
    refuse_shared_names(feature.name for feature in features)
    return [replace(f, meaning=f"{f.meaning} (segment)") if f.name in segments else f for f in features]


def _definitions(tables: dict[str, Table]) -> list[Definition]:
    names = [(view, name) for view, table in tables.items() for name in table.columns if name not in KEYS]
    return [_definition(view, tables[view][name]) for view, name in names]


def _definition(view: str, column: Column) -> Definition:
    name, kind, meaning = column.get_name(), column.type(), f"as given in {view}"
    if kind.is_date() or kind.is_timestamp():
        feature = Feature(f"days_since_{name}", view, "number", "days", meaning)
        return Definition(feature, lambda row: days_between(row.snapshot, row[name].cast("timestamp('UTC', 6)")))
    if kind.is_string():
        return Definition(Feature(name, view, "category", "", meaning), lambda row: row[name])
    if kind.is_boolean() or kind.is_integer():
        feature, type_ = Feature(name, view, "integer", "count or flag", meaning), "int64"
    else:
        feature, type_ = Feature(name, view, "number", "as given", meaning), "float64"
    if name.startswith("days_since_"):
        feature = replace(feature, type="number", unit="days")
    return Definition(feature, lambda row: row[name].cast(type_))
