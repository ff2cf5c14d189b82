"""From tables to a proposal: what they are, how they are read, what leaving means, which dates to learn from."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import ibis
import pandas as pd

from churn.discovery import dates, leaving, mending, openings, proof, together
from churn.discovery.dates import Dates, Span
from churn.discovery.files import Found
from churn.discovery.leaving import Leaving
from churn.discovery.tables import CUSTOMERS, EVENTS, LEFT_OUT, Proposal
from churn.errors import InvalidData
from churn.log import silence
from churn.sources.contract import Source, known_at
from churn.training import labels

LEAST = 30  # leavers and stayers that training and the test need each
PLENTY, MORE = 300, (6, 12)  # leavers and stayers that training had better have, and snapshots that may bring them
SEED = 1


@dataclass
class Log:
    """A proposal for a whole params file, and what it rests on.

    counted: of train and test, customers who count and who leave; unsure: what somebody should look at.
    """

    experiment: str
    data: dict
    tables: list[Proposal]
    proofs: dict[str, dict[str, list[str]]]
    source: Source
    staged: Path
    span: Span
    leaving: Leaving
    dates: Dates
    counted: pd.DataFrame
    silences: pd.DataFrame
    unsure: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def params(self) -> dict:
        """The params file, as a tree."""
        snapshots = self.dates.rule.model_dump()
        tree = {"experiment": self.experiment, "seed": SEED, "data": self.data, "label": self.dates.label}
        return tree | {"snapshots": snapshots, "features": {"windows_days": self.dates.windows}}


def proposals(found: list[Found]) -> list[Proposal]:
    """What the tables are. Raises InvalidData where none of them is a log."""
    read = together.propose(found)
    if read[0].role != EVENTS:
        said = "; ".join(f"{one.found.name}: {one.why}" for one in read)
        raise InvalidData(
            f"no table is an event log, which has rows with a customer, a time, and the same customer again ({said}); "
            f"found {', '.join(read[0].found.sample.columns)[:300]}"
        )
    return read


def log_of(con: ibis.BaseBackend, name: str, read: list[Proposal], staged: Path, *, tell: Callable[[str], None]) -> Log:
    """Read the log that the tables make, and propose what follows from it. Raises InvalidData."""
    data = data_of(read)
    tell("finding out how times and numbers are written")
    data, opened = openings.with_formats(con, data) if data["source"] == "events" else (data, [])
    proofs = proof.of(con, data) if data["source"] == "events" else proof.of_rows(con, data, read)
    tell("reading every row")
    source, mended = mending.read(con, data, staged)
    mended += _spelling(data, source)
    data = {name: value for name, value in data.items() if value is not None}
    tell("looking at who comes back after how long")
    leaves = leaving.of_events(source.events)
    span = _span(source)
    silent = silence.silences(source.events, kinds=leaves.kinds)
    chosen, counted = _dates(source, silent, leaves, span)
    unsure = [*_doubts(read), *opened, *mended, *_of_label(leaves, chosen, counted)]
    left_out = _left_out(read)
    return Log(name, data, read, proofs, source, staged, span, leaves, chosen, counted, silent, unsure, left_out)


def with_horizon(log: Log, days: int) -> Log:
    """The same with another horizon. Raises InvalidData."""
    chosen = dates.at(log.silences, log.leaving, log.span, days)
    return replace(log, dates=chosen, counted=_counted(log.source, chosen))


def name_of(text: str) -> str:
    """The name of an experiment, after a file's."""
    name = re.sub(r"[^a-z0-9]+", "_", Path(text.split(" and ")[0]).name.split(".")[0].lower()).strip("_")
    name = name if re.match("[a-z]", name) and name not in ("runs", "artifacts") else f"log_{name}".strip("_")
    return name[:40]


def data_of(read: list[Proposal]) -> dict:
    """The data section that reads the tables."""
    events = [one for one in read if one.role == EVENTS]
    people = next((one for one in read if one.role == CUSTOMERS), None)
    sections = [copy.deepcopy(one.section()) for one in events]
    if events[0].found.database is not None:
        if len(events) > 1:
            raise InvalidData(
                f"{', '.join(one.found.name for one in events)} are logs, and one table of a database is read: name it "
                "with --table, or write a query that joins them"
            )
        data = {"source": "database", **sections[0]}
    elif len(sections) == 1:
        data = {"source": "events", **sections[0]}
    else:
        data = {"source": "events", "inputs": [_with_kind(one) for one in sections]}
    if people:
        customers = people.section()
        customers.pop("url", None)
        data["customers"] = customers
    return data


