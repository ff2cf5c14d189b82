"""What the runs behind a version recorded of it: its features, its training, its test, and what came true since."""

from __future__ import annotations

from churn.errors import ModelUnavailable
from churn.registry import runs, versions
from churn.registry.versions import Version

METRICS = ("auc", "average_precision", "log_loss", "brier", "lift_top", "profit_per_customer")
NAMES = {"candidate": "this version", "champion": "the version before", "difference": "difference"}


def features(version: Version) -> list[dict]:
    """Each feature that the version takes: name, view, type, unit, meaning, and what training saw of it: low and high,
    or values, and whether any were empty."""
    manifest = runs.document(version.run_id, "features.json") or {}
    described = {feature["name"]: feature for feature in manifest.get("features", [])}
    try:
        seen = versions.metadata(version).get("training_ranges", {})
    except ModelUnavailable:  # /ready and `churn doctor` say so
        seen = {}
    names = list(seen) or list(described)
    return [_feature(name, described.get(name, {}), seen.get(name, {})) for name in names]


def _feature(name: str, told: dict, seen: dict) -> dict:
    told = {key: told.get(key, "") for key in ("view", "type", "unit", "meaning")}
    return {"name": name} | told | {key: seen.get(key) for key in ("low", "high", "values", "nulls")}


def training(version: Version, params: dict, evaluation: dict | None) -> dict:
    """The estimator, its settings and seed, the snapshots, and how many rows it learnt from and was tested on."""
    days, train, rows = params.get("snapshots", {}), params.get("train", {}), (evaluation or {}).get("rows", {})
    kind = version.tags.get("model", "")
    return {
        "model": kind,
        "settings": train.get(kind, {}),
        "seed": params.get("seed"),
        "split": train.get("split"),
        "train": days.get("train", []),
        "test": days.get("test"),
        "rows_train": rows.get("train"),
        "rows_test": rows.get("test"),
    }


def evaluation(held: dict | None) -> dict | None:
    """The test as evaluation.json has it: `intervals` (model, metric, estimate, low, high) of this version, of the one
    before, and of the difference; `baselines`, `calibration`, `policy` and `segments`. None where none was recorded."""
    if held is None:
        return None
    shown = [entry for entry in held["intervals"] if entry["model"] in NAMES and entry["metric"] in METRICS]
    against = held.get("against_baselines") or {}
    return {
        "champion": held["champion"],
        "top_fraction": held["top_fraction"],
        "intervals": [entry | {"of": NAMES[entry["model"]]} for entry in shown],
        "baselines": [{"model": name} | told for name, told in against.items()],
        "calibration": held["calibration"],
        "policy": held["policy"],
        "segments": held["segments"],
    }


def difference(held: dict | None) -> dict | None:
    """How much better its AUC is than that of the version before on the same customers: estimate, low, high."""
    told = (held or {}).get("intervals", [])
    return next((one for one in told if (one["model"], one["metric"]) == ("difference", "auc")), None)


def monitoring(experiment: str, version: Version) -> dict | None:
    """What the newest look back says: its run, when, the `months` whose lists came true, whichever version made them
    (`own`: the places of this version's), the alarm, and the estimate of months that have not. None: never looked."""
    run_id = runs.newest_with(experiment, "monitor.json")
    found = run_id and runs.document(run_id, "monitor.json")
    if not found:
        return None
    months = [month for month in found["months"] if month["from"] == "list" and not month["superseded"]]
    alarm = {name: value for name, value in found["alarm"].items() if name != "path"}
    return {
        "run": run_id,
        "at": runs.get(run_id)["started"],
        "months": months,
        "own": [place for place, month in enumerate(months) if month["version"] == version.version],
        "alarm": alarm,
        "estimate": found.get("estimate") or None,
    }


def approvals(params: dict, decisions: list[dict]) -> dict:
    """What the record asks for, and who said yes to this version: by, at, reason, override, decision_run."""
    promote = params.get("promote", {})
    told = ("by", "at", "reason", "override", "decision", "decision_run")
    given = [{name: d[name] for name in told} for d in decisions if d["action"] == "approve"]
    return {"asked": promote.get("approval"), "four_eyes": promote.get("four_eyes", False), "given": given}


def registered(experiment: str) -> list[dict]:
    """Every version, newest first: number, stage, model, test AUC, threshold, what was decided, and its run."""
    return [
        {
            "version": v.version,
            "stage": v.stage,
            "model": v.tags.get("model", ""),
            "test_auc": float(v.tags["test_auc"]) if v.tags.get("test_auc") else None,
            "threshold": v.threshold,
            "decision": v.tags.get("decision", ""),
            "run": v.run_id,
        }
        for v in reversed(versions.all_of(experiment))
    ]
