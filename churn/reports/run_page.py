"""A run as one small site: an index page beside the stages' reports, with relative links only."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from churn import state
from churn.reports import small_figures

TEMPLATES = Path(__file__).parent / "templates" / "report"
REUSED = re.compile(r"<!--reused-->.*?<!--/reused-->", re.DOTALL)
UNDER_WAY = re.compile(r"<!--under way-->.*?<!--/under way-->", re.DOTALL)
METRICS = {"auc": 3, "average_precision": 3, "calibration_error": 3, "lift_top": 2}  # shown with so many decimals
STATUS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "interrupted", "RUNNING": "under way"}
LOOKS = {"promoted": "good", "needs approval": "quiet", "refused": "wait", "failed": "bad", "under way": "quiet",
         "not trained": "quiet"}  # fmt: skip
ABSENT = "not given"


@dataclass(frozen=True)
class Stage:
    """What became of a stage: `outcome` ran, reused, skipped, failed, interrupted, not run or under way.

    `report` is the name of its HTML in the run's folder; `source_run` the run that executed it, where it was reused.
    """

    name: str
    outcome: str
    seconds: float | None
    peak_mb: float | None
    report: str | None
    source_run: str | None


def write(
    folder: Path,
    *,
    experiment: str,
    run_id: str,
    status: str,
    started: str,
    parameters: dict,
    stages: list[Stage],
    decision: dict | None,
    evaluation: dict | None,
    failure: dict | None,
    previous: dict | None,
    mlflow: str | None,
    footer: dict[str, str],
    notes: Sequence[str] = (),
    month: dict | None = None,
    log: str | None = None,
) -> Path:
    """Write `folder`/index.html, whole or not at all; returns its path.

    `status` is MLflow's (RUNNING: the page reloads itself), `started` a time in UTC. `decision` is what promote glued,
    `evaluation` the content of evaluation.json, `failure` {"stage", "notebook", "section", "cell", "error", "report",
    "anchor"}, `previous` {"run_id", "href", "auc", "decision"} of the run before, with its "parameters" (a tree, or
    flat text as MLflow keeps them) where the differences are to be marked; each None where there is none. `mlflow` is
    its address, or the command that opens it; `notes` are what the stages found that a person should know. `month` is
    {"looked_back" (what monitor glued), "listed" (what score glued), "skipped" (why nothing was trained)}; `log` the
    report of the event log.
    """
    page = _environment().get_template("run.html.j2").render(
        experiment=experiment, run_id=run_id, under_way=status == "RUNNING", failure=failure,
        verdict=_verdict(decision, STATUS.get(status, status), month), decision=decision, month=month or {},
        started=started.replace("T", " ").replace("Z", " UTC"), seconds=sum(s.seconds or 0 for s in stages),
        difference=_difference(evaluation) if evaluation else None, changes=_changes(parameters, previous),
        evaluation=evaluation, models=list(_models(evaluation)) if evaluation else [], stages=stages,
        profit=_profit(evaluation) if evaluation else None, serve=parameters.get("snapshots", {}).get("serve"),
        parameters=_rows(parameters, previous), previous=previous, mlflow=mlflow, footer_entries=footer, notes=notes,
        log=log,
    )  # fmt: skip
    return state.write_text(folder / "index.html", page)


def mark_reused(html: Path, target: Path, *, run_id: str, source_run: str) -> Path:
    """Copy a report to `target` with a line that says which run reuses it and which one executed it."""
    said = f"Reused in run <code>{escape(run_id)}</code>; executed in run <code>{escape(source_run)}</code>."
    line = f'<!--reused--><p class="reused">{said}</p><!--/reused-->'
    return state.write_text(target, REUSED.sub(line, html.read_text(encoding="utf-8"), count=1))


def mark_killed(folder: Path) -> None:
    """Let the index page of a run whose process is gone say so, and no longer wait for more."""
    page = folder / "index.html"
    if page.exists():
        waiting = page.read_text(encoding="utf-8")
        said = UNDER_WAY.sub("", waiting).replace("Under way.", "Killed: its process is gone.")
        state.write_text(page, said)


def prose(text: str) -> Markup:
    """Text as HTML, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


@functools.cache  # it holds the compiled template
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    environment.filters |= {
        "escape_html": escape,
        "prose": prose,
        "duration": _duration,
        "memory": _memory,
        "number": _number,
    }
    environment.globals |= {"metrics": METRICS, "scale": small_figures.scale, "small": small_figures, "css": _css}
    return environment


