"""What a table can be to a log, its events or its customers, and the section that reads it so."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from churn.discovery import names, roles
from churn.discovery import vocabulary as v
from churn.discovery.facts import PATTERNS, Facts
from churn.discovery.files import Found
from churn.discovery.roles import Choice, quoted

EVENTS, CUSTOMERS, LEFT_OUT = "events", "customers", "left out"
NEEDED = ("customer_id", "at", "signup_at")  # roles that a table cannot do without
FULL = 0.99  # share of filled cells, below which rows without one need a word
ODD = 0.001  # share of amounts below zero, from which on they are a kind
STATES = 30  # different words of a status, at most


@dataclass(frozen=True)
class Proposal:
    """A table, what it is, and how it is read. `why`: where it is left out. `doubts`: what is not certain."""

    found: Found
    role: str
    choices: list[Choice] = field(default_factory=list)
    kind: str | None = None
    where: list[str] = field(default_factory=list)
    why: str = ""
    doubts: list[str] = field(default_factory=list)

    def column(self, role: str) -> str | None:
        """The column or expression of a role."""
        return next((choice.column for choice in self.choices if choice.role == role), None)

    def section(self) -> dict:
        """As the data section of a params file has it."""
        columns = {c.role: c.column for c in self.choices if c.role != "segment"}
        place = {"path": self.found.path} if self.found.database is None else dict(self.found.database)
        section = place | {"columns": columns}
        if segments := [c.column for c in self.choices if c.role == "segment"]:
            section["segments"] = segments
        if self.kind and "kind" not in columns:
            section["kind"] = self.kind
        if self.where:
            section["where"] = " and ".join(self.where)
        if dates := self._patterns():
            section["format"] = {"dates": dates}
        return section

    def _patterns(self) -> dict[str, str] | str:
        """How times with the names of months are written, which no reading finds out."""
        used = {c.column for c in self.choices}
        found = {f.name: f.times for f in self.found.facts if f.name in used and f.times in PATTERNS}
        return next(iter(found.values())) if len(set(found.values())) == 1 else found


def events_of(found: Found) -> Proposal:
    customer = roles.of_customer(found.facts, found.repeats)
    if customer is None:
        return Proposal(found, LEFT_OUT, why="no column could be a customer's id")
    at = roles.of_time(found.facts, customer.column, found.sample)
    if at is None:
        return Proposal(found, LEFT_OUT, why="no column could be the time of an event")
    if found.repeats.get(customer.column, 1.0) <= 1.02:
        return Proposal(found, LEFT_OUT, why=f"each '{customer.column}' has one row, so it tells of no events")
    return _described(found, customer, at)


def _described(found: Found, customer: Choice, at: Choice) -> Proposal:
    """The events of a table whose customers and times are known."""
    taken = {customer.column, at.column}
    choices = [customer, at]
    kind = roles.of_kind(found.facts, taken)
    taken |= {kind.column} if kind else set()
    value = roles.of_value(found.facts, taken)
    event_id = roles.of_event_id(found.facts, taken, found.sample, customer.column, at.column)
    constant, by_sign = _constant(found, value)
    if kind is None and by_sign:
        kind = Choice("kind", by_sign, True, "what is below zero goes back")
    where, doubts = _conditions(found, customer, None if kind and kind.column in found.sample.columns else constant)
    choices += [_filled(found, one) for one in (kind, value, event_id) if one]
    if late := roles.of_arrival(found.facts, taken):
        doubts.append(f"'{late}' may be when a row reached the log; where rows come late, it is columns.arrived_at")
    return Proposal(found, EVENTS, choices, constant, where, doubts=doubts)


def _filled(found: Found, choice: Choice) -> Choice:
    """The same where cells are empty: nothing paid is 0, a kind without a word is an event."""
    facts = next((f for f in found.facts if f.name == choice.column), None)
    if facts is None or facts.filled >= FULL or choice.role == "event_id":
        return choice
    other = "0" if choice.role == "value" else "'event'"
    why = f"{choice.why}; {1 - facts.filled:.0%} have none"
    return Choice(choice.role, f"coalesce({quoted(choice.column)}, {other})", choice.sure, why)


def _constant(found: Found, value: Choice | None) -> tuple[str, str]:
    """The kind of all events of a table that has no column for it; and the expression that tells returns apart."""
    noun = _noun(found)
    signed = [f for f in found.facts if f.below_zero > ODD and (names.quantity(f.name) or _is(value, f.name))]
    signed.sort(key=lambda f: not names.quantity(f.name))
    if not signed or signed[0].below_zero > 0.5:
        return noun, ""
    return noun, f"case when {quoted(signed[0].name)} < 0 then 'return' else '{noun}' end"


def _is(choice: Choice | None, name: str) -> bool:
    return choice is not None and choice.column == name


def _noun(found: Found) -> str:
    """What the events of a table are called: by the name of its file, else by those of its columns."""
    stem = Path(found.name.split(" and ")[0]).name.split(".")[0]
    for text in (stem, *found.sample.columns):
        said = {*v.words(text)}
        for noun, others in v.NOUNS.items():
            if said & {*others} or any(len(o) > 5 and w.startswith(o) for w in said for o in others):
                return noun
    return "event"


def _conditions(found: Found, customer: Choice, constant: str | None) -> tuple[list[str], list[str]]:
    """Which rows are passed over: those of nobody and, of purchases, that came to nothing; and why."""
    where, told = [], []
    facts = next(f for f in found.facts if f.name == customer.column)
    if facts.filled < FULL:
        where.append(f"{quoted(customer.column)} is not null")
        told.append(f"{1 - facts.filled:.1%} of the rows have no '{customer.column}' (guests?) and are passed over")
    status = next((f for f in found.facts if _is_status(f)), None)
    if constant and status:
        undone = [word for word in status.texts.value_counts().index if v.UNDONE.search(word)]
        if undone and (share := status.texts.isin(undone).mean()) < 0.5:
            listed = ", ".join("'" + word.replace("'", "''") + "'" for word in undone)
            where.append(f"coalesce({quoted(status.name)}, '') not in ({listed})")
            told.append(
                f"'{status.name}' is {' or '.join(undone)} in {share:.1%} of the rows: these are passed over, as "
                "events that came to nothing"
            )
    return where, told


def _is_status(facts: Facts) -> bool:
    return facts.is_word and facts.distinct <= STATES and v.words(facts.name)[-1:] != () and v.has_word(
        facts.name, v.STATUS
    )  # fmt: skip


def customers_of(found: Found, customer: Choice) -> Proposal:
    """A table with a row a customer, where it says when each signed up."""
    signup = roles.of_sign_up(found.facts, {customer.column})
    if signup is None:
        why = "a row a customer, but no time of sign-up; without one sign-up is the first event"
        return Proposal(found, LEFT_OUT, why=why)
    segments = roles.of_segments(found.facts, {customer.column, signup.column})
    return Proposal(found, CUSTOMERS, [customer, signup, *segments])
