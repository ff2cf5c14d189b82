"""Ready-made tables to features: flags become 0/1, dates become days before the snapshot, or until then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ibis.expr.types import Column, Table

from churn import names
from churn.features.definitions.columns import KEYS, Definition, Feature, Words, select, under_names_of_their_own
from churn.sources.snapshots import days_between, moment


def views(tables: dict[str, Table], *, snapshot: str, future_dates: Iterable[str] = ()) -> dict[str, Table]:
    """Feature views at one snapshot: each table's `customer_id`, `snapshot`, then the features of `described`."""
    definitions = _definitions(tables, future_dates)
    return {
        view: select(tables[name].filter(tables[name].snapshot == moment(snapshot)), definitions, view=view)
        for name, view in _view_names(tables).items()
    }


def described(tables: dict[str, Table], *, segments: Iterable[str], future_dates: Iterable[str] = ()) -> list[Feature]:
    """What `views` returns, column by column, in the same order. `future_dates` may lie after the snapshot."""
    features = [replace(d.feature, words=_words(d.feature)) for d in _definitions(tables, future_dates)]
    return [replace(f, meaning=f"{f.meaning} (segment)") if (f.given or f.name) in segments else f for f in features]


def _words(feature: Feature) -> Words:
    called = (feature.given or feature.name).replace("_", " ")
    return Words(f"{called}: ", none=f"{called}: not known")


def _definitions(tables: dict[str, Table], future_dates: Iterable[str]) -> list[Definition]:
    return under_names_of_their_own(
        [
            _told(_definition(view, tables[name][column], table=name, ahead=column in future_dates), column, table=name)
            for name, view in _view_names(tables).items()
            for column in tables[name].columns
            if column not in KEYS
        ]
    )


def _told(definition: Definition, column: str, *, table: str) -> Definition:
    """With the name that the reader could not leave a column, since the contract has it."""
    given = column.removeprefix(f"{names.table(table)}.")
    if given == column or given.lower() not in KEYS:
        return definition
    return replace(definition, feature=replace(definition.feature, given=given))


def _view_names(tables: Iterable[str]) -> dict[str, str]:
    """The view of each table."""
    return dict(zip(tables, names.distinct([("", name) for name in tables], form=names.table), strict=True))


def _definition(view: str, column: Column, *, table: str, ahead: bool) -> Definition:
    name, kind, meaning = column.get_name(), column.type(), f"as given in {table}"
    if ahead:
        feature = Feature(f"days_until_{name}", view, "number", "days", f"{meaning}; below zero where it is past")
        return Definition(feature, lambda row: days_between(row[name].cast("timestamp('UTC', 6)"), row.snapshot))
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
