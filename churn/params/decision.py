"""How a model is judged: the sections `evaluate` and `promote` of a params file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from churn.params.section import Section

Fraction = Annotated[float, Field(gt=0, lt=1)]
GONE = {  # rules of earlier versions, and what asks instead
    "baseline_margin": "log_loss (true) asks",
    "max_calibration_error": "max_level_error (0.05), slope ([0.8, 1.25]) and max_shape_error (0.03) ask",
}


class OwnValue(Section):
    column: str = Field(description="feature that holds it: its name, or its name without the kind")
    margin: float = Field(1.0, gt=0, le=1, description="share of it that is kept when a leaver is saved")


Money = Annotated[float, Field(ge=0)]
Value = Annotated[
    Annotated[Money, Tag("number")] | Annotated[OwnValue, Tag("own")],
    Discriminator(lambda given: "own" if isinstance(given, dict | OwnValue) else "number"),
]


class Economics(Section):
    contact_cost: float = Field(1.0, ge=0, description="money spent on each customer contacted")
    saved_value: Value = Field(
        40.0, description="money kept when a leaver is saved; {column, margin}: the customer's own"
    )
    success_rate: float = Field(0.2, ge=0, le=1, description="share of contacted leavers who stay")


class Evaluate(Section):
    top_fraction: Fraction = Field(0.1, description="share of customers flagged for precision, recall and lift")
    bootstrap: int = Field(1000, ge=50, le=100_000, description="resamples behind each interval")
    economics: Economics = Economics()
    budget: int | None = Field(None, ge=1, description="at most so many contacts; null: as many as pay")


def _without_gone(given: object) -> object:
    """The rules by name, as they are given. Raises ValueError for one that is gone, with what asks in its place."""
    for name in given if isinstance(given, dict | list) else ():
        if isinstance(name, str) and name in GONE:
            raise ValueError(f"{name} is no longer a rule: {GONE[name]} in its place")
    return given


class Rules(Section):
    min_auc: float | None = Field(0.75, ge=0, le=1, description="floor that the AUC's interval has to reach")
    max_level_error: float | None = Field(
        0.05, ge=0, le=1, description="mean predicted against observed churn, over up to twelve known snapshots"
    )
    slope: list[Annotated[float, Field(gt=0)]] | None = Field(
        [0.8, 1.25], min_length=2, max_length=2, description="lowest and highest slope of the log-odds; 1 is right"
    )
    max_shape_error: float | None = Field(
        0.03, ge=0, le=1, description="calibration error once the level is mended, or what chance alone makes"
    )
    log_loss: bool | None = Field(True, description="log loss is below that of each baseline, beyond doubt")
    min_leavers: int | None = Field(
        200, ge=0, description="with fewer leavers or stayers in the test a person has to decide"
    )
    champion_margin: float | None = Field(
        0.005, ge=0, le=1, description="AUC whose loss against the champion should be noticed"
    )
    best_margin: float | None = Field(
        0.005, ge=0, le=1, description="AUC that may be lost against the best of the last twelve in production"
    )
    segment_margin: float | None = Field(0.05, ge=0, le=1, description="AUC that any segment may lose")
    min_profit: float | None = Field(0.0, description="money per customer that the profit's interval has to reach")
    parity: bool = Field(True, description="online features of a sample equal the offline ones exactly")
    signature: bool = Field(True, description="the feature service holds every column that the model takes")

    @model_validator(mode="before")
    @classmethod
    def none_of_before(cls, given: object) -> object:
        return _without_gone(given)

    @field_validator("slope")
    @classmethod
    def ascending(cls, slope: list[float] | None) -> list[float] | None:
        if slope and not slope[0] < 1 < slope[1]:
            raise ValueError(f"needs its lowest below 1 and its highest above, for 1 is right; found {slope}")
        return slope


RuleName = Literal[tuple(Rules.model_fields)]


class Promote(Section):
    approval: Literal["automatic", "required"] = Field("automatic", description="required: stop at Staging")
    four_eyes: bool = Field(False, description="an approval by who started the training run is refused")
    advisory: list[RuleName] = Field([], description="rules whose failure is shown and refuses nothing")
    rules: Rules = Rules()

    @model_validator(mode="after")
    def somebody_is_asked(self) -> Self:
        if self.four_eyes and self.approval != "required":
            raise ValueError(f"four_eyes asks for approval: required; found approval: {self.approval}; set it, too")
        return self

    @field_validator("advisory", mode="before")
    @classmethod
    def none_of_before(cls, given: object) -> object:
        return _without_gone(given)
