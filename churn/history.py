"""The decisions of an experiment as their MLflow runs hold them. They are the history; nothing edits it."""

from __future__ import annotations

import json

from churn import registry, state, tracking

PLAIN = ("action", "version", "by", "reason", "override", "run_id", "decision", "production_before", "production_after")


def decisions(experiment: str) -> list[dict]:
    """Every decision, oldest first: when, who, what, from, to, why, and the run that holds its notebook."""
    return [_read(run) for run in tracking.runs(f"{experiment}-decisions", status="FINISHED")]


def write(experiment: str, decision: dict) -> str:
    """Open a decision's run with all that is going to happen, let it happen, and end the run; returns its id."""
    plan = {name: decision[name] for name in (*PLAIN, "failed")}
    run = tracking.start(f"{experiment}-decisions", tags={"decision": decision["decision"], "plan": json.dumps(plan)})
    run.json(decision, "decision.json")
    _carry_through(experiment, run, plan)
    return run.id


def finish_open(experiment: str) -> list[str]:
    """Finish the decisions that a killed process left open, oldest first; returns their runs. Under the lock."""
    left = unfinished(experiment)
    for open_run in left:
        run = tracking.Run(open_run["id"], owned=True)
        run.tags({"finished_by": "repair"})
        _carry_through(experiment, run, json.loads(open_run["tags"]["plan"]))
    return [r["id"] for r in left]


def unfinished(experiment: str) -> list[dict]:
    """Runs of decisions that were begun and not ended."""
    return tracking.runs(f"{experiment}-decisions", status="RUNNING")


def stack(experiment: str) -> list[int]:
    """The versions that led to the one in production, in order: a promotion adds one, a rollback takes back to one."""
    line: list[int] = []
    for made in decisions(experiment):
        after = made["production_after"]
        if after is None or line[-1:] == [after]:
            continue
        line = line[: line.index(after) + 1] if made["action"] == "roll back" and after in line else [*line, after]
    return line


def previous(experiment: str) -> int | None:
    """The version that a rollback restores; None when there is none."""
    line = stack(experiment)
    return line[-2] if len(line) > 1 else None


def was_in_production(experiment: str) -> set[int]:
    """Every version that has ever been in production."""
    return {made["production_after"] for made in decisions(experiment)} - {None}


def online_features(experiment: str) -> set[str]:
    """Names of the features that the experiment's feature service holds now."""
    path = state.path(experiment, "features", "features.json")
    return {f["name"] for f in json.loads(path.read_text())["features"]} if path.exists() else set()


def _carry_through(experiment: str, run: tracking.Run, plan: dict) -> None:
    """Every step may have been done before: each leaves what is right already as it is."""
    version = plan["version"]
    if plan["production_after"] == version:
        registry.put_into_production(experiment, version)
    elif plan["decision"] == "needs approval":
        registry.to_staging(experiment, version)
    if plan["action"] != "roll back":
        registry.tag(
            experiment, version, {"decision": plan["decision"]} | ({"override": "true"} if plan["override"] else {})
        )
    run.params(plan)
    run.end("FINISHED")


def _read(run: dict) -> dict:
    plan = json.loads(run["tags"]["plan"])
    return {
        "at": run["ended"],
        **plan,
        "decision_run": run["id"],
        "repaired": run["tags"].get("finished_by") == "repair",
    }
