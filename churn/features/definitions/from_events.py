"""Events to features as of a snapshot: one Ibis definition for any engine.

A feature at snapshot t uses what was known before t and nothing else, and of its own customer only. To add one, add an
entry to `_of_kind`, `_in_window` or (about all kinds together) `_profile`, and to `_in_windows` where it needs an
aggregate that is not there.
"""

from __future__ import annotations

import functools
import operator

from ibis.expr.types import NumericColumn, Table

from churn import names
from churn.features.definitions import pace as pace_of
from churn.features.definitions import population
from churn.features.definitions.columns import Definition, Feature, Words, select, under_names_of_their_own
from churn.features.definitions.pace import Pace
from churn.sources.snapshots import days_between, known_before, moment


def views(
    events: Table,
    customers: Table,
    *,
    snapshot: str,
    windows_days: list[int],
    kinds: list[str],
    segments: list[str],
    pace: Pace | None = None,
    label: dict | None = None,
) -> dict[str, Table]:
    """Feature views at one snapshot, a row for each customer who had signed up before it: one a kind, and `profile`.

    Each table has `customer_id`, `snapshot`, then the features of `described` in their order; `profile` also has, last,
    the columns of `population_columns` where a `label` says who counts.
    """
    settings = {"windows_days": windows_days, "kinds": kinds, "segments": segments, "pace": pace}
    definitions = _definitions(**settings) + (_population(label, **settings) if label else [])
    known = known_before(events, snapshot).filter(lambda event: event.kind.isin(kinds))
    tables = [pace_of.aggregates(known, snapshot, pace)] if pace else []
    if windows_days:
        tables.append(_in_windows(known, snapshot, windows_days, kinds))
    if windows_days and not _told_by(pace, kinds):
        tables.append(known.group_by("customer_id").aggregate(active_days=known.at.date().nunique()))
    if label:
        tables.append(population.judged(events, customers, snapshot=snapshot, label=label))
    # No aggregate of a kind has a space in its name, so a kind or a segment may be called what an aggregate is called.
    rows = customers.filter(customers.signup_at < moment(snapshot)).select(
        "customer_id", "signup_at", **{f"segment {s}": customers[s] for s in segments}
    )
    for table in tables:
        rows = rows.left_join(table, "customer_id").drop("customer_id_right")
    rows = rows.mutate(snapshot=moment(snapshot)).cache()  # each view reads it
    return {view: select(rows, definitions, view=view) for view in dict.fromkeys(d.feature.view for d in definitions)}


def described(
    *,
    windows_days: list[int],
    kinds: list[str],
    segments: list[str],
    pace: Pace | None = None,
    label: dict | None = None,
) -> list[Feature]:
    """The features of `views`, column by column, in the same order."""
    return [d.feature for d in _definitions(windows_days=windows_days, kinds=kinds, segments=segments, pace=pace)]


def told(*, label: dict, pace: Pace | None, **settings) -> dict:
    """What a manifest says beside the features: `population`, the rule in words, its view and its two columns there;
    `pace`, the kinds and the features for models of repeated buying (`Pace.roles`); `absent`, a feature and why.
    """
    definitions = _definitions(pace=pace, **settings)
    counts, days_silent = (d.feature.name for d in _population(label, pace=pace, **settings))
    columns = {"view": population.VIEW, "counts": counts, "days_silent": days_silent}
    found = {"population": {"rule": population.rule(label), "decided_by": population.decided_by(label), **columns}}
    if pace:
        called = {d.feature.given or d.feature.name: d.feature.name for d in definitions}
        found["pace"] = {"kinds": pace.kinds} | {role: called[name] for role, name in pace.roles.items()}
        found["absent"] = {pace.season: pace.no_season} if pace.no_season else {}
    return found


def view_names(kinds: list[str]) -> dict[str, str]:
    """The view of each kind, after which its features are called: `Gift card` -> `gift_card`."""
    return dict(
        zip(kinds, names.distinct([("", kind) for kind in kinds], form=names.slug, taken=["profile"]), strict=True)
    )


def _definitions(
    *, windows_days: list[int], kinds: list[str], segments: list[str], pace: Pace | None
) -> list[Definition]:
    definitions = []
    if windows_days:
        for kind, n in view_names(kinds).items():
            definitions += _of_kind(kind, n)
            definitions += [definition for window in windows_days for definition in _in_window(kind, n, window)]
        definitions += _profile(windows_days, kinds, tenure=not pace, active_days=not _told_by(pace, kinds))
    if pace:
        of_its_kind = bool(windows_days) and len(pace.kinds) == 1
        definitions += pace_of.definitions(pace, days_since=not of_its_kind)
    definitions = under_names_of_their_own(definitions)
    return definitions + under_names_of_their_own([_segment(name) for name in segments], beside=definitions)


def _population(label: dict, **settings) -> list[Definition]:
    return under_names_of_their_own(population.definitions(label), beside=_definitions(**settings))


