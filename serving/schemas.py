"""What goes in and what comes out, as pydantic models; the OpenAPI document is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from churn.sources.identifiers import identifier

BATCH_LIMIT = 1000
REASONS_LIMIT = 20


def _identifier(given: object) -> object:
    """An id as the reader of the log would take it. What is neither text nor a number is left to be refused."""
    if isinstance(given, bool) or not isinstance(given, str | int | float) or given != given:
        return given
    if not (words := identifier(given)).isascii() and any("\ud800" <= sign <= "\udfff" for sign in words):
        raise ValueError("must be text in Unicode; found half of a surrogate pair")
    return words


CustomerId = Annotated[
    str,
    BeforeValidator(_identifier, json_schema_input_type=str | float),
    Field(
        min_length=1,
        max_length=200,
        pattern=r"[^ \t\n\r\x0b\x0c]",  # for callers: of nothing but spaces nothing is left
        description="the customer's id, as in the event log",
        examples=["00005"],
    ),
]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _whole(given: object) -> object:
    """JSON knows one kind of number: 3.0 is as whole as 3."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


Reasons = Annotated[
    int,
    Field(ge=0, le=REASONS_LIMIT, description="how many reasons to give with a score, the weightiest first"),
    BeforeValidator(_whole),  # after the limits, or the document would not tell them
]


class PredictRequest(Input):
    customer_id: CustomerId
    reasons: Reasons = 0


class BatchRequest(Input):
    customer_ids: list[CustomerId] = Field(min_length=1, max_length=BATCH_LIMIT)
    reasons: Reasons = 0


class ModelName(BaseModel):
    name: str
    version: int
    run_id: str = Field(description="the MLflow run that trained it")


class Reason(BaseModel):
    """What moves a score: the features that tell of one thing."""

    said: str = Field(examples=["no purchase for 94 days (usually every 21)"])
    log_odds: float = Field(description="what it adds to the log-odds of the average customer")
    features: dict[str, float | str | None]


class LogOdds(BaseModel):
    """The average, the reasons and the others add up to the score: the log-odds of `churn_probability`."""

    average: float = Field(description="of the average customer of the training rows, at this level")
    others: float = Field(description="what everything else adds that is not among the reasons")
    score: float


class Score(BaseModel):
    """One customer's churn probability and what it rests on."""

    customer_id: str
    churn_probability: float = Field(ge=0, le=1)
    features_as_of: datetime = Field(description="the snapshot that the features describe")
    level_as_of: date = Field(description="the snapshot at whose level the probability stands")
    threshold: float | None = Field(description="from this probability on, contacting the customer pays")
    flagged: bool | None = Field(description="churn_probability >= threshold")
    out_of_range: list[str] = Field(
        description="features outside what the model saw in training: the score is a guess there"
    )
    log_odds: LogOdds | None = Field(None, description="where reasons were asked for")
    reasons: list[Reason] | None = Field(None, description="where they were asked for")


class Prediction(Score):
    request_id: str
    model: ModelName
    scored_at: datetime


class Fault(BaseModel):
    field: str
    message: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Fault] | None = None


class Refused(BaseModel):
    """A customer of a batch that could not be scored."""

    customer_id: str
    error: CustomerProblem


class CustomerProblem(BaseModel):
    type: str
    title: str
    status: int
    detail: str


class Batch(BaseModel):
    """One entry a customer, in the order of the request, all by one model version."""

    request_id: str
    model: ModelName
    scored_at: datetime
    results: list[Score | Refused]


class Health(BaseModel):
    status: Literal["ok"]


class Ready(BaseModel):
    status: Literal["ready"]
    model: ModelName
    warnings: list[str] = Field(description="what needs a look although predictions are answered")


class InProduction(BaseModel):
    """The model that answers and what is known of it; `model` is null when there is none."""

    model: dict[str, Any] | None
    threshold: float | None = None
    economics: dict[str, Any] | None = Field(None, description="what each customer's own threshold follows from")
    test_auc: float | None = None
    feature_service: str | None = None
    loaded_at: datetime | None = None
    scored_by: str | None = Field(None, description="numpy, or scikit-learn where numpy would not give the same")
    level: dict[str, Any] | None = Field(
        None,
        description="what is added to its log-odds at the newest snapshot that it has a level for, why, what is known "
        "of the season, and the share of leavers expected with its interval",
    )
    decision: dict[str, Any] | None = Field(None, description="who put it into production, when and why")
    training_ranges: dict[str, dict[str, Any]] | None = None
    warnings: list[str]


Refused.model_rebuild()