def _with_kind(section: dict) -> dict:
    return section if section.get("kind") or "kind" in section["columns"] else section | {"kind": "event"}


def _spelling(data: dict, source: Source) -> list[str]:
    """Ids that differ in case only are ids of different customers, which has to be said."""
    ids = source.customers.customer_id
    different, folded = source.customers.aggregate(n=ids.nunique(), f=ids.lower().nunique()).execute().loc[0]
    if different == folded:
        return []
    data["ids"] = "case_sensitive"
    return [f"{different - folded:,} ids differ from others in case only, and are taken for those of other customers"]


def _span(source: Source) -> Span:
    known = known_at(source.events)
    first, last = source.events.aggregate(first=known.min(), last=known.max()).execute().loc[0]
    return Span(first.date(), last.date())


def _dates(source: Source, silent: pd.DataFrame, leaves: Leaving, span: Span) -> tuple[Dates, pd.DataFrame]:
    """The best horizon with enough who leave and who stay, and how many these are. Raises InvalidData."""
    tried = []
    for chosen in dates.propose(silent, leaves, span):
        counted = _counted(source, chosen)
        if min(counted.leave.min(), counted.stay.min()) >= LEAST:
            return _with_enough_to_learn(source, chosen, counted, span)
        tried.append((chosen, counted))
    chosen, counted = max(tried, key=lambda one: min(one[1].leave.min(), one[1].stay.min()))
    if min(counted.leave.min(), counted.stay.min()) >= 5:
        few = f"{chosen.why['horizon']}; whatever the horizon, fewer than {LEAST} leave or stay at some date"
        return replace(chosen, sure=False, why=chosen.why | {"horizon": few}), counted
    worst = counted.loc[counted[["leave", "stay"]].min(axis=1).idxmin()]
    raise InvalidData(
        f"no horizon from {dates.HORIZONS[0]} days on has customers who leave and who stay: with "
        f"{chosen.label['horizon_days']} days {worst.leave:,} leave and {worst.stay:,} stay as of {worst.snapshot}, "
        f"and {LEAST} of each are needed; give a log of more customers, or a longer one"
    )


def _with_enough_to_learn(source: Source, chosen: Dates, counted: pd.DataFrame, span: Span):
    """With more training snapshots where those of the rule have few who leave, or who stay."""
    for train in MORE:
        if min(counted.iloc[:-1][["leave", "stay"]].sum()) >= PLENTY:
            break
        if more := dates.with_more_training(chosen, span, train):
            chosen, counted = more, _counted(source, more)
    return chosen, counted


def _counted(source: Source, chosen: Dates) -> pd.DataFrame:
    """Customers who leave and who stay at the training snapshots together, and at the test: snapshot, leave, stay."""
    days = [str(day) for day in (*chosen.dates.train, chosen.dates.test)]
    rows = labels.build(source.events, source.customers, None, snapshots=days, label=chosen.label)
    both = rows.group_by("snapshot").agg(leave=rows.churned.sum(), stay=(~rows.churned).sum()).execute()
    found = (
        both.assign(snapshot=both.snapshot.dt.strftime("%Y-%m-%d")).set_index("snapshot").reindex(days, fill_value=0)
    )
    return found.reset_index().astype({"leave": int, "stay": int})


def _doubts(read: list[Proposal]) -> list[str]:
    told = []
    for one in read:
        told += [f"{one.found.name}: {text}" for text in one.doubts]
        told += [
            f"{one.found.name}: {choice.role} is taken from '{choice.column}' ({choice.why}); is that right?"
            for choice in one.choices
            if not choice.sure
        ]
    return told


def _of_label(leaves: Leaving, chosen: Dates, counted: pd.DataFrame) -> list[str]:
    told = [] if leaves.sure else [f"label: {leaves.why}; is that what leaving means here?"]
    if not chosen.sure:
        told.append(f"label.horizon_days is {chosen.label['horizon_days']}: {chosen.why['horizon']}")
    test = counted.iloc[-1]
    if min(test.leave, test.stay) < 100:
        told.append(
            f"at the test snapshot {test.snapshot} {test.leave:,} customers leave and {test.stay:,} stay: figures of "
            "so few will be uncertain"
        )
    return told


def _left_out(read: list[Proposal]) -> list[str]:
    """Tables that are not read, and columns that nothing is made of."""
    return [f"{one.found.name}: {one.why}" for one in read if one.role == LEFT_OUT]


def unused(one: Proposal) -> list[str]:
    """The columns of a table that nothing is made of."""
    said = " ".join([choice.column for choice in one.choices] + one.where)
    return [name for name in one.found.sample.columns if name not in said] if one.role != LEFT_OUT else []
