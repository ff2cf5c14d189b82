"""What the commands answer, as text that fits a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

COLOURS = {"pass": "green", "FAIL": "red", "undecided": "red", "yes": "green", "NO": "red", "advisory": "yellow"}

UNBOUNDED = 100_000  # columns


def show(parts: Iterable[RenderableType]) -> None:
    """Print, tables as wide as the terminal is; into a pipe or a file as wide as they are. A line is never broken."""
    width = None if sys.stdout.isatty() else UNBOUNDED
    console = Console(highlight=False, markup=False, emoji=False, width=width)  # a name may have brackets in it
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))


def say(text: str) -> None:
    """Print lines; once nobody reads them any more (`... | head`) they go nowhere, and the run goes on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def decision(taken: dict) -> list[RenderableType]:
    """One decision, just taken."""
    return [taken["said"], *(f"  - {reason}" for reason in taken["failed"]), f"report {taken['report']}"]


def decisions(taken: list[dict]) -> list[RenderableType]:
    """The history, oldest first."""
    if not taken:
        return ["no decisions yet"]
    return [
        table(["when", "who", "decision", "version", "production", "why", "run"], [_decision_row(d) for d in taken])
    ]


def health(state: dict) -> list[RenderableType]:
    """What the doctor findings and did."""
    findings = [f"- {f['problem']}\n    {f['meaning']}\n    {f['remedy']}" for f in state["findings"]]
    return [*(f"repaired: {line}" for line in state["repaired"]), *(findings or ["all in order"])]


def kept_stages(state: dict) -> list[RenderableType]:
    """The stages that can be reused."""
    rows = [
        [e["stage"], f"{e['bytes'] / 1e6:,.1f} MB", _ago(e["finished"]), _ago(e["used"]), e["run"][:8], e["key"][:8]]
        for e in state["entries"]
    ]
    removed = [f"removed {len(state['removed'])} entries"] if state["removed"] else []
    if not rows:
        return [*removed, "nothing is kept"]
    total = sum(e["bytes"] for e in state["entries"]) / 1e6
    columns = ["stage", "size", "finished", "used", "run", "key"]
    return [
        *removed,
        table(columns, rows),
        f"{total:,.1f} MB; files still in their place are counted, and take no room",
    ]


def contacts(told: dict) -> list[RenderableType]:
    """Whom to contact, or where that was written."""
    of = f"{told['contact']:,} to contact, by version {told['version']} as of {told['snapshot']}"
    if "out" in told:
        return [f"{told['written']:,} of {of}: {told['out']}"]
    if not told["customers"]:
        return [f"nobody to contact, by version {told['version']} as of {told['snapshot']}"]
    rows = [
        [c["customer_id"], f"{c['probability']:.4f}", _money(c["expected_profit"]), c["decile"], c["reason_1"] or ""]
        for c in told["customers"]
    ]
    return [
        table(["customer", "probability", "expected profit", "decile", "first reason"], rows),
        f"{len(rows):,} of {of}",
    ]


def why(trail: dict) -> list[RenderableType]:
    """Everything behind a version, as `why.why` returns it."""
    place = "in production" if trail["in_production"] else f"stage {trail['stage']}"
    head = Text(f"{trail['experiment']} version {trail['version']}: {place} ({trail['model']['kind']})", style="bold")
    sets = [[s["name"], f"{s.get('rows', 0):,}", s.get("fingerprint", s["digest"])] for s in trail["data"]["sets"]]
    return [
        head, *_verdict(trail["decisions"]), "", table(["", ""], _trail_rows(trail)), "",
        table(["metric", "test", "95 % interval", "train"], [_score(n, m) for n, m in trail["metrics"].items()]), "",
        table(["data", "rows", "fingerprint"], sets), "",
        "reports (in the run, `make ui`): " + ", ".join(trail["notebooks"].values()),
    ]  # fmt: skip


def reproduction(comparison: dict) -> list[RenderableType]:
    """Both runs side by side, and where they part."""
    words = {True: "yes", False: "NO", None: "?"}
    rows = [[r["what"], r["recorded"] or "-", r["again"] or "-", words[r["equal"]]] for r in comparison["rows"]]
    head = Text(f"{comparison['experiment']} version {comparison['version']}: {comparison['result']}", style="bold")
    first = [table(["", ""], _difference(comparison["first"]))] if comparison["first"] else []
    kept = [f"the second run's state: {comparison['scratch']}"] if comparison["scratch"] else []
    database = [Text(comparison["database"])] if "database" in comparison else []
    return [table(["what", "recorded", "again", "equal"], rows), "", head, *database, *first, *kept]


def _money(amount: float | None) -> str:
    return "" if amount is None else f"{amount:+.2f}"


def _difference(first: dict) -> list[list[object]]:
    rows, shown = first["rows"], []
    if first["part"] != "fingerprint" and not (rows and first["part"] in rows["columns"]):
        place = first["part"].replace("content.", "").removesuffix(".file")
        shown.append([place, f"{_brief(first['recorded'])} recorded, {_brief(first['again'])} again"])
    if not rows:
        return shown
    shown.append([f"columns of {rows['table']}", ", ".join(rows["columns"])])
    if rows["example"]:
        shown.append(["not in the record", f"{_row(rows['example'], rows['columns'])}{_more(rows['added'])}"])
    if rows["gone"]:
        whose = f", of customer {', '.join(rows['gone_customers'])}" if rows["gone_customers"] else ""
        shown.append(["in the record alone", f"{rows['gone']:,} row{'s' * (rows['gone'] > 1)}{whose}"])
    return shown


