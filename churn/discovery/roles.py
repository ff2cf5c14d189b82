"""Which column of a table plays which role in a log: by its name, and by what its values do."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from churn.discovery import names
from churn.discovery import vocabulary as v
from churn.discovery.facts import COUNTED, Facts

CLEAR = 0.1  # by so much the best has to be ahead of the second
UNNAMED, FEW = 0.21, 40  # what speaks for an id that is not named as one, with more than a few different values
KINDS = (2, 40)  # different values that a kind may have
LINES = 1.05  # lines an event, from which on it has several
WHOLE = 0.97  # share of events whose lines agree


RESERVED = re.compile(  # words of SQL
    "order|group|case|when|date|time|timestamp|desc|asc|from|to|select|user|table|end|then|else|and|or|not|in|is|null|like|"
    "between|union|all|as|by|limit|where|values|interval|year|month|day|left|right|number",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Choice:
    """A role, the column or expression that plays it, whether that is certain, and why."""

    role: str
    column: str
    sure: bool
    why: str


def of_customer(facts: list[Facts], repeats: dict[str, float]) -> Choice | None:
    """The customer's id; `repeats`: rows a different value, by column, over the whole table."""
    scored = {f.name: _customer(f, repeats.get(f.name, 1.0)) for f in facts}
    best, ahead = _best(scored)
    if best is None or scored[best] < 0.2:
        return None
    again = repeats.get(best, 1.0)
    told = f"{again:.1f} rows each" if again < 10 else f"{again:,.0f} rows each"
    sure = scored[best] >= 0.6 and ahead >= CLEAR and again > 1.02
    return Choice("customer_id", best, sure, f"{_named(scored[best], 'a customer')}; {told}")


def of_time(facts: list[Facts], customer: str, rows: pd.DataFrame) -> Choice | None:
    """When an event happened: of several times the one that is named so, and differs within a customer."""
    scored = {f.name: _time(f, customer, rows) for f in facts if f.is_time and f.name != customer}
    best, ahead = _best(scored)
    if best is None or scored[best] <= 0.15:
        return None
    alike = [f for f in facts if scored[best] - scored.get(f.name, 0.0) < CLEAR / 10]
    best = _earliest([f.name for f in alike if f.times in ("iso", "typed")] or [best], rows)
    others = [name for name in scored if name != best]
    why = f"the time that is named so, among {', '.join(others)}" if others else "the only time"
    return Choice("at", best, (scored[best] >= 0.6 and ahead >= CLEAR / 2) or not others, why)


def of_kind(facts: list[Facts], taken: set[str]) -> Choice | None:
    """The kind of event: few different words."""
    fit = [f for f in facts if f.name not in taken and not f.is_time and KINDS[0] <= f.distinct <= KINDS[1]]
    scored = {f.name: names.kind(f.name) * (1.0 if f.is_word else 0.5) for f in fit if f.filled > 0.9}
    best, ahead = _best(scored)
    if best is None or scored[best] < 0.4:
        return None
    found = next(f for f in fit if f.name == best)
    shown = ", ".join(found.texts.value_counts().index[:5])
    return Choice("kind", best, scored[best] >= 0.85 and ahead >= CLEAR, f"{found.distinct} different words: {shown}")


def of_value(facts: list[Facts], taken: set[str]) -> Choice | None:
    """What an event was worth; without a total the price of one times how many."""
    fit = [f for f in facts if f.name not in taken and f.is_number and f.filled > 0.5]
    scored = {f.name: names.amount(f.name) for f in fit}
    many = next((f.name for f in fit if names.quantity(f.name) and f.is_whole), None)
    if many:  # with how many beside it, a price is that of one
        scored = {name: 0.5 if score and names.price(name) else score for name, score in scored.items()}
    scored.pop(many, None)
    best, ahead = _best(scored)
    if best and scored[best] <= 0.5 and many:
        why = "how many, times the price of one"
        return Choice("value", f"{quoted(many)} * {quoted(best)}", names.price_of_one(best), why)
    if best and scored[best] > 0:
        why = "an amount" if ahead >= CLEAR else f"an amount, as {_second(scored, best)} is"
        sure = scored[best] >= 0.7 and (ahead >= CLEAR / 3 or len(scored) == 1) and not _may_be_a_count(best, fit)
        return Choice("value", best, sure, why)
    return Choice("value", many, False, "how many; there is no amount") if many else None


def of_event_id(facts: list[Facts], taken: set[str], rows: pd.DataFrame, customer: str, at: str) -> Choice | None:
    """What is the same on all lines of one event, where events have several."""
    fit = [f for f in facts if f.name not in taken and not f.is_time and f.filled > 0.9]
    fit = [f for f in fit if not f.is_number or f.is_whole]
    scored = {f.name: names.event_id(f.name) for f in fit if names.event_id(f.name)}
    for name in sorted(scored, key=scored.get, reverse=True):
        lines = rows.dropna(subset=[name, customer, at]).groupby(name)
        if not len(lines) or lines.size().mean() < LINES:
            continue
        agree = ((lines[customer].nunique() == 1) & (lines[at].nunique() == 1)).mean()
        if agree >= WHOLE:
            why = f"{lines.size().mean():.1f} lines each, of one customer and time"
            return Choice("event_id", name, scored[name] > 0.3 or agree > 0.995, why)
    return None


