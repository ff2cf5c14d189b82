"""What two runs of one version are compared on, stage by stage. Read from MLflow alone, the same way for both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from churn import fingerprint
from churn.audit import row_hashes
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
    tables = {context: row_hashes.tables(version.run_id, context) for context in CONTEXTS}
    staged = tables["input"]
    return {
        **{f"input: {name}": _table(staged, "input", name) for name in staged if name != "rejected"},
        "rejected rows": _rejected(staged),
        "features": _features(run["datasets"]),
        "labels": _table(tables["training"], "training", "labels"),
        "training set": _table(tables["training"], "training", "training_set"),
        "split": _column(tables["training"], "training", "training_set", "part"),
        "model content": _model(version),
        "levels": _levels(runs.document(version.run_id, "levels.json")),
        "predictions": _column(tables["evaluation"], "evaluation", "predictions", "candidate"),
        "metrics": _metrics(run["metrics"]),
        "threshold": _threshold(run["metrics"]),
        "decision": _decision(version),
    }


def model_content(file: Path) -> dict[str, object]:
    """What a saved model holds by its place in the tree, apart from what changes whenever it is saved.

    A skops file is a zip of a tree of plain values, `schema.json`, and of one file an array. The arrays are named after
    the addresses of the objects in memory, the tree repeats these as `__id__`, and the zip stamps its files with the
    time. Of an array its bytes' SHA-256 is taken: models of equal content have equal bits in every coefficient.
    """
    with ZipFile(file) as saved:
        return dict(_values_below(saved, json.loads(saved.read("schema.json")), ""))


def _table(tables: dict, context: str, name: str) -> Fact | None:
    table = tables.get(name)
    return table and Fact({"fingerprint": table["fingerprint"]}, _rows(table["fingerprint"]), (context, name))


def _column(tables: dict, context: str, name: str, column: str) -> Fact | None:
    columns = tables.get(name, {}).get("columns", {})
    return Fact({column: columns[column]}, _rows(columns[column]), (context, name)) if column in columns else None


def _rejected(staged: dict) -> Fact | None:
    if not staged:
        return None
    return _table(staged, "input", "rejected") or Fact({"fingerprint": "0"}, "none")


def _features(datasets: list[dict]) -> Fact | None:
    parts = {d["name"]: d["fingerprint"] for d in datasets if d["context"] == "features"}
    parts = dict(sorted(parts.items(), key=lambda part: part[0].partition("@")[::-1]))  # by snapshot
    return Fact(parts, f"{len(parts)} tables {_short(parts)}", ("training", "training_set")) if parts else None


def _model(version: versions.Version) -> Fact:
    content = model_content(versions.verified_files(version) / "model.skops")
    return Fact(content, f"{len(content):,} values {_short(content)}", ("evaluation", "predictions"))


def _metrics(metrics: dict[str, float]) -> Fact | None:
    parts = {name: value for name, value in sorted(metrics.items()) if name.startswith(OF_THE_EVALUATION)}
    return Fact(parts, f"{len(parts)} values {_short(parts)}") if "test_auc" in parts else None


def _threshold(metrics: dict[str, float]) -> Fact | None:
    return Fact({"threshold": metrics["threshold"]}, f"{metrics['threshold']!r}") if "threshold" in metrics else None


def _decision(version: versions.Version) -> Fact | None:
    decisions = history.decisions(version.name)
    of_gate = [d for d in decisions if (d["action"], d["version"]) == ("decide", version.version)]
    if not of_gate:
        return None
    decision = of_gate[-1]["decision"]
    gate = history.gate_of(of_gate[-1]["decision_run"])
    rules = {check["rule"]: [check["outcome"], check["limit"], check["value"]] for check in gate}
    passed = sum(check["outcome"] == "pass" for check in gate)
    return Fact({"decision": decision} | rules, f"{decision}, {passed} of {len(gate)} rules")


def _levels(document: dict | None) -> Fact | None:
    """What training added to the log-odds at the test and the serve snapshot."""
    if document is None:
        return None
    parts = {snapshot: level["log_odds"] for snapshot, level in document["levels"].items()}
    return Fact(parts, ", ".join(f"{level:+.4f} at {snapshot}" for snapshot, level in parts.items()))


def _rows(table_print: str) -> str:
    rows, _, digest = table_print.partition("-")
    return f"{int(rows):,} rows {digest[:8]}"


def _short(parts: dict[str, object]) -> str:
    return fingerprint.of_values(parts)[:8]


def _values_below(saved: ZipFile, node: object, place: str) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == "file" and isinstance(inner, str):
                yield _below(place, name), hashlib.sha256(saved.read(inner)).hexdigest()
            elif name != "__id__" or not isinstance(inner, int):
                yield from _values_below(saved, inner, _below(place, name))
    elif isinstance(node, list):
        for position, inner in enumerate(node):
            yield from _values_below(saved, inner, _below(place, str(position)))
    else:
        yield place, node


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
