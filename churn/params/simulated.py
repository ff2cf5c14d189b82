"""The data section of a params file where the business is simulated: its size, its season, and what breaks when."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from churn.params.section import Section


class Breaks(Section):
    competitor: date | None = Field(None, description="a competitor opens: twice as many customers leave")
    slow_season: date | None = Field(None, description="a slow season of 90 days begins, with less use by everybody")
    feed_stops: date | None = Field(None, description="a feed (sessions; the app's purchases) reaches the log no more")


class ShopBreaks(Breaks):
    packs: date | None = Field(None, description="packs that last: nobody buys again within 120 days of a purchase")


class StreamingBreaks(Breaks):
    app_breaks: date | None = Field(None, description="the app breaks for the plan `standard`")
    price_rise: date | None = Field(None, description="prices rise by 30%, and those who pay most leave first")
    new_kind: date | None = Field(None, description="tickets become a new kind of event, `chat`")


class StreamingData(Section):
    source: Literal["streaming"] = Field(description="a simulated subscription business")
    customers: int = Field(ge=1, le=100_000_000, description="how many customers to simulate")
    months: int = Field(ge=1, le=240, description="length of the log, from 2023-01-01")
    seed: int = Field(ge=0, description="the same seed gives the same log")
    breaks: StreamingBreaks | None = Field(None, description="what breaks, and on which day; nothing where absent")

    @model_validator(mode="after")
    def breaks_lie_in_the_log(self) -> StreamingData:
        _refuse_outside(self.breaks, starts=date(2023, 1, 1), months=self.months)
        return self


class ShopData(Section):
    source: Literal["shop"] = Field(description="a simulated shop with a season, where nobody says when they leave")
    customers: int = Field(ge=1, le=100_000_000, description="how many customers to simulate")
    months: int = Field(ge=1, le=240, description="length of the log, from 2022-01-01")
    seed: int = Field(ge=0, description="the same seed gives the same log")
    season: float = Field(1.0, ge=0, le=2, description="strength of Christmas and of the summer's lull; 0: no season")
    growth: float = Field(0.15, ge=-0.9, le=10, description="how many more new customers each year, as a share")
    breaks: ShopBreaks | None = Field(None, description="what breaks, and on which day; nothing where absent")

    @model_validator(mode="after")
    def breaks_lie_in_the_log(self) -> ShopData:
        _refuse_outside(self.breaks, starts=date(2022, 1, 1), months=self.months)
        return self


def _refuse_outside(breaks: Breaks | None, *, starts: date, months: int) -> None:
    """Raises ValueError for a break that the log does not reach, of which nobody would see anything."""
    ends = date(starts.year + months // 12, months % 12 + 1, 1)
    for name, day in breaks or ():
        if day and not starts < day < ends:
            raise ValueError(f"breaks.{name} must lie within the log, after {starts} and before {ends}; found {day}")
