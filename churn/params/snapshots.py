"""The snapshots section of a params file: dates, or a rule that a run resolves to dates before a kernel starts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from churn import grid
from churn.errors import InvalidParams
from churn.params.section import Section

ORIGINS = 12  # test snapshots, one a grid step, over which the level of the probabilities is judged
Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
Every = Literal["day", "week", "month"]


class SnapshotRule(Section):
    """By a rule, which becomes dates as of the end of the log, or of `--as-of DATE`."""

    TAG: ClassVar[str] = "rule"

    every: Every = Field(description="they lie on every day, every Monday, or the first of every month")
    train: int = Field(
        ge=1, le=120, description="how many training snapshots: the newest whose labels are known at the test snapshot"
    )


class Snapshots(Section):
    """Dates, as they are given or as a rule became them."""

    TAG: ClassVar[str] = "dates"

    train: list[Day] = Field(min_length=1, description="dates (00:00 UTC) as of which training customers are seen")
    test: Day = Field(description="date as of which test customers are seen")
    serve: Day = Field(description="date whose features go online: customers as they are now")
    as_of: Day | None = Field(None, description="nothing from this date on is seen, whatever the log holds")
    every: Every | None = Field(None, description="the grid that the dates were found on")
    history: list[Day] = Field([], description="further known snapshots, over which levels and seasons are judged")

    @model_validator(mode="after")
    def in_order(self) -> Snapshots:
        for name in ("train", "history"):
            if (dates := getattr(self, name)) != sorted(set(dates)):
                raise ValueError(f"{name} must ascend without repeats; found {[str(t) for t in dates]}")
        if self.serve < self.test:
            raise ValueError(f"serve must not lie before test; found serve {self.serve}, test {self.test}")
        if self.as_of and self.as_of < self.serve:
            raise ValueError(
                f"as_of must not lie before serve; found as_of {self.as_of}, serve {self.serve}; give a later one, or "
                "in place of the dates a rule that moves with it: {every: month, train: 3}"
            )
        return self

    def told(self) -> str:
        """The dates in a line."""
        grid_said = f" (every {self.every})" if self.every else ""
        history = f"; history {len(self.history)} from {self.history[0]}" if self.history else ""
        return (
            f"snapshots as of {self.as_of}{grid_said}: train {', '.join(map(str, self.train))}; test {self.test}; "
            f"serve {self.serve}{history}"
        )


def _form(value: object) -> str:
    """Which of both a section is meant to be, also where it is misspelt."""
    keys = value if isinstance(value, dict) else vars(value) if isinstance(value, Section) else {}
    train = keys.get("train")
    if isinstance(train, list) or {"test", "serve"} & {*keys}:
        return Snapshots.TAG
    return SnapshotRule.TAG if "every" in keys or isinstance(train, int) else Snapshots.TAG


SnapshotsSection = Annotated[
    Annotated[SnapshotRule, Tag(SnapshotRule.TAG)] | Annotated[Snapshots, Tag(Snapshots.TAG)], Discriminator(_form)
]


def resolve(rule: SnapshotRule, *, as_of: date, begins: date, horizon_days: int, memory_days: int) -> Snapshots:
    """The dates of a rule as of a day, from a log whose first event is known on the day that it `begins`.

    `memory_days`: how much of the log a snapshot of the history needs before it, so that its customers are those of
    others. Raises InvalidParams where the log is too short.
    """
    every, horizon = rule.every, timedelta(days=horizon_days)
    train, test = _evidence(rule, as_of, horizon)
    if train[0] <= begins:
        raise InvalidParams(_too_short(rule, [t for t in train if t > begins], as_of, begins, horizon))
    known = _history(rule, test, as_of, horizon)
    earliest = begins + timedelta(days=memory_days)
    history = sorted(t for t in known - {*train, test, as_of} if earliest <= t <= as_of - horizon)
    return Snapshots(train=train, test=test, serve=as_of, as_of=as_of, every=every, history=history)


def _evidence(rule: SnapshotRule, as_of: date, horizon: timedelta) -> tuple[list[date], date]:
    """The training snapshots and the test snapshot as of a day."""
    test = grid.newest(rule.every, as_of - horizon)
    return grid.newest_of(rule.every, test - horizon, rule.train), test


def _history(rule: SnapshotRule, test: date, as_of: date, horizon: timedelta) -> set[date]:
    """What the level at each origin is judged by: itself, the year before, and what a model of then learns from."""
    origins = grid.newest_of(rule.every, test, ORIGINS)
    known = {
        t
        for origin in (*origins, as_of)
        for t in (grid.last_year(rule.every, origin), *grid.newest_of(rule.every, origin - horizon, rule.train))
    }
    return known | {*origins}


def _too_short(rule: SnapshotRule, allowed: list[date], as_of: date, begins: date, horizon: timedelta) -> str:
    later = (as_of + timedelta(days=days) for days in range(1, 100 * 366))
    first = next((day for day in later if _evidence(rule, day, horizon)[0][0] > begins), None)
    found = f"{len(allowed)}, from {allowed[0]}" if allowed else "none"
    fewer = f"train: {len(allowed)}, " if allowed else ""
    finer = {"month": "every: week, ", "week": "every: day, "}.get(rule.every, "")
    return (
        f"snapshots: {{every: {rule.every}, train: {rule.train}}} needs {rule.train} training snapshots, whose labels "
        f"({horizon.days} days) are known at a test snapshot whose labels are known as of {as_of}; the log, which "
        f"begins on {begins}, allows {found}; the first day as of which it works is {first}: wait for it, or take "
        f"{fewer}{finer}a shorter horizon, or a log that begins earlier"
    )


def day_of(text: str, flag: str = "--as-of") -> date:
    """The day that a flag names. Raises InvalidParams."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not date(1900, 1, 1) <= day < date(2200, 1, 1):
        raise InvalidParams(f"{flag} {text!r}: must be a date from 1900 to 2199, such as 2011-12-01")
    return day
