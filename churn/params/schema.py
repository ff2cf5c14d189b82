"""The schema of a params file. Every refusal happens here, before a kernel starts.

`load("params/cdnow.yaml", ["train.model=hist_gradient_boosting"])` returns `Params`, or raises
`InvalidParams` with one line a fault: file, key, rule, value found and the nearest valid name.
"""

from __future__ import annotations

import codecs
import difflib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from churn.errors import InvalidParams
from churn.params import yaml_file

COUNTED = ("epoch_s", "epoch_ms", "serial")
DATES = ("iso", "day_first", "month_first", "year_first", *COUNTED)
Fraction = Annotated[float, Field(gt=0, lt=1)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
NULL_WORDS = Field(
    None, description="words that stand for nothing, in any case; nan, null, none, n/a, ... where absent"
)
IDS = Field(None, description="ids that differ in case only are different customers; refused where absent")


class Section(BaseModel):
    """A section of the file: unknown keys are refused, types are not coerced, values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


# --- data: where the events, or the ready-made features, come from ---


class FileFormat(Section):
    """How files are written; what is left out is found out from them, and stands in the run's own parameters."""

    separator: str | None = Field(None, min_length=1, max_length=1, description="what parts the columns of CSV")
    decimal: Literal[".", ","] | None = Field(None, description="the decimal mark in numbers")
    thousands: Literal["", ".", ",", " ", "'"] | None = Field(None, description="the mark of thousands in numbers")
    encoding: str | None = Field(None, description="of text files: utf-8, cp1252, latin-1, utf-16, ...")
    dates: str | dict[str, str] | None = Field(
        None,
        description="how times are written: iso, day_first, month_first, year_first, epoch_s, epoch_ms, serial, or a "
        "pattern of strptime; or one of these for each column",
    )
    header: int | None = Field(None, ge=0, description="the line with the names of the columns; 0 where there is none")
    sheet: str | None = Field(None, description="the sheet of a workbook")

    @field_validator("dates")
    @classmethod
    def known(cls, dates: str | dict[str, str] | None) -> str | dict[str, str] | None:
        for way in dates.values() if isinstance(dates, dict) else filter(None, [dates]):
            if way not in DATES and "%" not in way:
                raise ValueError(f"must be one of {', '.join(DATES)}, or a pattern such as '%d %b %Y'; found {way!r}")
        return dates

    @field_validator("encoding")
    @classmethod
    def readable(cls, encoding: str | None) -> str | None:
        try:
            return encoding and codecs.lookup(encoding) and encoding
        except LookupError:
            raise ValueError(f"there is no encoding {encoding!r}; utf-8, cp1252, latin-1, utf-16 are") from None


class EventColumns(Section):
    customer_id: str = Field(description="their column with the customer's id, or an expression")
    at: str = Field(description="their column with the time of the event, or an expression")
    kind: str | None = Field(None, description="their column with the kind of event, or an expression; or give `kind`")
    value: str | None = Field(
        None, description="their column with money, minutes or a count, or an expression; 1 where absent"
    )
    arrived_at: str | None = Field(
        None, description="their column with the time when the row reached the log; a snapshot sees no later ones"
    )
    event_id: str | None = Field(None, description="their column that is the same on all lines of one event")


class CustomerColumns(Section):
    customer_id: str = Field(description="their column with the customer's id, or an expression")
    signup_at: str = Field(description="their column with the time of sign-up, or an expression")


class Written(Section):
    """How a table is written."""

    format: FileFormat | None = Field(None, description="how the files are written; found out where absent")
    zone: str | None = Field(None, description="time zone of times without one, such as Europe/Amsterdam; UTC")

    @field_validator("zone")
    @classmethod
    def known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            near = difflib.get_close_matches(zone, available_timezones(), 1)
            raise ValueError(f"there is no time zone {zone!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return zone


class Rows(Written):
    """How the rows of a table are read."""

    where: str | None = Field(None, description="condition on the rows that are read")


class CustomersFile(Rows):
    path: str = Field(description="a file with one row a customer")
    columns: CustomerColumns
    segments: list[str] = Field([], description="text columns by which results are also reported")


class EventsInput(Rows):
    path: str | list[str] = Field(description="a file, a list, a pattern, or a folder")
    columns: EventColumns
    kind: str | None = Field(None, description="one kind for all events of this table")


class EventRules(Rows):
    """What holds for a log, wherever it comes from."""

    columns: EventColumns | None = Field(None, description="their columns; of several tables, each has its own")
    kind: str | None = Field(None, description="one kind for all events, where no column has it")
    duplicates: Literal["refuse", "drop", "keep"] | None = Field(
        None, description="exact duplicates of rows; counted and told where absent, refused where whole files overlap"
    )
    max_rejected: float = Field(0.01, ge=0, le=1, description="share of unusable rows above which the run is refused")
    max_kinds: int = Field(50, ge=1, description="number of kinds above which the run is refused")
    max_customer_share: float = Field(
        0.1, gt=0, le=1, description="share of all events that one customer among 50 and more may have"
    )
    null_words: list[str] | None = NULL_WORDS
    ids: Literal["case_sensitive"] | None = IDS

    @model_validator(mode="after")
    def one_kind(self) -> EventRules:
        for table in [self, *(getattr(self, "inputs", None) or [])]:
            if table.kind and table.columns and table.columns.kind:
                raise ValueError("give data.kind (a constant) or data.columns.kind (a column), not both")
        return self


class EventsData(EventRules):
    source: Literal["events"] = Field(description="any event log")
    path: str | list[str] | None = Field(None, description="a file, a list, a pattern, or a folder")
    inputs: list[EventsInput] | None = Field(None, min_length=1, description="several tables, joined into one log")
    customers: CustomersFile | None = Field(None, description="without it, sign-up is the first event")

    @model_validator(mode="after")
    def one_table_or_several(self) -> EventsData:
        own = [name for name in ("path", "columns", "kind", "where", "format") if getattr(self, name) is not None]
        if self.inputs and own:
            raise ValueError(f"with data.inputs each table has its own {own[0]}: move data.{own[0]} into them")
        if not self.inputs and not (self.path and self.columns):
            raise ValueError(f"needs {'columns' if self.path else 'path'}, or inputs for several tables")
        if len(self.inputs or []) > 1 and (bare := [i.path for i in self.inputs if not (i.kind or i.columns.kind)]):
            raise ValueError(f"inputs: {bare[0]} needs a kind, by which its events are told from the others'")
        return self


class DatabaseRows(Rows):
    table: str | None = Field(None, min_length=1, description="a table or a view, `schema.table` where need be")
    query: str | None = Field(None, min_length=1, description="or one query that only reads")

    @field_validator("format")
    @classmethod
    def of_values(cls, format: FileFormat | None) -> FileFormat | None:
        """How texts are to be read may be said of a database too; what is said of files may not."""
        for name in ("separator", "encoding", "header", "sheet"):
            if format and getattr(format, name) is not None:
                raise ValueError(f"a database has no {name}; leave it out")
        return format

    @model_validator(mode="after")
    def one_of_both(self) -> DatabaseRows:
        if (self.table is None) == (self.query is None):
            raise ValueError("give a table or a query, one of them")
        return self


class DatabaseCustomers(DatabaseRows):
    columns: CustomerColumns
    segments: list[str] = Field([], description="text columns by which results are also reported")


class DatabaseData(DatabaseRows, EventRules):
    source: Literal["database"] = Field(description="an event log in PostgreSQL or SQLite")
    url: str = Field(
        description="`${NAME}`, in whose value in the environment stands postgresql://... or sqlite:////folder/file.db"
    )
    columns: EventColumns
    customers: DatabaseCustomers | None = Field(None, description="without it, sign-up is the first event")


class TableColumns(Section):
    customer_id: str = Field(description="the column with the customer's id, in every table")


class GivenLabels(Section):
    table: str = Field(description="name of the file with the labels, without its ending")
    column: str = Field(description="its column that says who left: true or false, yes or no, 1 or 0, ...")
    horizon_days: int = Field(
        0, ge=0, le=36_500, description="days after the snapshot that the label looks at; for the embargo"
    )


class TablesData(Written):
    source: Literal["tables"] = Field(description="ready-made features and labels")
    path: str = Field(".", description="folder that the snapshots' folders lie in")
    columns: TableColumns
    tables: list[str] = Field(min_length=1, description="ready-made feature tables, one feature view each")
    snapshots: dict[str, str] = Field(min_length=1, description="snapshot date: its folder")
    labels: GivenLabels
    segments: list[str] = Field([], description="text columns by which results are also reported")
    categories: list[str] = Field([], description="columns that are categories whatever is in them, such as codes")
    future_dates: list[str] = Field(
        [], description="columns of dates that may rightly lie after the snapshot, such as the end of a contract"
    )
    formats: dict[str, FileFormat] | None = Field(
        None, description="table: how its files are written, where that is not as `format` says"
    )
    null_words: list[str] | None = NULL_WORDS
    ids: Literal["case_sensitive"] | None = IDS

    @model_validator(mode="after")
    def formats_of_tables(self) -> TablesData:
        if unknown := sorted({*(self.formats or {})} - {*self.tables, self.labels.table}):
            raise ValueError(f"formats: there is no table {unknown[0]!r}; found {', '.join(self.tables)}")
        for format in filter(None, [self.format, *(self.formats or {}).values()]):
            if format.dates in COUNTED:
                raise ValueError(
                    f"format.dates: any whole number may be {format.dates}; say of which column, as in "
                    f"dates: {{signup_date: {format.dates}}}"
                )
        return self


class CdnowData(Section):
    source: Literal["cdnow"] = Field(description="the CD shop's purchases, which come with the packages")


class StreamingData(Section):
    source: Literal["streaming"] = Field(description="a simulated subscription business")
    customers: int = Field(ge=1, le=100_000_000, description="how many customers to simulate")
    months: int = Field(ge=1, le=240, description="length of the log, from 2023-01-01")
    seed: int = Field(ge=0, description="the same seed gives the same log")


Data = Annotated[EventsData | DatabaseData | TablesData | CdnowData | StreamingData, Field(discriminator="source")]


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


class Snapshots(Section):
    train: list[Day] = Field(min_length=1, description="dates (00:00 UTC) as of which training customers are seen")
    test: Day = Field(description="date as of which test customers are seen")
    serve: Day = Field(description="date whose features go online: customers as they are now")

    @model_validator(mode="after")
    def in_order(self) -> Snapshots:
        if self.train != sorted(set(self.train)):
            raise ValueError(f"train must ascend without repeats; found {[str(t) for t in self.train]}")
        if self.serve < self.test:
            raise ValueError(f"serve must not lie before test; found serve {self.serve}, test {self.test}")
        return self


class Features(Section):
    windows_days: list[Days] = Field([30, 90, 180], min_length=1, description="look-back windows")

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
    model: Literal["logistic", "hist_gradient_boosting"] = Field("logistic", description="the estimator")
    trusted_features: list[str] = Field(
        [], description="features that may tell leavers by themselves: it is certain that the snapshot knew them"
    )
    logistic: Logistic = Logistic()
    hist_gradient_boosting: HistGradientBoosting = HistGradientBoosting()


class Economics(Section):
    contact_cost: float = Field(1.0, ge=0, description="money spent on each customer contacted")
    saved_value: float = Field(40.0, ge=0, description="money kept when a leaver is saved")
    success_rate: float = Field(0.2, ge=0, le=1, description="share of contacted leavers who stay")


class Evaluate(Section):
    top_fraction: Fraction = Field(0.1, description="share of customers flagged for precision, recall and lift")
    bootstrap: int = Field(1000, ge=50, le=100_000, description="resamples behind each interval")
    economics: Economics = Economics()


class Rules(Section):
    min_auc: float | None = Field(0.75, ge=0, le=1, description="floor for the test AUC")
    baseline_margin: float | None = Field(0.005, ge=0, le=1, description="AUC above the best trivial baseline")
    champion_margin: float | None = Field(0.005, ge=0, le=1, description="AUC that may be lost against the champion")
    max_calibration_error: float | None = Field(
        0.08, ge=0, le=1, description="ceiling for the expected calibration error"
    )
    segment_margin: float | None = Field(0.05, ge=0, le=1, description="AUC that any segment may lose")

    min_profit: float | None = Field(0.0, description="expected money per customer at the threshold")
    parity: bool = Field(True, description="online features of a sample equal the offline ones exactly")
    signature: bool = Field(True, description="the feature service holds every column that the model takes")


RuleName = Literal[tuple(Rules.model_fields)]


class Promote(Section):
    approval: Literal["automatic", "required"] = Field("automatic", description="required: stop at Staging")
    advisory: list[RuleName] = Field([], description="rules whose failure is shown and refuses nothing")
    rules: Rules = Rules()


class Timeouts(Section):
    features: int | None = Field(None, ge=1, description="seconds after which the stage is stopped; null: never")
    train: int | None = Field(None, ge=1, description="the same for training")
    evaluate: int | None = Field(None, ge=1, description="the same for the evaluation")
    promote: int | None = Field(None, ge=1, description="the same for the decision")


class Serving(Section):
    max_feature_age_days: Days | None = Field(None, description="older features are an error (409); null: any age")
    as_of: datetime | None = Field(None, description="the clock for that age; null: now")


class Params(Section):
    """One run: `experiment` names the MLflow experiment, the registered model and the Feast project."""

    experiment: Name = Field(description="names the MLflow experiment, the registered model and the Feast project")
    seed: int = Field(ge=0, lt=2**32, description="for everything that is drawn at random")
    data: Data
    label: Label = GivenLabel()
    snapshots: Snapshots
    features: Features = Features()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    promote: Promote = Promote()
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
    def embargo(self) -> Params:
        """Training labels are known when the model would have been trained (design: time)."""
        last, test = self.snapshots.train[-1], self.snapshots.test
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

    @model_validator(mode="after")
    def tables_have_the_snapshots(self) -> Params:
        if isinstance(self.data, TablesData):
            used = [str(d) for d in (*self.snapshots.train, self.snapshots.test, self.snapshots.serve)]
            missing = sorted(set(used) - set(self.data.snapshots))
            if missing:
                raise ValueError(
                    f"data.snapshots: no folder for {', '.join(missing)}; found "
                    f"{', '.join(sorted(self.data.snapshots))}"
                )
        return self


def load(path: str | Path, overrides: list[str] | None = None) -> Params:
    """Read, override and check a params file. Raises InvalidParams with every fault found, a line each."""
    tree = yaml_file.read(Path(path))
    for override in overrides or []:
        yaml_file.override(tree, override)
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise InvalidParams("\n".join(yaml_file.explain(error, Params, Path(path)))) from None
