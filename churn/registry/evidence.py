"""What the gate reads of `evaluation.json`. Free of scikit-learn, for a rollback has to be quick."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from churn.registry import gate, runs, versions


def load(experiment: str, version: int, path: Path | None) -> dict:
    """The evaluation of a version: from the file, or as the run that trained it keeps it; {} where there is none."""
    if path is not None and path.exists():
        document = json.loads(path.read_text())
        if document["version"] == version:
            return document
    try:
        return json.loads(runs.artifact(versions.get(experiment, version).run_id, "evaluation.json").read_text())
    except runs.Missing:
        return {}


def scores(document: dict) -> pd.DataFrame:
    """The scores on the test rows, a row a model."""
    if not document:
        return pd.DataFrame(columns=["model", "auc"]).set_index("model")
    table = pd.DataFrame(document["scores"])
    return table[table.part == "test"].drop(columns="part").set_index("model").astype("float64")


def intervals(document: dict) -> pd.DataFrame:
    """The bootstrap intervals as a table."""
    return pd.DataFrame(document.get("intervals", []), columns=["model", "metric", "estimate", "low", "high"])


def judge(document: dict, *, rules: dict, advisory: list[str]) -> gate.Decision:
    """The gate's rules applied to an evaluation; a version that was never evaluated passes none."""
    if not document:
        text = "the version was never evaluated: its run ended before"
        unevaluated = gate.Check(
            "evaluation", None, None, "none", False, text, "What was not measured cannot be promoted."
        )
        return gate.Decision(promote=False, checks=[unevaluated])
    on_test = {s["model"]: s for s in document["scores"] if s["part"] == "test"}
    difference = {i["metric"]: i for i in document["intervals"] if i["model"] == "difference"}
    return gate.decide(
        candidate=on_test["candidate"],
        baselines={name: s for name, s in on_test.items() if name not in ("candidate", "champion")},
        champion=on_test.get("champion") or ({} if document["champion"] else None),
        difference=difference or None,
        segments=pd.DataFrame(document["segments"]) if document["segments"] else None,
        rules=rules, profit=document["profit_per_customer"], parity=document["parity"], contract=document["contract"],
        advisory=advisory,
    )  # fmt: skip
