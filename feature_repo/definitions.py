"""Feast's definitions, made from the manifest that the features stage wrote: one view a kind of event (or table), and
the feature service that training and serving both read.

`CHURN_STATE=$PWD/state CHURN_EXPERIMENT=cdnow feast -c feature_repo apply` (or `ui`) works on them too.
"""

import glob
import os
from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.types import Float64, Int64, String
from feast.value_type import ValueType

from churn import profile, spark
from churn.features import manifest

TYPES = {"integer": Int64, "number": Float64, "category": String}
# A row answers for its own snapshot; an older one must never stand in for a customer who has none.
ONE_SNAPSHOT = timedelta(hours=23)

EVERYBODY = {"rule": "everybody counts"}  # of ready-made tables

features_folder = Path(os.environ["CHURN_STATE"], os.environ["CHURN_EXPERIMENT"], "features")
features_manifest = manifest.load(features_folder / "features.json")


# A view is named after the definition of all features: a model in production keeps reading whole rows of its own views
# after another run has defined windows or kinds anew.
definition = features_manifest["service"].removeprefix("churn_")


def feature_view(name: str, features: list[dict]) -> FeatureView:
    """The features of a view, and beside them who counts where the population's columns are in it."""
    population = features_manifest.get("population", EVERYBODY)
    population = population if population.get("view", name) == name else {}
    beside = [Field(name=population[c], dtype=TYPES[t]) for c, t in manifest.POPULATION.items() if c in population]
    return FeatureView(
        name=f"{name}_{definition}",
        entities=[customer],
        ttl=ONE_SNAPSHOT,
        schema=[Field(name=f["name"], dtype=TYPES[f["type"]], description=f["meaning"]) for f in features]
        + [*beside, Field(name="customer_id", dtype=String)],
        tags=population,
        source=tables(name),
    )


def tables(view: str) -> FileSource | SparkSource:
    """Where the rows of a view lie, a file each snapshot. What a killed process left lies beside, and begins with a
    dot."""
    named = {"name": f"{view}_tables", "timestamp_field": "snapshot"}
    if profile.current() == profile.SPARK:
        return SparkSource(
            **named, path=f"{spark.address(features_folder)}/[0-9]*/{view}.parquet", file_format="parquet"
        )
    return FileSource(**named, path=f"{glob.escape(str(features_folder))}/[0-9]*/{view}.parquet")


project = Project(name=os.environ["CHURN_EXPERIMENT"], description="churn features as of each snapshot")
customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
features_of = manifest.views(features_manifest)
views = [feature_view(name, features) for name, features in features_of.items()]
service = FeatureService(
    name=features_manifest["service"],
    features=[view[[f["name"] for f in features]] for view, features in zip(views, features_of.values(), strict=True)],
    description="the contract between training and serving",
    tags={"fingerprint": features_manifest["fingerprint"]},
)
# Feast's own commands find definitions by looking at the module's names.
globals().update({f"view_{view.name}": view for view in views})
