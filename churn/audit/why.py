"""Why a version is where it is: a reader of what MLflow and Feast hold of it. There is no store of our own."""

from __future__ import annotations

from pathlib import Path

from churn.audit import evidence, purpose
from churn.errors import RegistryError
from churn.registry import history, runs, versions

REPRODUCED = "reproduced."  # tags of a version that say how running it again went
SCORES = ("auc", "average_precision", "log_loss", "brier", "calibration_error", "lift_top")


def why(experiment: str, *, version: int | None = None, run_id: str | None = None) -> dict:
    """Everything behind a version: the one in production, one by number, or the one that a run made.

    What a page or the audit document says is in here. Raises RegistryError when there is no such version.
    """
    registered = find(experiment, version, run_id)
    run, tags = runs.get(registered.run_id), registered.tags
    decisions = history.decisions(experiment)
    of_it = [_with_gate(d) for d in decisions if d["version"] == registered.version]
    current = versions.production(experiment)
    in_production = current is not None and current.version == registered.version
    params = runs.document(registered.run_id, "params.yaml") or {}
    tested = runs.document(registered.run_id, "evaluation.json")
    trail = {
        "experiment": experiment,
        "version": registered.version,
        "stage": registered.stage,
        "in_production": in_production,
        "production": current and current.version,
        "since": _since(decisions, registered.version) if in_production else None,
        "purpose": purpose.of(params, registered.run_id),
        "decisions": of_it,
        "run": _run(run),
        "notebooks": _reports(registered.run_id),
        "parameters": params,
        "data": {"sets": run["datasets"], "rows": _counts(run["metrics"])},
        "feature_service": tags.get("feature_service", ""),
        "features": evidence.features(registered),
        "training": evidence.training(registered, params, tested),
        "model": {"kind": tags.get("model", ""), "digest": tags.get("digest", ""), "source": registered.source},
        "threshold": registered.threshold,
        "metrics": {name: _score(run["metrics"], name) for name in SCORES if f"test_{name}" in run["metrics"]},
        "evaluation": evidence.evaluation(tested),
        "better": evidence.difference(tested),
        "approvals": evidence.approvals(params, of_it),
        "monitoring": evidence.monitoring(experiment, registered),
        "replaced": _before(history.production_lineage(decisions), registered.version),
        "taken_out": None if in_production else _taken_out(decisions, registered.version),
        "rollback_restores": history.previous(decisions),
        "reproduced": {n.removeprefix(REPRODUCED): v for n, v in tags.items() if n.startswith(REPRODUCED)},
    } | around(experiment, decisions)
    return trail | {"limits": purpose.limits(trail)}


def standing(experiment: str) -> dict:
    """Everything behind the version in production; without one, `version` None and what is known `around` it."""
    if versions.production(experiment):
        return why(experiment)
    return {"experiment": experiment, "version": None, "production": None} | around(experiment)


def around(experiment: str, decisions: list[dict] | None = None) -> dict:
    """What is known of an experiment whatever is in production: `versions`, newest first, and all decisions, as
    `history`, oldest first."""
    known = history.decisions(experiment) if decisions is None else decisions
    return {"versions": evidence.registered(experiment), "history": known}


def find(experiment: str, version: int | None = None, run_id: str | None = None) -> versions.Version:
    """A version by number, the one that a run made, or the one in production. Raises RegistryError."""
    if version is not None:
        return versions.get(experiment, version)
    if run_id is not None:
        of_run = [v for v in versions.all_of(experiment) if v.run_id == run_id]
        if not of_run:
            raise RegistryError(f"run {run_id} made no version of {experiment}; `churn history` lists what was decided")
        return of_run[-1]
    current = versions.production(experiment)
    if current is None:
        raise RegistryError(f"nothing of {experiment} is in production; name a version, or run the pipeline first")
    return current


def _with_gate(decision: dict) -> dict:
    run = decision["decision_run"]
    return decision | {"gate": history.gate_of(run), "report": next(iter(_reports(run).values()), "")}


def _since(decisions: list[dict], version: int) -> dict | None:
    """The decision that put a version where it is; None where none is on the record."""
    into = [d for d in decisions if d["production_before"] != version == d["production_after"]]
    return into[-1] if into else None


def _taken_out(decisions: list[dict], version: int) -> dict | None:
    """The decision that last put another version in the place of this one."""
    out = [d for d in decisions if d["production_before"] == version != d["production_after"]]
    return out[-1] if out else None


def _reports(run_id: str) -> dict[str, str]:
    pages = {Path(n).stem: n for n in runs.artifacts(run_id, "notebooks") if n.endswith(".html")}
    return {stage: page for stage, page in pages.items() if stage != "index"}


def _run(run: dict) -> dict:
    tags = run["tags"]
    return {name: run[name] for name in ("id", "status", "started", "ended", "user")} | {
        "commit": tags.get("mlflow.source.git.commit", ""),
        "clean": tags.get("code.clean", ""),
        "lock": tags.get("lock.sha256", ""),
        "python": tags.get("python", ""),
    }


def _counts(metrics: dict[str, float]) -> dict[str, int]:
    return {name.removeprefix("input_"): int(v) for name, v in metrics.items() if name.startswith("input_")}


def _score(metrics: dict[str, float], name: str) -> dict[str, float | None]:
    return {
        "test": metrics[f"test_{name}"],
        "low": metrics.get(f"test_{name}_low"),
        "high": metrics.get(f"test_{name}_high"),
        "train": metrics.get(f"train_{name}"),
    }


def _before(line: list[int], version: int) -> int | None:
    at = line.index(version) if version in line else 0
    return line[at - 1] if at else None
