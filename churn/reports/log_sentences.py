"""What a log shows, in sentences: every number in them is computed. The frames are those of churn.log, of the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from churn.log import customers as by_number
from churn.log import silence
from churn.log.over_time import TELLING
from churn.names import in_markdown

YEAR = {"week": 52, "month": 12, "quarter": 4, "year": 1}  # periods in it
OFTEN = "10 and more"  # days with events so far: a group of silence.VISITS
RARE = 0.1  # share that comes back, below which silence tells who has left
TELLING_SHARE = 0.02  # by which newer and older cohorts have to differ, beyond chance
SHOWN = 3
NOTHING = "There is nothing to tell yet."


def listed(*sentences: str) -> str:
    """Sentences as text for people; several as a list."""
    said = [in_markdown(sentence) for sentence in sentences]
    return said[0] if len(said) == 1 else "\n".join(f"- {sentence}" for sentence in said)


def notes(said: Sequence[str]) -> str:
    """What else was told of the input, as text for people."""
    return "\n".join(f"- {in_markdown(note)}" for note in said) or "Nothing was passed over, and nothing looks odd."


def span(counts: Mapping[str, int], first: date, last: date) -> str:
    """What the log is, in one sentence."""
    days = (last - first).days + 1
    long = count(days, "day") if days < 60 else f"{days / 30.4375:.0f} months"
    return f"{count(counts['events'], 'event')} of {count(counts['customers'], 'customer')} from {first} to {last}, {long}."


def volume(table: pd.DataFrame, people: pd.DataFrame, every: str) -> str:
    """Events and customers of a usual period, and whether they become more."""
    whole, each = table[table.whole].groupby("period").events.sum(), people[people.whole]
    if whole.empty:
        return f"The log has no whole {every}."
    year = YEAR[every]
    mean = f"A whole {every} has {whole.mean():,.0f} events by {each.customers.mean():,.0f} customers on average"
    first = each.iloc[1:]  # in the first one everybody is new
    new = f", of whom {first.new.sum() / first.customers.sum():.0%} have their first one" if len(first) else ""
    if len(whole) < 2 * year or not (earlier := whole.iloc[-2 * year : -year].sum()):
        return f"{mean}{new}."
    return f"{mean}{new}; the last {year} have {_change(whole.iloc[-year:].sum() / earlier - 1)} the {year} before."


def kinds(table: pd.DataFrame) -> str:
    """Which kinds there are, and which of them do not last from the first period to the last."""
    total = table.groupby("kind").events.sum().sort_values(ascending=False, kind="stable")
    shown = ", ".join(f"{kind} ({count / total.sum():.1%})" for kind, count in total.head(SHOWN).items())
    more = f" and {len(total) - SHOWN} more" if len(total) > SHOWN else ""
    said = f"{len(total)} kinds of event: {shown}{more}." if len(total) > 1 else f"One kind of event: {total.index[0]}."
    first, last = table.period.min(), table[table.whole].period.max() if table.whole.any() else table.period.max()
    lasted = table.groupby("kind").period.agg(["min", "max"])
    odd = [f"{kind} begins in {_month(row['min'])}" for kind, row in lasted.iterrows() if row["min"] > first]
    odd += [f"{kind} ends in {_month(row['max'])}" for kind, row in lasted.iterrows() if row["max"] < last]
    return f"{said} Not all of them last: {_few(odd)}." if odd else said


def hollow(odd: pd.DataFrame, days: pd.DataFrame) -> str:
    """The days of which events seem to be missing."""
    if not odd.empty:
        shown = _few([f"{row.day:%Y-%m-%d} ({row.events:,}, usual {row.usual:,.0f})" for row in odd.itertuples()])
        they = "days have" if len(odd) > 1 else "day has"
        return f"{len(odd):,} {they} under a third of the events that are usual for the weekday: {shown}. To the features they look like days on which everybody stayed away."
    lasted = (days.day.max() - days.day.min()).days + 1
    if (mean := days.events.sum() / lasted) < TELLING:
        return f"With {mean:.1f} events a day on average, no single day tells that its events are missing."
    return "No day has under a third of the events that are usual for its weekday."


def gaps(found: pd.DataFrame, label: Mapping, windows_days: Sequence[int]) -> str:
    """How long customers usually stay away, and how many of the gaps are within each window of the features."""
    ended = found[found.returned]
    if ended.empty:
        return "Nobody has come on a second day."
    half, most = silence.usual(found, 0.5), silence.usual(found, 0.9)
    said = f"Half of the gaps between two days with events of a customer last at most {_days(half)}, nine of ten at most {_days(most)}"
    within = lambda days: ended[ended.days <= days].silences.sum() / ended.silences.sum()  # noqa: E731
    seen = ", ".join(f"{within(days):.0%} within {_days(days)}" for days in windows_days)
    return f"{said}. By the windows of the features: {seen}; {_share(1 - within(label['horizon_days']))} last longer than the horizon of {_days(label['horizon_days'])}."


def returning(found: pd.DataFrame, label: Mapping) -> str:
    """Who comes back after the horizon's days of silence, and what that says of the label."""
    days = label.get("horizon_days", 0)
    all_, often = (silence.returning(of, days) for of in (found, found[found.visits == OFTEN]))
    if not days or np.isnan(all_):
        return (
            f"Nobody has been silent for {_days(days)}: the log is too short to tell who comes back."
            if days
            else NOTHING
        )
    few = f"; of those with {OFTEN} days with events {_share(often)}" if not np.isnan(often) else ""
    said = f"Of the customers who are silent for {_days(days)}, {_share(all_)} come back within the next year{few}."
    if label["rule"] == "event":
        return f"{said} The label does not look at silence: who leaves is told by {label['kind']}."
    if all_ < RARE:
        return f"{said} Whoever is silent for as long as the horizon has left, but for few."
    return f"{said} About as many of those whom the label calls gone are not; a longer horizon calls fewer of them so, and is known later."


