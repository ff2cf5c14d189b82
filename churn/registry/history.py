"""The decisions of an experiment as their MLflow runs hold them. They are the history; nothing edits it."""

from __future__ import annotations

import json

from churn import state
from churn.registry import runs, tracking, versions

PLAIN = ("action", "version", "by", "reason", "override", "run_id", "decision", "production_before", "production_after")


def decisions(experiment: str) -> list[dict]:
    """Every decision, oldest first: when, who, what, from, to, why, and the run that holds its notebook."""
    return [_read(run) for run in runs.of(f"{experiment}-decisions", status="FINISHED")]


def write(experiment: str, decision: dict) -> str:
    """Open a decision's run with all that is going to happen, let it happen, and end the run; returns its id."""
    plan = {name: decision[name] for name in (*PLAIN, "failed")}
    run = tracking.start(f"{experiment}-decisions", tags={"decision": decision["decision"], "plan": json.dumps(plan)})
    run.json(decision, "decision.json")
    _carry_through(experiment, run, plan)
    return run.id


def keep(decision_run: str, *notebooks: str) -> None:
    """A decision's executed notebook and its HTML belong to the decision's run."""
    for path in notebooks:
        tracking.Run(decision_run, owned=False).file(path, "notebooks")


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
    return runs.of(f"{experiment}-decisions", status="RUNNING")


def line(made: list[dict]) -> list[int]:
    """The versions that led to the one in production, in order: a promotion adds one, a rollback takes back to one.

    `line([promoted 1, promoted 2, promoted 3, rolled back to 2])` is `[1, 2]`.
    """
    versions: list[int] = []
    for decision in made:
        after = decision["production_after"]
        if after is None or versions[-1:] == [after]:
            continue
        back = decision["action"] == "roll back" and after in versions
        versions = versions[: versions.index(after) + 1] if back else [*versions, after]
    return versions


def previous(made: list[dict]) -> int | None:
    """The version that a rollback restores; None when there is none."""
    versions = line(made)
    return versions[-2] if len(versions) > 1 else None


def online_features(experiment: str) -> set[str]:
    """Names of the features that the experiment's feature service holds now."""
    path = state.path(experiment, "features", "features.json")
    return {f["name"] for f in json.loads(path.read_text())["features"]} if path.exists() else set()


def _carry_through(experiment: str, run: tracking.Run, plan: dict) -> None:
    """Every step may have been done before: each leaves what is right already as it is."""
    version = plan["version"]
    if plan["production_after"] == version:
        versions.put_into_production(experiment, version)
    elif plan["decision"] == "needs approval":
        versions.to_staging(experiment, version)
    if plan["action"] != "roll back":
        versions.tag(
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