def of_arrival(facts: list[Facts], taken: set[str]) -> str | None:
    """A time at which rows were loaded."""
    return next((f.name for f in facts if f.is_time and f.name not in taken and names.arrived(f.name)), None)


def of_sign_up(facts: list[Facts], taken: set[str]) -> Choice | None:
    """When a customer signed up, in a table with a row a customer."""
    scored = {f.name: names.signed_up(f.name) for f in facts if f.is_time and f.name not in taken and f.filled > 0.98}
    best, ahead = _best(scored)
    if best is None or scored[best] <= 0.15:
        return None
    only = "the only time" if len(scored) == 1 else "the time that is named so"
    return Choice("signup_at", best, (scored[best] >= 0.8 and ahead >= CLEAR) or len(scored) == 1, only)


def of_segments(facts: list[Facts], taken: set[str], *, most: int = 4) -> list[Choice]:
    """Words by which results can be told apart; not a status, which may be that of after a snapshot."""
    fit = [
        f for f in facts
        if f.name not in taken and f.is_word and 2 <= f.distinct <= 20 and f.filled > 0.5 and f.distinct < f.rows / 20
        and not v.has_word(f.name, v.STATUS) and not f.texts.str.contains(v.CANCELLED).mean() > 0.01
    ]  # fmt: skip
    fit.sort(key=lambda f: not v.has(f.name, v.SEGMENT))
    return [Choice("segment", f.name, True, f"{f.distinct} different words") for f in fit[:most]]


def quoted(name: str) -> str:
    """A column as it stands in an expression."""
    plain = name.isidentifier() and name.isascii() and not RESERVED.fullmatch(name)
    return name if plain else '"' + name.replace('"', '""') + '"'


def _customer(f: Facts, repeats: float) -> float:
    if (f.is_time and f.times not in COUNTED) or f.distinct <= 1 or f.filled < 0.3 or _is_prose(f):
        return 0.0
    if (f.is_number and not (f.is_whole or _is_whole_by_float(f))) or f.is_clock:
        return 0.0
    looks_like_one = repeats > 1.02 and f.distinct > FEW and f.times == "" and not names.of_something_else(f.name)
    return max(names.customer(f.name) * (1.0 if repeats > 1.02 else 0.4), UNNAMED if looks_like_one else 0.0)


def _is_prose(f: Facts) -> bool:
    """Whether texts are too long for an id; a hash, which has no spaces in it, is longer than a name."""
    some = f.texts.head(200)
    return bool(len(some)) and some.str.len().mean() > (60 if some.str.contains(" ").mean() > 0.1 else 140)


def _is_whole_by_float(f: Facts) -> bool:
    """Whether whole numbers went through a float: `17850.0`."""
    return bool(f.texts.head(2_000).str.fullmatch(r"\d+(?:\.0)?").all())


def _may_be_a_count(best: str, fit: list[Facts]) -> bool:
    """Whether an amount has a few whole values only, while another one has cents: then it may be how many."""
    found = next(f for f in fit if f.name == best)
    others = [f for f in fit if f.name != best and names.amount(f.name) and not f.is_whole]
    return found.is_whole and found.distinct <= 50 and bool(others)


def _time(f: Facts, customer: str, rows: pd.DataFrame) -> float:
    named = names.when(f.name)
    if f.filled < 0.9 or (f.times in ("compact", *COUNTED) and named == 0.5):
        return 0.0
    several = rows.dropna(subset=[f.name]).groupby(customer)[f.name]
    several = several.nunique()[several.size() > 1]
    constant = len(several) > 20 and (several == 1).mean() > 0.95
    return named * (0.4 if constant else 1.0) - (0.02 if f.filled < 0.999 else 0)


def _earliest(times: list[str], rows: pd.DataFrame) -> str:
    """Of times named alike the one that comes first in nearly all rows: an order is placed before it is paid."""
    if len(times) == 1:
        return times[0]
    some = rows[times].head(2_000)
    parsed = some.apply(pd.to_datetime, errors="coerce", format="mixed", utc=True)
    for name in times:
        if all((parsed[name] <= parsed[other])[parsed[other].notna()].mean() > WHOLE for other in times):
            return name
    return times[0]


def _best(scored: dict[str, float]) -> tuple[str | None, float]:
    """The best, the first of equals, and by how much it is ahead of the second."""
    if not scored:
        return None, 0.0
    order = sorted(scored, key=scored.get, reverse=True)
    second = scored[order[1]] if len(order) > 1 else 0.0
    return order[0], scored[order[0]] - second


def _second(scored: dict[str, float], best: str) -> str:
    return max((name for name in scored if name != best), key=scored.get, default="")


def _named(score: float, what: str) -> str:
    return f"named as {what}'s id" if score >= 0.6 else f"may be {what}'s id"