def retention(table: pd.DataFrame, together: pd.DataFrame, unit: str) -> str:
    """How many of those who sign up come later, and whether newer ones do so more often. `together` as cohorts.kept."""
    share = together.set_index("age").share
    if table.empty:
        return f"Nobody signed up in a {unit} that the log has all of, so that nothing is known of who stays."
    if 1 not in share.index:
        return f"No {unit} after that of sign-up is whole, so that nothing is known of who stays."
    year = YEAR[unit]
    said = f"Of those who sign up, {share[1]:.0%} have an event in the next {unit}"
    said += f" and {share[year]:.0%} in that a year after" if year in share.index and year > 1 else ""
    return f"{said}{_newer(table[table.age == 1], unit)}."


def _newer(next_: pd.DataFrame, unit: str) -> str:
    """The newer half of the cohorts against the older, in the period after sign-up."""
    if len(next_) < 4:
        return ""
    older, newer = (
        half[["customers", "active"]].sum() for half in (next_.iloc[: len(next_) // 2], next_.iloc[len(next_) // 2 :])
    )
    was, now = older.active / older.customers, newer.active / newer.customers
    chance = 2 * np.sqrt(was * (1 - was) / older.customers + now * (1 - now) / newer.customers)
    if abs(now - was) <= max(chance, TELLING_SHARE):
        return f"; newer and older {unit}s of sign-up hardly differ"
    return f"; of the newer half of the {unit}s of sign-up {now:.0%}, of the older {was:.0%}"


def customers(counted: pd.DataFrame) -> str:
    """How unequal customers are. `counted` as customers.by_events."""
    total = counted.customers.sum()
    once = counted[counted.events == 1].customers.sum() / total
    none = counted[counted.events == 0].customers.sum()
    top = by_number.share_of_top(counted)
    said = (
        f"{_share(once)} of the customers have a single event; the tenth with most events has {top:.0%} of all of them."
    )
    return f"{said} {count(int(none), 'customer has', 'customers have')} none." if none else said


def values(table: pd.DataFrame) -> str:
    """What an event is usually worth, of the kinds with most events."""
    said = [_value(row) for _, row in table.head(SHOWN).iterrows()]
    return " ".join(said) if said else NOTHING


def _value(row: pd.Series) -> str:
    if by_number.constant(row):
        return f"The value of {row.kind} is {_number(row['median'])} nearly always, and tells nothing."
    odd = [f"{_part(row[name])} {word}" for name, word in (("zero", "zero"), ("below_zero", "below zero")) if row[name]]
    rest = f"; {' and '.join(odd)}" if odd else ""
    return f"Half of the events {row.kind} are worth {_number(row['median'])} or less, nine of ten between {_number(row['low'])} and {_number(row['high'])}{rest}."


def _part(share: float) -> str:
    """The beginning of what is said of a share."""
    if share > 0.9995:
        return "all are"
    return "under 0.1% are" if share < 0.001 else f"{_share(share)} are"


def left_out(rejected: pd.DataFrame, inputs: pd.DataFrame, counts: Mapping[str, int]) -> str:
    """What did not become an event."""
    lost, read = int(rejected["rows"].sum()), counts["read"]
    used = (
        f"Of {count(read, 'row')} {lost:,} could not be used ({lost / read:.2%})" if lost else "Every row could be used"
    )
    passed = int(inputs.passed_over_by_where.sum()) if "passed_over_by_where" in inputs else 0
    more = f"; {count(passed, 'row was', 'rows were')} passed over by `where`" if passed else ""
    if not lost:
        return f"{used}{more}."
    worst = rejected.iloc[0]
    return f"{used}{more}; most often '{worst.column}' {worst.reason} ({worst['rows']:,})."


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _change(share: float) -> str:
    return (
        "as many events as"
        if abs(share) < 0.005
        else f"{abs(share):.0%} {'more' if share > 0 else 'fewer'} events than"
    )


def _share(share: float) -> str:
    if share == 0:
        return "none"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:,.3g}"


def _days(days: float) -> str:
    return count(int(days), "day")


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
