"""Events to features as of a snapshot: one Ibis definition for any engine.

A feature at snapshot t uses what was known before t and nothing else, and of its own customer only.
Each function returns one table a feature view: `customer_id`, `snapshot`, then the features.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import ibis
from ibis.expr.types import Column, NumericColumn, Table, TimestampScalar

from churn.errors import InvalidData
from churn.sources.contract import known_at

MICROSECONDS_A_DAY = 86_400_000_000
KEYS = ("customer_id", "snapshot")
OF_THE_TRAINING_SET = (*KEYS, "event_timestamp", "churned", "part")  # columns that no feature may be called


@dataclass(frozen=True)
class Feature:
    """One column of the manifest. `type` is integer, number or category."""

    name: str
    view: str
    type: str
    unit: str
    meaning: str


def instant(day: date | str, *, days_before: int = 0) -> datetime:
    """00:00 UTC of a snapshot, or so many days before."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(day, time(), UTC) - timedelta(days=days_before)


def moment(day: date | str, *, days_before: int = 0) -> TimestampScalar:
    """The same as a literal that every engine reads alike, whatever the zone of its machine."""
    return ibis.literal(instant(day, days_before=days_before), type="timestamp('UTC', 6)")


def slug(kind: str) -> str:
    """A kind of event as it appears in column names: `Gift card` -> `gift_card`."""
    return re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")


def known(events: Table, before: date | str) -> Table:
    """The events that were known before a snapshot."""
    return events.filter(known_at(events) < moment(before))


def kinds_seen(events: Table, *, before: date | str, without: list[str]) -> list[str]:
    """Kinds of event known before a snapshot, sorted. Raises InvalidData when two would share a column name."""
    seen = known(events, before).kind.value_counts().execute()
    kinds = sorted(set(seen["kind"]) - set(without))
    names = {"profile": "the view of that name"}
    for kind in kinds:
        if slug(kind) in names or not slug(kind):
            raise InvalidData(
                f"kind {kind!r} and {names.get(slug(kind), 'an empty name')} would share feature names; rename one"
            )
        names[slug(kind)] = repr(kind)
    if not kinds:
        raise InvalidData(
            f"no events before the snapshot {before}: there is nothing to make features of; move the snapshots"
        )
    return kinds


def refuse_shared_names(names: Iterable[str]) -> None:
    """Raises InvalidData when two features, or a feature and a column of the training set, would share a name."""
    for name, times in Counter(name.lower() for name in (*OF_THE_TRAINING_SET, *names)).items():
        if times > 1:
            raise InvalidData(
                f"{name!r} would name two features, or a feature and a column of the training set; "
                "rename the segment or the column in the input"
            )


def from_events(
    events: Table, customers: Table, *, snapshot: str, windows_days: list[int], kinds: list[str], segments: list[str]
) -> dict[str, Table]:
    """Feature views at one snapshot, a row for each customer who had signed up before it: one a kind, and `profile`."""
    t = moment(snapshot)
    seen = known(events, snapshot).filter(lambda event: event.kind.isin(kinds))
    sums = seen.group_by("customer_id").aggregate(**_sums(seen, snapshot, windows_days, kinds))
    # No sum has a space in its name, so a segment may be called what a sum is called.
    people = customers.filter(customers.signup_at < t).select(
        "customer_id", "signup_at", **{f"segment {s}": customers[s] for s in segments}
    )
    joined = people.left_join(sums, "customer_id").drop("customer_id_right").mutate(snapshot=t)
    wide = joined.cache()  # each view reads it
    views = {slug(kind): wide.select(*KEYS, **_of_kind(wide, slug(kind), t, windows_days)) for kind in kinds}
    profile = _profile(wide, t, windows_days) | {s: wide[f"segment {s}"] for s in segments}
    return views | {"profile": wide.select(*KEYS, **profile)}


def _sums(seen: Table, snapshot: str, windows_days: list[int], kinds: list[str]) -> dict[str, Column]:
    """Every aggregate in one pass. Windows are literals: an interval computed by row takes 2 to 10 times longer."""
    since = {w: seen.at >= moment(snapshot, days_before=w) for w in windows_days}
    sums = {"active_days": seen.at.date().nunique()}
    sums |= {"recent": seen.count(where=since[windows_days[0]]), "longer": seen.count(where=since[windows_days[-1]])}
    for kind in kinds:
        of_kind, name = seen.kind == kind, slug(kind)
        sums[f"{name}_last"] = seen.at.max(where=of_kind)
        sums[f"{name}_count"] = seen.count(where=of_kind)
        for w in windows_days:
            sums[f"{name}_count_{w}d"] = seen.count(where=of_kind & since[w])
            sums[f"{name}_value_{w}d"] = seen.value.sum(where=of_kind & since[w])
    return sums


