"""What `churn init` asks on a terminal: whatever it is not certain of, with the proposal behind Enter."""

from __future__ import annotations

from dataclasses import replace

from rich.prompt import IntPrompt, Prompt

from churn.discovery import finding, tables
from churn.discovery.finding import Log
from churn.discovery.roles import Choice
from churn.discovery.tables import LEFT_OUT, Proposal

NONE = "-"


def settled(read: list[Proposal]) -> list[Proposal]:
    """The proposals with every choice certain: taken, or named by whoever was asked."""
    return [one if one.role == LEFT_OUT else _settled(one) for one in read]


def _settled(one: Proposal) -> Proposal:
    choices = [choice if choice.sure else _asked(one, choice) for choice in one.choices]
    return replace(one, choices=[choice for choice in choices if choice])


def _asked(one: Proposal, choice: Choice) -> Choice | None:
    names = list(one.found.sample.columns)
    needed = choice.role in tables.NEEDED
    shown = f"{one.found.name}: which column is the {choice.role}? {choice.why}; there are {', '.join(names)}"
    shown += "" if needed else f", or {NONE} for none"
    while True:
        answer = Prompt.ask(shown, default=choice.column)
        if answer == NONE and not needed:
            return None
        if answer in (choice.column, *names):
            return Choice(choice.role, answer, True, choice.why if answer == choice.column else "as you said")


def horizon(log: Log) -> Log:
    """The log with the horizon that is asked for."""
    found = log.dates.label["horizon_days"]
    days = IntPrompt.ask(f"horizon in days? {log.dates.why['horizon']}", default=found)
    return log if days == found else finding.with_horizon(log, days)
