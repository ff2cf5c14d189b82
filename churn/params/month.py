"""What comes back every month: the sections `retrain` and `score` of a params file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from churn.params.section import Section


class EveryMonths(Section):
    months: int = Field(ge=1, le=120, description="months in production after which a version is trained anew")


When = Annotated[
    Annotated[Literal["always", "alarm", "never"], Tag("word")] | Annotated[EveryMonths, Tag("every so many")],
    Discriminator(lambda given: "every so many" if isinstance(given, dict | EveryMonths) else "word"),
]


class Retrain(Section):
    when: When = Field(
        "always", description="each run trains a challenger; or only under an alarm, after so many months, or never"
    )


class Score(Section):
    control: float = Field(
        0.1, ge=0, lt=1, description="share of those to be contacted who are kept back, so that the effect is measured"
    )
    contacted: str | None = Field(
        None, description="file of who was contacted (customer_id, at), CSV or Parquet; null: all who were to be"
    )
