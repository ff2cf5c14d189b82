"""The tables of artifacts: what a run logs to MLflow, and what the state folder holds. A test asks a run."""

from __future__ import annotations

from docs.generate.table import table

PAGE = "artifacts"
RUN = {
    "params.yaml": ("run", "the parameters as they were, overrides included and dates resolved"),
    "environment.json": ("run", "versions of Python and of every library"),
    "notebooks/index.html": ("run", "the run's page: begin here"),
    "notebooks/<stage>.ipynb": ("each stage", "the executed notebook"),
    "notebooks/<stage>.html": ("each stage", "the same as a report: one file that loads nothing from elsewhere"),
    "notebooks/log.html": ("run", "the report of the event log"),
    "input.json": ("features", "what came in: files, rows, rejected rows, what is odd"),
    "features.json": ("features", "the manifest: every feature with type, unit, meaning and fingerprint"),
    "levels.json": ("train", "the level at every snapshot whose labels are known"),
    "monitor.json": ("monitor", "what came true, the alarm, drift, whether to train again"),
    "evaluation.json": (
        "evaluate",
        "scores with intervals, by segment, against champion, baselines; threshold, EMPC; what the page of the run "
        "draws small",
    ),
    "predictions_sample.csv": ("evaluate", "some test customers with probability and outcome"),
    "figures/<name>.png": ("each stage", "the reports' figures"),
    "list.json": ("score", "what the list follows from, and how many there are of each kind"),
    "scores.csv": ("score", "the list, for a spreadsheet"),
    "scores.parquet": ("score", "the list, with types"),
    "evidence/<name>.json": ("features, train, evaluate", "hashes of rows, for `churn reproduce`"),
    "evidence/<name>/<table>.parquet": ("features, train, evaluate", "the same by row, to name the rows that differ"),
}
DECISION = {
    "decision.json": ("promote", "who, when, why, the gate's table, the version before and after"),
    "notebooks/promote.ipynb": ("promote", "the executed notebook"),
    "notebooks/promote.html": ("promote", "the same as a report"),
}
STATE = {
    "mlflow.db": "runs, models, stages, decisions; with `MLFLOW_TRACKING_URI` they are on that server instead",
    "artifacts/": "models, reports and figures of the runs, a folder an experiment",
    "runs/<run id>/": "the executed notebooks and their reports: begin at `index.html`",
    "spill/": "what the engine cannot hold in memory, while it computes",
    "<experiment>/source/": "the input as customers, events and rejected rows (Parquet)",
    "<experiment>/log/": "the newest report of the log (log.html), what is known of the input, the log as it was read",
    "<experiment>/features/": "one folder a snapshot; `features.json` describes every feature",
    "<experiment>/snapshots/": "feature tables that later months may take, a folder a snapshot",
    "<experiment>/training/": "the labelled training set, and the levels",
    "<experiment>/evaluation/": "`evaluation.json`, and the predictions of the test",
    "<experiment>/scores/": "a list of all customers a snapshot: `scores.parquet`, `scores.csv`, `list.json`",
    "<experiment>/feast/": "Feast's registry and online store",
    "<experiment>/cache/": "finished stages, for reuse",
    "<experiment>/monitoring/": "what each version in production has learnt from, a sample",
    "<experiment>/predictions/": "what the API has answered, a folder a day (Parquet)",
    "<experiment>/refusals/": "whom the API refused, a folder a day (Parquet)",
    "<experiment>/run.lock": "held by the run that is under way",
    "<experiment>/registry.lock": "held by the decision that is under way",
    "<experiment>/registry.owner.json": "who holds it",
}


def tables() -> dict[str, str]:
    """Mark -> Markdown."""
    head = ("artifact", "by", "what it is")
    return {
        "run": table(head, [(f"`{path}`", *told) for path, told in RUN.items()]),
        "decision": table(head, [(f"`{path}`", *told) for path, told in DECISION.items()]),
        "state": table(("path", "what lies there"), [(f"`{path}`", told) for path, told in STATE.items()]),
    }