def _told_by(pace: Pace | None, kinds: list[str]) -> bool:
    """Whether the days with any event are the pace's: the same feature does not stand there twice."""
    return pace is not None and pace.kinds == kinds


def _of_kind(kind: str, n: str) -> list[Definition]:
    since = Words(f"no {kind} for ", " days", none=f"never a {kind}")
    often = Words("", f" {kind} events in all", none=f"no {kind} so far")
    return [
        Definition(
            Feature(f"days_since_{n}", n, "number", "days", f"since the last {kind} before the snapshot; null: never",
                    topic=pace_of.recency(n), words=since),
            lambda row: days_between(row.snapshot, row[f"{n}_last"]),
        ),
        Definition(
            Feature(f"{n}_count", n, "integer", "events", f"{kind} events in the customer's life before the snapshot",
                    topic=pace_of.frequency(n), words=often),
            lambda row: _count(row[f"{n}_count"]),
        ),
    ]  # fmt: skip


def _in_window(kind: str, n: str, w: int) -> list[Definition]:
    count, value, topic = f"{n}_count_{w}d", f"{n}_value_{w}d", _within(n, w)
    within = Words("", f" {kind} events in the last {w} days", none=f"no {kind} in the last {w} days")
    return [
        Definition(
            Feature(count, n, "integer", "events", f"{kind} events in the {w} days before the snapshot",
                    topic=topic, words=within),
            lambda row: _count(row[count]),
        ),
        Definition(
            Feature(value, n, "number", "value", f"sum of value of {kind} in those {w} days",
                    topic=topic, words=Words("worth ")),
            lambda row: _value(row[value]),
        ),
        Definition(
            Feature(f"{n}_mean_{w}d", n, "number", "value", f"mean value of a {kind} in those {w} days; null: none",
                    topic=topic),
            lambda row: _value(row[value]) / _count(row[count]).nullif(0),
        ),
    ]  # fmt: skip


def _profile(windows_days: list[int], kinds: list[str], *, tenure: bool, active_days: bool) -> list[Definition]:
    short, long = windows_days[0], windows_days[-1]

    def events(row: Table, window: int) -> NumericColumn:
        return functools.reduce(operator.add, (_count(row[f"{n}_count_{window}d"]) for n in view_names(kinds).values()))

    momentum = f"momentum_{short}d_{long}d"  # a name says all of a definition: the same never means two things
    ratio = f"events in the last {short} days over those in the last {long}; null: none"
    lately = Words("", f" of the events of {long} days in the last {short}", none=f"nothing in the last {long} days")
    topic, only = "", [*view_names(kinds).values()]
    if len(only) == 1:  # told with the longest window, of which it is a share
        topic, lately = _within(only[0], long), Words("", f" of them in the last {short} days")
    definitions = [
        Definition(
            Feature("tenure_days", "profile", "number", "days", "from sign-up to the snapshot",
                    words=Words("a customer for ", " days")),
            lambda row: days_between(row.snapshot, row.signup_at),
        ),
        Definition(
            Feature("active_days", "profile", "integer", "days", "days with any event before the snapshot",
                    words=Words("", " days with any event", none="no day with any event")),
            lambda row: _count(row.active_days),
        ),
        Definition(
            Feature(momentum, "profile", "number", "ratio", ratio, topic=topic, words=lately),
            lambda row: events(row, short) / events(row, long).nullif(0),
        ),
    ]  # fmt: skip
    wanted = {"tenure_days": tenure, "active_days": active_days}
    return [d for d in definitions if wanted.get(d.feature.name, True)]


def _within(n: str, w: int) -> str:
    """What the features of a window tell of."""
    return f"{n} in {w} days"


def _segment(name: str) -> Definition:
    words = Words(f"{name}: ", none=f"{name} not known")
    feature = Feature(name, "profile", "category", "", "segment, from the customers table", words=words)
    return Definition(feature, lambda row: row[f"segment {name}"])


def _in_windows(known: Table, snapshot: str, windows_days: list[int], kinds: list[str]) -> Table:
    """By customer: of each kind the last time, how many, and how many and how much in each window.

    First by customer and kind, so that an event is looked at once a window and not once a window and kind. Windows are
    literals: an interval computed by row takes 2 to 10 times longer.
    """
    since = {w: known.at >= moment(snapshot, days_before=w) for w in windows_days}
    each = known.group_by(["customer_id", "kind"]).aggregate(
        last=known.at.max(),
        count=known.count(),
        **{f"count_{w}d": known.count(where=since[w]) for w in windows_days},
        **{f"value_{w}d": known.value.sum(where=since[w]) for w in windows_days},
    )
    found = [name for name in each.columns if name not in ("customer_id", "kind")]
    return each.group_by("customer_id").aggregate(
        **{
            f"{n}_{name}": each[name].max(where=each.kind == kind)  # the only one
            for kind, n in view_names(kinds).items()
            for name in found
        }
    )


def _count(column: NumericColumn) -> NumericColumn:
    return column.fill_null(0).cast("int64")


def _value(column: NumericColumn) -> NumericColumn:
    return column.cast("float64").fill_null(0.0)
