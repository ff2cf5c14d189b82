"""Events to features as of a snapshot: one Ibis definition for any engine.

A feature at snapshot t uses what was known before t and nothing else, and of its own customer only. To add one, add an
entry to `_of_kind`, `_in_window` or (about all kinds together) `_profile`, and to `_aggregates` where it needs one that
is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibis.expr.types import Column, NumericColumn, Table

from churn import names
from churn.errors import InvalidData
from churn.features.definitions.columns import Definition, Feature, select, under_names_of_their_own
from churn.sources.snapshots import days_between, known_before, moment

if TYPE_CHECKING:
    from churn.sources.contract import Source


def views(
    events: Table, customers: Table, *, snapshot: str, windows_days: list[int], kinds: list[str], segments: list[str]
) -> dict[str, Table]:
    """Feature views at one snapshot, a row for each customer who had signed up before it: one a kind, and `profile`.

    Each table has `customer_id`, `snapshot`, then the features of `described` in their order.
    """
    definitions = _definitions(windows_days=windows_days, kinds=kinds, segments=segments)
    known = known_before(events, snapshot).filter(lambda event: event.kind.isin(kinds))
    aggregates = known.group_by("customer_id").aggregate(**_aggregates(known, snapshot, windows_days, kinds))
    # No aggregate has a space in its name, so a segment may be called what an aggregate is called.
    people = customers.filter(customers.signup_at < moment(snapshot)).select(
        "customer_id", "signup_at", **{f"segment {s}": customers[s] for s in segments}
    )
    joined = people.left_join(aggregates, "customer_id").drop("customer_id_right").mutate(snapshot=moment(snapshot))
    rows = joined.cache()  # each view reads it
    return {view: select(rows, definitions, view=view) for view in (*_view_names(kinds).values(), "profile")}


def described(*, windows_days: list[int], kinds: list[str], segments: list[str]) -> list[Feature]:
    """What `views` returns, column by column, in the same order."""
    return [d.feature for d in _definitions(windows_days=windows_days, kinds=kinds, segments=segments)]


def kinds_seen(events: Table, *, before: str, without: list[str]) -> list[str]:
    """Kinds of event known before a snapshot, sorted. Raises InvalidData where there are none."""
    seen = known_before(events, before).kind.value_counts().execute()
    kinds = sorted(set(seen["kind"]) - set(without))
    if not kinds:
        raise InvalidData(
            f"no events before the snapshot {before}: there is nothing to make features of; move the snapshots"
        )
    return kinds


def settings(source: Source, *, before: str, windows_days: list[int], recipe: str, label: dict) -> dict:
    """What `views` and `described` are told of the features: all of it follows from the log before a snapshot, from
    the params file's settings and from its label, whose own kind of event tells nothing but the answer.
    """
    kinds = kinds_seen(source.events, before=before, without=[label["kind"]] if label["rule"] == "event" else [])
    return {"windows_days": windows_days, "kinds": kinds, "segments": source.segments}


def _definitions(*, windows_days: list[int], kinds: list[str], segments: list[str]) -> list[Definition]:
    definitions = []
    for kind, n in _view_names(kinds).items():
        definitions += _of_kind(kind, n)
        definitions += [definition for window in windows_days for definition in _in_window(kind, n, window)]
    definitions = under_names_of_their_own(definitions + _profile(windows_days))
    return definitions + under_names_of_their_own([_segment(name) for name in segments], beside=definitions)


def _view_names(kinds: list[str]) -> dict[str, str]:
    """The view of each kind, after which its features are called: `Gift card` -> `gift_card`."""
    return dict(
        zip(kinds, names.distinct([("", kind) for kind in kinds], form=names.slug, taken=["profile"]), strict=True)
    )


def _of_kind(kind: str, n: str) -> list[Definition]:
    return [
        Definition(
            Feature(f"days_since_{n}", n, "number", "days", f"since the last {kind} before the snapshot; null: never"),
            lambda row: days_between(row.snapshot, row[f"{n}_last"]),
        ),
        Definition(
            Feature(f"{n}_count", n, "integer", "events", f"{kind} events in the customer's life before the snapshot"),
            lambda row: _count(row[f"{n}_count"]),
        ),
    ]


def _in_window(kind: str, n: str, w: int) -> list[Definition]:
    count, value = f"{n}_count_{w}d", f"{n}_value_{w}d"
    return [
        Definition(
            Feature(count, n, "integer", "events", f"{kind} events in the {w} days before the snapshot"),
            lambda row: _count(row[count]),
        ),
        Definition(
            Feature(value, n, "number", "value", f"sum of value of {kind} in those {w} days"),
            lambda row: _value(row[value]),
        ),
        Definition(
            Feature(f"{n}_mean_{w}d", n, "number", "value", f"mean value of a {kind} in those {w} days; null: none"),
            lambda row: _value(row[value]) / _count(row[count]).nullif(0),
        ),
    ]


def _profile(windows_days: list[int]) -> list[Definition]:
    short, long = windows_days[0], windows_days[-1]
    momentum = f"momentum_{short}d_{long}d"  # a name says all of a definition: the same never means two things
    ratio = f"events in the last {short} days over those in the last {long}; null: none"
    return [
        Definition(
            Feature("tenure_days", "profile", "number", "days", "from sign-up to the snapshot"),
            lambda row: days_between(row.snapshot, row.signup_at),
        ),
        Definition(
            Feature("active_days", "profile", "integer", "days", "days with any event before the snapshot"),
            lambda row: _count(row.active_days),
        ),
        Definition(
            Feature(momentum, "profile", "number", "ratio", ratio),
            lambda row: _count(row.recent) / _count(row.longer).nullif(0),
        ),
    ]


def _segment(name: str) -> Definition:
    feature = Feature(name, "profile", "category", "", "segment, from the customers table")
    return Definition(feature, lambda row: row[f"segment {name}"])


def _aggregates(known: Table, snapshot: str, windows_days: list[int], kinds: list[str]) -> dict[str, Column]:
    """Every aggregate in one pass. Windows are literals: an interval computed by row takes 2 to 10 times longer."""
    since = {w: known.at >= moment(snapshot, days_before=w) for w in windows_days}
    aggregates = {
        "active_days": known.at.date().nunique(),
        "recent": known.count(where=since[windows_days[0]]),
        "longer": known.count(where=since[windows_days[-1]]),
    }
    for kind, n in _view_names(kinds).items():
        of_kind = known.kind == kind
        aggregates[f"{n}_last"] = known.at.max(where=of_kind)
        aggregates[f"{n}_count"] = known.count(where=of_kind)
        for w in windows_days:
            aggregates[f"{n}_count_{w}d"] = known.count(where=of_kind & since[w])
            aggregates[f"{n}_value_{w}d"] = known.value.sum(where=of_kind & since[w])
    return aggregates


def _count(column: NumericColumn) -> NumericColumn:
    return column.fill_null(0).cast("int64")


def _value(column: NumericColumn) -> NumericColumn:
    return column.cast("float64").fill_null(0.0)