def _of_kind(wide: Table, name: str, t: TimestampScalar, windows_days: list[int]) -> dict[str, Column]:
    columns = {
        f"days_since_{name}": days_between(t, wide[f"{name}_last"]),
        f"{name}_count": _count(wide[f"{name}_count"]),
    }
    for w in windows_days:
        count, value = _count(wide[f"{name}_count_{w}d"]), wide[f"{name}_value_{w}d"].cast("float64").fill_null(0.0)
        columns |= {
            f"{name}_count_{w}d": count,
            f"{name}_value_{w}d": value,
            f"{name}_mean_{w}d": value / count.nullif(0),
        }
    return columns


def momentum(windows_days: list[int]) -> str:
    """A feature's name says all of its definition: the same name never means two things."""
    return f"momentum_{windows_days[0]}d_{windows_days[-1]}d"


def _profile(wide: Table, t: TimestampScalar, windows_days: list[int]) -> dict[str, Column]:
    return {
        "tenure_days": days_between(t, wide.signup_at),
        "active_days": _count(wide.active_days),
        momentum(windows_days): _count(wide.recent) / _count(wide.longer).nullif(0),
    }


def _count(column: NumericColumn) -> NumericColumn:
    return column.fill_null(0).cast("int64")


def days_between(t: TimestampScalar, at: Column) -> NumericColumn:
    """Days from `at` to `t` with their fraction; whole units differ by one between engines, microseconds do not."""
    return t.delta(at, unit="microsecond") / MICROSECONDS_A_DAY


def described(*, windows_days: list[int], kinds: list[str], segments: list[str]) -> list[Feature]:
    """What `from_events` returns, column by column, in the same order. Raises InvalidData when names are shared."""
    features = []
    for kind in kinds:
        n = slug(kind)
        features += [
            Feature(f"days_since_{n}", n, "number", "days", f"since the last {kind} before the snapshot; null: never"),
            Feature(f"{n}_count", n, "integer", "events", f"{kind} events in the customer's life before the snapshot"),
        ]
        for w in windows_days:
            features += [
                Feature(
                    f"{n}_count_{w}d", n, "integer", "events", f"{kind} events in the {w} days before the snapshot"
                ),
                Feature(f"{n}_value_{w}d", n, "number", "value", f"sum of value of {kind} in those {w} days"),
                Feature(
                    f"{n}_mean_{w}d", n, "number", "value", f"mean value of a {kind} in those {w} days; null: none"
                ),
            ]
    short, long = windows_days[0], windows_days[-1]
    features += [
        Feature("tenure_days", "profile", "number", "days", "from sign-up to the snapshot"),
        Feature("active_days", "profile", "integer", "days", "days with any event before the snapshot"),
        Feature(
            momentum(windows_days),
            "profile",
            "number",
            "ratio",
            f"events in the last {short} days over those in the last {long}; null: none",
        ),
    ]
    features += [Feature(s, "profile", "category", "", "segment, from the customers table") for s in segments]
    refuse_shared_names(f.name for f in features)
    return features


def from_tables(tables: dict[str, Table], *, snapshot: str) -> dict[str, Table]:
    """Ready-made tables as feature views at one snapshot: flags become 0/1, dates become days before the snapshot.

    Raises InvalidData when two columns would share a name.
    """
    t = moment(snapshot)
    rows = {view: table.filter(table.snapshot == t) for view, table in tables.items()}
    made = {view: [_converted(r, c, t) for c in r.columns if c not in KEYS] for view, r in rows.items()}
    refuse_shared_names(name for columns in made.values() for name, _ in columns)
    return {view: rows[view].select(*KEYS, **dict(columns)) for view, columns in made.items()}


def _converted(rows: Table, column: str, t: TimestampScalar) -> tuple[str, Column]:
    values = rows[column]
    if values.type().is_date() or values.type().is_timestamp():
        return f"days_since_{column}", days_between(t, values.cast("timestamp('UTC', 6)"))
    if values.type().is_boolean() or values.type().is_integer():
        return column, values.cast("int64")
    return column, values if values.type().is_string() else values.cast("float64")


def described_tables(views: dict[str, Table], *, segments: list[str]) -> list[Feature]:
    """What `from_tables` returns, column by column, in the same order."""
    return [
        Feature(name, view, *_kind_of(table[name]), f"as given in {view}" + (" (segment)" if name in segments else ""))
        for view, table in views.items()
        for name in table.columns
        if name not in KEYS
    ]


def _kind_of(column: Column) -> tuple[str, str]:
    if column.type().is_string():
        return "category", ""
    if column.get_name().startswith("days_since_"):
        return "number", "days"
    return ("integer", "count or flag") if column.type().is_integer() else ("number", "as given")
