"""What two runs of one version are compared on, stage by stage. Read from MLflow alone, the same way for both."""

from __future__ import annotations

from dataclasses import dataclass

from churn import fingerprint
from churn.audit import modelprint, row_hashes
from churn.registry import history, runs, versions

CONTEXTS = ("input", "training", "evaluation")
OF_THE_EVALUATION = ("input_", "train_", "test_", "champion_", "difference_", "threshold")  # not what time it took


@dataclass(frozen=True)
class Fact:
    """One thing to compare, in named parts, exactly. `table`: context and name of the table whose rows can show a
    difference."""

    parts: dict[str, object]
    shown: str
    table: tuple[str, str] | None = None


@dataclass(frozen=True)
class Compared:
    """A row of the table: what was recorded, what came again; None where nothing was recorded."""

    what: str
    recorded: Fact | None
    again: Fact | None

    @property
    def equal(self) -> bool | None:
        """None where nothing was recorded to compare with."""
        if self.recorded is None:
            return None
        return self.again is not None and self.recorded.parts == self.again.parts


def compare(recorded: dict[str, Fact | None], again: dict[str, Fact | None]) -> list[Compared]:
    """Every fact of either run, in the order of the stages."""
    return [Compared(what, recorded.get(what), again.get(what)) for what in recorded | again]


def read(version: versions.Version) -> dict[str, Fact | None]:
    """What is known of a version, in the order of the stages; None for what its run did not record."""
    run = runs.get(version.run_id)
    tables = {context: row_hashes.load(version.run_id, context) for context in CONTEXTS}
    staged = tables["input"] or {}
    return {
        **{f"input: {name}": _table(staged, "input", name) for name in staged if name != "rejected"},
        "rejected rows": _rejected(tables["input"]),
        "features": _features(run["datasets"]),
        "labels": _table(tables["training"], "training", "labels"),
        "training set": _table(tables["training"], "training", "training_set"),
        "split": _column(tables["training"], "training", "training_set", "part"),
        "model content": _model(version),
        "predictions": _column(tables["evaluation"], "evaluation", "predictions", "candidate"),
        "metrics": _metrics(run["metrics"]),
        "threshold": _threshold(run["metrics"]),
        "decision": _decision(version),
    }


def _table(tables: dict | None, context: str, name: str) -> Fact | None:
    found = (tables or {}).get(name)
    return found and Fact({"fingerprint": found["fingerprint"]}, _rows(found["fingerprint"]), (context, name))


def _column(tables: dict | None, context: str, name: str, column: str) -> Fact | None:
    found = (tables or {}).get(name)
    if not found or column not in found["columns"]:
        return None
    return Fact({column: found["columns"][column]}, _rows(found["columns"][column]), (context, name))


def _rejected(staged: dict | None) -> Fact | None:
    if staged is None:
        return None
    return _table(staged, "input", "rejected") or Fact({"fingerprint": "0"}, "none")


def _features(datasets: list[dict]) -> Fact | None:
    parts = {d["name"]: d["fingerprint"] for d in datasets if d["context"] == "features"}
    parts = dict(sorted(parts.items(), key=lambda part: part[0].partition("@")[::-1]))  # by snapshot
    return Fact(parts, f"{len(parts)} tables {_short(parts)}", ("training", "training_set")) if parts else None


def _model(version: versions.Version) -> Fact:
    content = modelprint.content(versions.verified_files(version) / "model.skops")
    return Fact(content, f"{len(content):,} values {_short(content)}", ("evaluation", "predictions"))


def _metrics(metrics: dict[str, float]) -> Fact | None:
    parts = {name: value for name, value in sorted(metrics.items()) if name.startswith(OF_THE_EVALUATION)}
    return Fact(parts, f"{len(parts)} values {_short(parts)}") if "test_auc" in parts else None


def _threshold(metrics: dict[str, float]) -> Fact | None:
    return Fact({"threshold": metrics["threshold"]}, f"{metrics['threshold']!r}") if "threshold" in metrics else None


def _decision(version: versions.Version) -> Fact | None:
    made = [d for d in history.decisions(version.name) if (d["action"], d["version"]) == ("decide", version.version)]
    if not made:
        return None
    gate = history.gate_of(made[-1]["decision_run"])
    rules = {check["rule"]: [check["outcome"], check["limit"], check["value"]] for check in gate}
    passed = sum(check["outcome"] == "pass" for check in gate)
    return Fact({"decision": made[-1]["decision"]} | rules, f"{made[-1]['decision']}, {passed} of {len(gate)} rules")


def _rows(print_: str) -> str:
    rows, _, digest = print_.partition("-")
    return f"{int(rows):,} rows {digest[:8]}"


def _short(parts: dict[str, object]) -> str:
    return fingerprint.of_values(parts)[:8]
