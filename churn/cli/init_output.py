"""What `churn init` answers: as JSON, and as text."""

from __future__ import annotations

from pathlib import Path

from rich.console import RenderableType

from churn.cli.output import table
from churn.discovery import finding
from churn.discovery.finding import Log
from churn.discovery.tables import CUSTOMERS, EVENTS, Proposal


def told(log: Log, *, out: Path | None, report: str | None) -> dict:
    """The proposal as plain values."""
    dates = log.dates
    return {
        "params": log.params(),
        "out": str(out) if out else None,
        "tables": [_table(one, log) for one in log.tables],
        "label": dates.label | {"sure": log.leaving.sure and dates.sure, "why": log.leaving.why} | dates.why,
        "snapshots": {
            "allowed": dates.allowed,
            "why": dates.why["snapshots"],
            "train": [str(day) for day in dates.dates.train],
            "test": str(dates.dates.test),
            "serve": str(dates.dates.serve),
            "counted": log.counted.to_dict("records"),
        },
        "unsure": log.unsure,
        "left_out": log.left_out,
        "report": report,
    }


def _table(one: Proposal, log: Log) -> dict:
    keys = [k for k, v in _keys(log).items() if v is one]
    proofs = next((log.proofs[k] for k in [*keys, one.found.name] if k in log.proofs), {})
    columns = [
        {"role": c.role, "column": c.column, "sure": c.sure, "why": c.why, "rows": proofs.get(c.role, [])}
        for c in one.choices
    ]
    return {
        "name": one.found.name,
        "files": [one.found.path] if isinstance(one.found.path, str) else one.found.path,
        "rows": one.found.rows,
        "role": one.role,
        "kind": one.kind if one.column("kind") is None else None,
        "where": " and ".join(one.where) or None,
        "columns": columns,
        "unused": [{"column": name, "why": "nothing is made of it"} for name in finding.unused(one)],
        "why": one.why or None,
    }


def _keys(log: Log) -> dict[str, Proposal]:
    """Sections of the params file: the table that each describes."""
    events = [one for one in log.tables if one.role == EVENTS]
    people = [one for one in log.tables if one.role == CUSTOMERS]
    several = "inputs" in log.data
    keys = {f"data.inputs.{i}" if several else "data": one for i, one in enumerate(events)}
    return keys | ({"data.customers": people[0]} if people else {})


def shown(told: dict) -> list[RenderableType]:
    """The same for a terminal."""
    parts: list[RenderableType] = []
    for one in told["tables"]:
        parts += [*_told_table(one), ""]
    label, dates = told["label"], told["snapshots"]
    parts += [*_told_label(label), f"  {dates['why']}; {_today(dates)}", ""]
    parts += ["worth a look:", *(f"  - {said}" for said in told["unsure"]), ""] if told["unsure"] else []
    parts += ["left out:", *(f"  - {said}" for said in told["left_out"]), ""] if told["left_out"] else []
    return [*parts, *_next(told)]


def _told_table(one: dict) -> list[RenderableType]:
    of = f", each a {one['kind']}" if one["kind"] else ""
    head = f"{one['name']}: {one['rows']:,} rows, {one['role']}{of}"
    if not one["columns"]:
        return [f"{head} ({one['why']})"]
    rows = [
        [c["role"], c["column"], "" if c["sure"] else "?", "; ".join(c["rows"]) or c["why"]] for c in one["columns"]
    ]
    where = [f"  only rows where {one['where']}"] if one["where"] else []
    unused = [f"  not used: {', '.join(c['column'] for c in one['unused'])}"] if one["unused"] else []
    return [head, table(["", "column", "", "three rows"], rows), *where, *unused]


def _told_label(label: dict) -> list[RenderableType]:
    if label["rule"] == "event":
        return [f"label: who has a '{label['kind']}' within {label['horizon_days']} days has left", f"  {label['why']}"]
    return [
        f"label: who was active in the {label['active_within_days']} days before, and is silent for "
        f"{label['horizon_days']} days, has left",
        f"  {label['horizon']}; {label['active']}",
    ]


def _today(dates: dict) -> str:
    last = dates["counted"][-1]
    return f"test {dates['test']} ({last['leave']:,} leave, {last['stay']:,} stay), serve {dates['serve']}"


def _next(told: dict) -> list[RenderableType]:
    if not told["out"]:
        return []
    return [
        f"written {told['out']}",
        *([f"report  {told['report']}"] if told["report"] else []),
        "",
        "next",
        f"  churn check --params {told['out']}",
        f"  make run PARAMS={told['out']}",
    ]
