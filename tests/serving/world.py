"""A small world to serve from: `python tests/serving/world.py FOLDER`, with CHURN_STATE=FOLDER, writes a whole state.

The same steps as the notebooks, in one process: features online, and three versions of the model `world`, of which
version 1 is in Production, version 2 is another logistic regression, and version 3 is made of boosted trees.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from churn import engine, state
from churn.features import manifest as manifests
from churn.features import store
from churn.features.build import feature_tables
from churn.params import schema
from churn.registry import tracking, version_levels, versions
from churn.sources import inputs
from churn.training import dataset, estimators, labels
from churn.training.levels import ORIGINS, Level

PARAMS = """\
experiment: world
seed: 7
data: {source: streaming, customers: 400, months: 8, seed: 7}
label: {rule: event, kind: cancel, horizon_days: 30}
snapshots: {train: [2023-04-01, 2023-05-01], test: 2023-07-01, serve: 2023-09-01}
features: {windows_days: [7, 30]}
"""
CANDIDATES = [
    ("logistic", {"C": 1.0}),
    ("logistic", {"C": 0.001}),
    ("hist_gradient_boosting", {"max_iter": 100, "min_samples_leaf": 20}),
]
# Of every version at the snapshot that is online: far enough from nothing that a score without it is another score.
LEVEL = Level("2023-09-01", 0.25, ["2023-05-01"], "that of the newest snapshot", False, pd.DataFrame(columns=ORIGINS))


def build(folder: Path) -> None:
    """Write the params file, features, models and registry below the folder."""
    (folder / "world.yaml").write_text(PARAMS)
    settings = schema.load(folder / "world.yaml")
    con = engine.connect()
    source = inputs.read(con, settings.data.model_dump(), state.path("world", "source"))
    days = [str(day) for day in (*settings.snapshots.train, settings.snapshots.test, settings.snapshots.serve)]
    made = feature_tables(
        con,
        source,
        experiment="world",
        snapshots=days,
        kinds_before=days[1],
        windows_days=settings.features.windows_days,
        recipe=settings.features.recipe,
        label=settings.label.model_dump(),
    )
    feast = store.open_store("world")
    store.apply(feast)
    store.materialize(feast, made, days[-1])
    labelled = labels.build(
        source.events, source.customers, source.labels, snapshots=days[:2], label=settings.label.model_dump()
    ).execute()
    rows = dataset.typed(store.join(feast, made, labelled), made)
    for model, values in CANDIDATES:
        _register(rows, made, model, values)
    promote(1)


def promote(version: int) -> None:
    """Put a version into Production."""
    with versions.locked("world"):
        versions.put_into_production("world", version)


def _register(rows, made: dict, model: str, values: dict) -> None:
    X, y = rows[[feature["name"] for feature in made["features"]]], rows["churned"].to_numpy()
    fitted = estimators.fit(X, y, model=model, settings=values, seed=7)
    run = tracking.start("world")
    run.file(state.path("world", "features", "features.json"))
    metadata = estimators.metadata(
        fitted,
        X,
        X.head(1),
        service=made["service"],
        features=made["fingerprint"],
        segments=made["segments"],
        label={},
        about=manifests.about(made),
    )
    uri = run.model(fitted, X.head(1), trusted_types=estimators.TRUSTED_TYPES, metadata=metadata)
    tags = {
        "feature_service": made["service"],
        "features": made["fingerprint"],
        "model": model,
        "threshold": "0.2",
        "test_auc": "0.7",
    } | version_levels.tag(LEVEL)
    versions.register("world", source=uri, run_id=run.id, tags=tags)
    run.end("FINISHED")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
