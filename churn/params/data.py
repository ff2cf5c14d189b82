"""The data section of a params file: where the events, or the ready-made features, come from, and how they are read."""

from __future__ import annotations

import codecs
import difflib
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator, model_validator

from churn.params.section import Section
from churn.params.simulated import ShopData, StreamingData

COUNTED = ("epoch_s", "epoch_ms", "serial")
DATES = ("iso", "day_first", "month_first", "year_first", *COUNTED)
NULL_WORDS = Field(
    None, description="words that stand for nothing, in any case; nan, null, none, n/a, ... where absent"
)
IDS = Field(None, description="ids that differ in case only are different customers; refused where absent")


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
    column: str = Field(description="its column that says who left: true or false, yes or no, 1 or 0")
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


Data = Annotated[
    EventsData | DatabaseData | TablesData | CdnowData | StreamingData | ShopData, Field(discriminator="source")
]
