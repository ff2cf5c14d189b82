"""A proposal as a params file that a person can read: every line with its reason, and three rows as proof."""

from __future__ import annotations

from pathlib import Path

import yaml

from churn import state
from churn.discovery.finding import Log
from churn.discovery.tables import CUSTOMERS, EVENTS, Proposal
from churn.params import schema
from churn.params.schema import Params

WIDE = 120
HEAD = """\
# Proposed by `churn init`, from what the files say. Every line can be changed, and what a change would mean is told by
# churn check --params {name}
# All keys: docs/reference/parameters.md
"""

ECONOMICS = """\
# What a contact costs, what a customer who stays is worth, how often contacting helps: with these the list
# says whom to contact, and what that should earn.
# evaluate: {economics: {contact_cost: 2.0, saved_value: 60.0, success_rate: 0.2}}"""


def text(log: Log, out: Path) -> str:
    """The params file."""
    parts = [HEAD.format(name=out.name), *_unsure(log), f"experiment: {log.experiment}", "seed: 1", "", *_data(log)]
    label, why = log.dates.label, log.dates.why
    parts += ["", *_comment(f"{log.leaving.why}; {why['horizon']}"), *_comment(why.get("active", ""))]
    parts += [f"label: {_flow(label)}", "", *_comment(why["snapshots"]), *_comment(_dates_told(log))]
    parts += [f"snapshots: {_flow(log.params()['snapshots'])}"]
    parts += [f"features: {_flow({'windows_days': log.dates.windows})}", "", ECONOMICS]
    return "\n".join(parts) + "\n"


def write(log: Log, out: Path) -> Params:
    """Write it, whole or not at all, and read it as a run will. Raises InvalidParams, and leaves no file."""
    with state.replacing(out) as temporary:
        temporary.write_text(text(log, out), encoding="utf-8")
        return schema.load(temporary)


def _unsure(log: Log) -> list[str]:
    if not log.unsure:
        return []
    return ["# Worth a look:", *(line for said in log.unsure for line in _comment(f"- {said}")), ""]


def _data(log: Log) -> list[str]:
    data = dict(log.data)
    lines = ["data:", f"  source: {data.pop('source')}"]
    proposals = {role: [one for one in log.tables if one.role == role] for role in (EVENTS, CUSTOMERS)}
    inputs, customers = data.pop("inputs", None), data.pop("customers", None)
    if inputs is None:
        columns, own = data.pop("columns"), {k: data.pop(k) for k in ("kind", "where", "format") if k in data}
        lines += _plain({k: data.pop(k) for k in ("path", "url", "table", "query") if k in data}, "  ")
        lines += [*_columns(columns, proposals[EVENTS][0], log, "data", "  "), *_plain(own, "  ")]
    else:
        lines.append("  inputs:")
        for number, (section, one) in enumerate(zip(inputs, proposals[EVENTS], strict=True)):
            lines += _section(section, one, log, f"data.inputs.{number}", "    ", first="  - ")
    if customers:
        lines.append("  customers:")
        lines += _section(customers, proposals[CUSTOMERS][0], log, "data.customers", "    ", first="    ")
    return [*lines, *_plain(data, "  ")]


def _section(section: dict, one: Proposal, log: Log, key: str, indent: str, *, first: str) -> list[str]:
    section = dict(section)
    columns = section.pop("columns")
    head = {name: section.pop(name) for name in ("path", "table", "query") if name in section}
    lines = [*_plain(head, indent), *_columns(columns, one, log, key, indent), *_plain(section, indent)]
    return [first + lines[0][len(indent) :], *lines[1:]]


def _columns(columns: dict, one: Proposal, log: Log, key: str, indent: str) -> list[str]:
    """Each column with its reason; below it, three rows of the file and what is read of them."""
    lines = [f"{indent}columns:"]
    proofs = log.proofs.get(key) or log.proofs.get(one.found.name) or {}
    for role, column in columns.items():
        choice = next((c for c in one.choices if c.role == role), None)
        mark = "" if choice is None or choice.sure else "(?) "
        lines += [f"{indent}  {_flow({role: column})[1:-1]}"]
        lines += [f"{indent}  # {mark}{_clean(choice.why)}"] if choice else []
        lines += [f"{indent}  #   {_clean('; '.join(proofs[role]))}"] if proofs.get(role) else []
    return lines


def _dates_told(log: Log) -> str:
    dates, test = log.dates.dates, log.counted.iloc[-1]
    return (
        f"today that is: train {', '.join(map(str, dates.train))}; test {dates.test} ({test.leave:,} leave, "
        f"{test.stay:,} stay); serve {dates.serve}"
    )


def _plain(values: dict, indent: str) -> list[str]:
    return [f"{indent}{_flow({name: value})[1:-1]}" for name, value in values.items() if value is not None]


def _flow(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True).strip()


def _comment(said: str) -> list[str]:
    """A sentence as lines of comment."""
    lines, line = [], "#"
    for word in _clean(said).split():
        if len(line) + len(word) >= WIDE:
            lines, line = [*lines, line], "#  "
        line += f" {word}"
    return [*lines, line] if said else []


def _clean(said: str) -> str:
    """On one line: what stands in a file may hold a line break, which would end the comment."""
    return "".join(c if c.isprintable() else " " for c in said)