def _brief(value: object) -> str:
    """A number in full, of a digest the beginning."""
    return f"{value:.16}" if isinstance(value, str) else str(value)


def _row(values: dict, changed: list[str]) -> str:
    """A narrow row in full; of a wide one what tells it from others, and what changed."""
    shown = [n for n in values if len(values) <= 6 or n in changed or n in ("customer_id", "snapshot", "at")]
    return ", ".join(f"{name} {values[name]}" for name in shown)


def _more(count: int) -> str:
    return f"; and {count - 1:,} more" if count > 1 else ""


def _decision_row(d: dict) -> list[object]:
    moved = f"{d['production_before'] or '-'} -> {d['production_after'] or '-'}"
    decided = d["said"] if d["action"] == "roll back" else d["decision"] + (" (override)" if d["override"] else "")
    if d["action"] == "level":
        decided = f"level {d['level']['to']:+.3f} at {d['level']['snapshot']}"
    when = d["at"].replace("T", " ").removesuffix("Z")
    return [when, d["by"], decided, d["version"], moved, d["reason"] or _first(d["failed"]), d["decision_run"][:8]]


def _ago(moment: float) -> str:
    """How long ago a time (seconds since 1970) was, in its largest unit."""
    passed = max(0.0, time.time() - moment)
    for seconds, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if passed >= seconds:
            return f"{passed / seconds:.0f} {unit} ago"
    return "just now"


def _first(failed: list[str]) -> str:
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return failed[0] + more if failed else ""


def _verdict(decisions: list[dict]) -> list[RenderableType]:
    levels, decisions = ([d for d in decisions if (d["action"] == "level") is asked] for asked in (True, False))
    level = [levels[-1]["said"]] if levels else []
    if not decisions:
        return [*level, "no decision was taken on it"]
    *earlier, last = decisions
    let_in = [d for d in earlier if d["action"] != "roll back" and d["decision"] == "promoted"][-1:]
    shown = [*let_in, last] if last["action"] == "roll back" else [last]
    return [*level, *(part for decision in shown for part in ("", *_rules(decision)))]


def _rules(decision: dict) -> list[RenderableType]:
    """A decision with the rules that it applied, and where its report is."""
    rows = [[check["rule"], check["observed"], check["outcome"]] for check in decision["gate"]]
    report = f", report {decision['report']}" if decision["report"] else ""
    return [_told(decision), table(["rule", "observed", "outcome"], rows), f"run {decision['decision_run']}{report}"]


def _told(decision: dict) -> str:
    """What was decided, by whom, when and why."""
    what = decision["decision"] + (" by override" if decision["override"] else "")
    why = f": {decision['reason']}" if decision["reason"] else ""
    what = decision["said"] if decision["action"] == "roll back" else what
    return f"{what} ({decision['by']}, {decision['at']}{why})"


def _trail_rows(trail: dict) -> list[list[object]]:
    run, params = trail["run"], trail["parameters"]
    clean = {"true": "clean tree", "false": "with local changes"}.get(run["clean"], "tree unknown")
    return [
        ["run", f"{run['id']} by {run['user']}, {run['started']}"],
        ["code", f"commit {run['commit'][:12]} ({clean}), lock {run['lock']}, Python {run['python']}"],
        *([["parameters", _parameters(params)]] if params else []),
        ["input", ", ".join(f"{n:,} {name}" for name, n in trail["data"]["rows"].items())],
        ["features", f"service {trail['feature_service']}"],
        ["model", f"digest {trail['model']['digest'][:16]}, threshold {trail['threshold']}"],
        ["replaced", f"version {trail['replaced']}" if trail["replaced"] else "nothing"],
        *([["taken out", _told(trail["taken_out"])]] if trail["taken_out"] else []),
        ["rollback restores", f"version {trail['rollback_restores']}" if trail["rollback_restores"] else "nothing"],
        ["run again", _reproduced(trail["reproduced"])],
    ]


def _reproduced(again: dict) -> str:
    return "{result} ({at}, on {host}, commit {commit})".format(**again) if again else "never: `churn reproduce`"


def _parameters(params: dict) -> str:
    dates = params["snapshots"]
    return (
        f"seed {params['seed']}, split {params['train']['split']}, train {', '.join(dates['train'])}, "
        f"test {dates['test']}, serve {dates['serve']}"
    )


def _score(name: str, m: dict) -> list[str]:
    interval = f"{m['low']:.4f} to {m['high']:.4f}" if m["low"] is not None else ""
    return [name, f"{m['test']:.4f}", interval, f"{m['train']:.4f}" if m["train"] is not None else ""]


def replayed(told: dict) -> list[RenderableType]:
    """What a replay found, by policy."""
    columns = ["policy", "profit", "AUC", "log loss", "lists judged", "trained", "promoted", "refused", "alarms"]
    rows = [
        [p["policy"], _money(p["profit"]), *(f"{p[name]:.4f}" if p[name] else "" for name in ("auc", "log_loss")),
         f"{p['judged']} of {p['lists']}", p["trainings"], p["promoted"], p["refused"], len(p["alarms"])]
        for p in told["policies"]
    ]  # fmt: skip
    return [*told["finding"], "", table(columns, rows), "", f"report {told['report']}"]


def table(columns: list[str], rows: list[list[object]]) -> Table:
    """Rows under their columns' names."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell), style=COLOURS.get(str(cell), "")) for cell in row))
    return table