def _css(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def _verdict(decision: dict | None, status: str, month: dict | None) -> dict[str, str]:
    """What came of the run in one sentence, and its look."""
    if status == "finished" and month and month["skipped"]:
        production = month["looked_back"]["production"]
        told = f"Nothing was trained: {month['skipped']}. Version {production} stays in production."
        return {"look": LOOKS["not trained"], "text": told}
    if decision is None:
        without = ", without a decision" if status == "finished" else ""
        return {"look": LOOKS.get(status, ""), "text": f"{status.capitalize()}{without}."}
    version, production = decision["version"], decision["production"]
    texts = {
        "promoted": f"Version {version} was promoted.",
        "refused": f"Version {version} was refused.",
        "needs approval": f"Version {version} waits for approval.",
    }
    now = f" Version {production} is in production." if production else " Nothing is in production."
    text = texts.get(decision["decision"], f"Version {version}: {decision['decision']}.")
    return {"look": LOOKS.get(decision["decision"], ""), "text": text + now}


def _models(evaluation: dict) -> Iterator[dict]:
    """Candidate, champion, best baseline and difference: kind, name and {metric: value, low, high}."""
    scores = {s["model"]: s for s in evaluation["scores"] if s["part"] == "test"}
    bounds = _intervals(evaluation)
    shown = [("candidate", "candidate", f"version {evaluation['version']}")]
    shown += [("champion", "champion", f"version {evaluation['champion']}")] if "champion" in scores else []
    trivial = [m for m in scores if m not in ("candidate", "champion") and small_figures.is_number(scores[m]["auc"])]
    shown += [(best, "baseline", best) for best in sorted(trivial, key=lambda m: scores[m]["auc"])[-1:]]
    for model, kind, name in shown:
        cells = {m: {"value": scores[model][m], **_bounds(bounds.get((model, m)))} for m in METRICS}
        yield {"kind": kind, "name": name, "cells": cells}
    if ("difference", "auc") in bounds:
        intervals = {m: bounds.get(("difference", m)) for m in METRICS}
        cells = {m: {"value": i["estimate"] if i else None, **_bounds(i)} for m, i in intervals.items()}
        yield {"kind": "difference", "name": "candidate − champion", "cells": cells}


def _profit(evaluation: dict) -> dict[str, float | None]:
    """The candidate's profit per customer: value, low, high."""
    own = _intervals(evaluation).get(("candidate", "profit_per_customer"))
    return {"value": evaluation["profit_per_customer"], **_bounds(own)}


def _difference(evaluation: dict) -> dict | None:
    """Candidate minus champion in AUC: estimate, low, high, and what it `says`; None where there is no champion."""
    found = _intervals(evaluation).get(("difference", "auc"))
    if found is None:
        return None
    better, worse = found["low"] > 0, found["high"] < 0
    said = "better beyond doubt" if better else "worse beyond doubt" if worse else "the two cannot be told apart"
    return found | {"says": said}


def _intervals(evaluation: dict) -> dict[tuple[str, str], dict]:
    """(model, metric) -> its interval."""
    return {(i["model"], i["metric"]): i for i in evaluation["intervals"]}


def _bounds(interval: dict | None) -> dict[str, float | None]:
    return {"low": interval["low"], "high": interval["high"]} if interval else {"low": None, "high": None}


def _rows(parameters: dict, previous: dict | None) -> dict[str, list[dict]]:
    """Section -> its parameters: key, value and, where the run before had another one, `was`."""
    now, before = _flat(parameters), _flat((previous or {}).get("parameters") or parameters)
    sections: dict[str, list[dict]] = {}
    for name in [*now, *(name for name in before if name not in now)]:
        section, _, key = name.rpartition(".") if name.count(".") < 2 else name.partition(".")
        value, was = now.get(name, ABSENT), before.get(name, ABSENT)
        sections.setdefault(section, []).append({"key": key, "value": value, "was": was, "changed": value != was})
    return sections


def _changes(parameters: dict, previous: dict | None) -> list[dict]:
    """The parameters that differ from the run before's, by their full names."""
    sections = _rows(parameters, previous).items()
    return [
        row | {"key": f"{section}.{row['key']}" if section else row["key"]}
        for section, rows in sections
        for row in rows
        if row["changed"]
    ]


def _flat(tree: dict, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        nested = isinstance(value, dict) and value
        flat |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": _shown(value)}
    return flat


def _shown(value: object) -> str:
    """A value as a params file has it, whether it comes from one or from MLflow, which keeps text."""
    return (value if isinstance(value, str) else json.dumps(value)).replace('"', "")


def _number(value: float | None, decimals: int, *, signed: bool = False) -> str:
    if not small_figures.is_number(value):
        return "–"
    value = round(value, decimals) or 0.0  # which has no sign: a difference of nothing is neither less nor more
    return f"{value:{'+' if signed and value else ''}.{decimals}f}".replace("-", "−")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def _memory(megabytes: float | None) -> str:
    if megabytes is None:
        return ""
    return f"{megabytes:,.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
