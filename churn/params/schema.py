"""The schema of a params file. Every refusal happens here, before a kernel starts.

`load("params/cdnow.yaml", ["train.model=hist_gradient_boosting"])` returns `Params`, or raises
`InvalidParams` with one line a fault: file, key, rule, value found and the nearest valid name.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from churn.errors import InvalidParams
from churn.params import yaml_file
from churn.params.data import Data, TablesData
from churn.params.decision import Evaluate, Fraction, Promote
from churn.params.month import Retrain, Score
from churn.params.section import Section
from churn.params.snapshots import SnapshotRule, Snapshots, SnapshotsSection

Days = Annotated[int, Field(ge=1, le=36_500)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


# --- label: who counts, and who left ---


class InactivityLabel(Section):
    rule: Literal["inactivity"] = Field(description="who stays silent has left")
    horizon_days: Days = Field(description="left = no event in this many days after the snapshot")
    active_within_days: Days = Field(description="counts = an event in this many days before the snapshot")
    kinds: list[str] | None = Field(
        None, min_length=1, description="kinds of event that count as activity; all where absent"
    )


class EventLabel(Section):
    rule: Literal["event"] = Field(description="who cancels has left")
    kind: str = Field(description="left = an event of this kind within the horizon")
    horizon_days: Days = Field(description="days after the snapshot that the label looks at")


class GivenLabel(Section):
    rule: Literal["given"] = Field("given", description="the labels of `source: tables`; the section may be left out")


Label = Annotated[InactivityLabel | EventLabel | GivenLabel, Field(discriminator="rule")]


# --- the rest of the file ---


class Features(Section):
    windows_days: list[Days] = Field([30, 90, 180], min_length=1, description="look-back windows")
    recipe: Literal["pace", "windows", "both"] = Field(
        "both", description="what is told of events: the customer's own pace, totals in the windows, or both"
    )

    @field_validator("windows_days")
    @classmethod
    def ascending(cls, windows: list[int]) -> list[int]:
        if windows != sorted(set(windows)):
            raise ValueError(f"windows must ascend without repeats; found {windows}")
        return windows


class Logistic(Section):
    C: float = Field(1.0, gt=0, description="inverse strength of the L2 penalty")


class HistGradientBoosting(Section):
    max_iter: int = Field(100, ge=1, le=10_000, description="number of trees")
    learning_rate: float = Field(0.05, gt=0, le=1, description="share of each tree's correction that is taken")
    max_leaf_nodes: int = Field(8, ge=2, description="leaves of a tree")
    min_samples_leaf: int = Field(100, ge=1, description="training rows that a leaf needs")


class Train(Section):
    split: Literal["temporal", "entity"] = Field("temporal", description="test on a later snapshot, or on other people")
    test_fraction: Fraction = Field(0.25, description="share of customers that `split: entity` keeps for the test")
    model: Literal["logistic", "hist_gradient_boosting", "bg_nbd", "pareto_nbd"] = Field(
        "logistic", description="the estimator; bg_nbd and pareto_nbd have no settings and take `rule: inactivity`"
    )
    max_rows: int = Field(
        500_000,
        ge=1_000,
        description="customers at snapshots that are held in memory; of more, a sample of about so many is drawn by "
        "customer, and probabilities stand at the level of everybody",
    )
    trusted_features: list[str] = Field(
        [], description="features that may tell leavers by themselves: it is certain that the snapshot knew them"
    )
    logistic: Logistic = Logistic()
    hist_gradient_boosting: HistGradientBoosting = HistGradientBoosting()


class Timeouts(Section):
    features: int | None = Field(None, ge=1, description="seconds after which the stage is stopped; null: never")
    monitor: int | None = Field(None, ge=1, description="the same for the look back")
    train: int | None = Field(None, ge=1, description="the same for training")
    evaluate: int | None = Field(None, ge=1, description="the same for the evaluation")
    promote: int | None = Field(None, ge=1, description="the same for the decision")
    score: int | None = Field(None, ge=1, description="the same for the list of customers")


class Serving(Section):
    max_feature_age_days: Days | None = Field(None, description="older features are an error (409); null: any age")
    as_of: datetime | None = Field(None, description="the clock for that age; null: now")


class Params(Section):
    """One run: `experiment` names the MLflow experiment, the registered model and the Feast project."""

    experiment: Name = Field(description="names the MLflow experiment, the registered model and the Feast project")
    seed: int = Field(ge=0, lt=2**32, description="for everything that is drawn at random")
    engine: Literal["duckdb", "spark"] = Field(
        "duckdb", description="what computes features, labels and scores: this machine alone, or a cluster"
    )
    data: Data
    label: Label = GivenLabel()
    snapshots: SnapshotsSection
    features: Features = Features()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    promote: Promote = Promote()
    retrain: Retrain = Retrain()
    score: Score = Score()
    serving: Serving = Serving()
    timeouts: Timeouts = Timeouts()

    @field_validator("experiment")
    @classmethod
    def not_a_folder_of_the_state(cls, name: str) -> str:
        if name in ("runs", "artifacts"):
            raise ValueError(f"{name!r} is a folder that all experiments share; choose another name")
        return name

    @property
    def horizon_days(self) -> int:
        """Days after a snapshot until its label is known."""
        return self.data.labels.horizon_days if isinstance(self.data, TablesData) else self.label.horizon_days

    @property
    def memory_days(self) -> int:
        """Days of the log before a snapshot that who counts at it depends on."""
        return getattr(self.label, "active_within_days", self.horizon_days)

    @model_validator(mode="after")
    def label_fits_the_source(self) -> Params:
        if isinstance(self.data, TablesData) != isinstance(self.label, GivenLabel):
            needed = (
                "its own data.labels, no label section"
                if isinstance(self.data, TablesData)
                else "a label section: {rule: inactivity, ...} or {rule: event, ...}"
            )
            raise ValueError(f"label: `source: {self.data.source}` takes {needed}")
        return self

    @model_validator(mode="after")
    def rule_fits_the_source(self) -> Params:
        if isinstance(self.snapshots, SnapshotRule) and isinstance(self.data, TablesData):
            raise ValueError(
                "snapshots: ready-made features have the snapshots that data.snapshots lists, so no rule finds them; "
                "give the dates: {train: [...], test: ..., serve: ...}"
            )
        return self

    @model_validator(mode="after")
    def model_fits_label_and_features(self) -> Params:
        if self.train.model not in ("bg_nbd", "pareto_nbd"):
            return self
        if self.label.rule != "inactivity":
            raise ValueError(
                f"train.model: {self.train.model} tells how likely silence is, and takes `label: {{rule: inactivity, "
                f"...}}`; found rule {self.label.rule}; use logistic or hist_gradient_boosting"
            )
        if self.features.recipe == "windows":
            raise ValueError(
                f"train.model: {self.train.model} learns from the features of pace; found features.recipe windows; "
                "use pace or both"
            )
        return self

    @model_validator(mode="after")
    def embargo(self) -> Params:
        """Training labels are known when the model would have been trained, and all that is tested on as of the end."""
        if isinstance(self.snapshots, SnapshotRule):
            return self
        last, test = self.snapshots.train[-1], self.snapshots.test
        self._refuse_open_labels([*self.snapshots.history, test])
        if self.train.split == "entity" and test in self.snapshots.train:
            return self
        known = last + timedelta(days=self.horizon_days)
        if last >= test or known > test:
            raise ValueError(
                f"snapshots: the label of the last train snapshot {last} is known on {known} (horizon "
                f"{self.horizon_days} days), after the test snapshot {test}; move test to {known} or later"
                if last < test
                else f"snapshots: train snapshot {last} must lie before the test snapshot {test} when split is temporal"
            )
        return self

    def _refuse_open_labels(self, tested: list[date]) -> None:
        as_of, horizon = self.snapshots.as_of, timedelta(days=self.horizon_days)
        for day in tested:
            if as_of and day + horizon > as_of:
                raise ValueError(
                    f"snapshots: the label of {day} is known on {day + horizon} (horizon {self.horizon_days} days), "
                    f"after as_of {as_of}, from which on nothing is seen; give a snapshot up to {as_of - horizon}"
                )

    @model_validator(mode="after")
    def tables_have_the_snapshots(self) -> Params:
        if isinstance(self.data, TablesData) and isinstance(self.snapshots, Snapshots):
            used = [str(d) for d in (*self.snapshots.train, self.snapshots.test, self.snapshots.serve)]
            missing = sorted(set(used) - set(self.data.snapshots))
            if missing:
                raise ValueError(
                    f"data.snapshots: no folder for {', '.join(missing)}; found "
                    f"{', '.join(sorted(self.data.snapshots))}"
                )
        return self


def with_snapshots(params: Params, dates: Snapshots) -> Params:
    """The parameters with these dates. Raises InvalidParams where they do not fit the rest."""
    try:
        return Params.model_validate(params.model_dump() | {"snapshots": dates.model_dump()})
    except ValidationError as error:
        raise InvalidParams("\n".join(yaml_file.explain(error, Params, Path(f"--as-of {dates.as_of}")))) from None


def load(path: str | Path, overrides: list[str] | None = None) -> Params:
    """Read, override and check a params file. Raises InvalidParams with every fault found, a line each."""
    tree = yaml_file.read(Path(path))
    for override in overrides or []:
        yaml_file.override(tree, override)
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise InvalidParams("\n".join(yaml_file.explain(error, Params, Path(path)))) from None
