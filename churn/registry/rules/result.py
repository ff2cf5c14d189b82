"""What a rule returns, and how its figures are compared and written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

Interval = Mapping[str, float]  # estimate, low, high
ROUNDING = 1e-12  # 0.70 - 0.75 is a hair below -0.05 in floating point; a limit that is met exactly is met


@dataclass(frozen=True)
class RuleResult:
    """One rule applied: `value` is what was measured, None when there was nothing to measure or to compare with.

    A failed `advisory` rule is shown and refuses nothing; an `undecided` one could not be applied, so that a person
    has to decide. `limit` is a pair for a range.
    """

    rule: str
    limit: float | list[float] | None
    value: float | None
    observed: str
    passed: bool
    text: str
    why: str
    advisory: bool = False
    undecided: bool = False

    @property
    def outcome(self) -> str:
        """pass, FAIL, advisory or undecided, as the report shows it."""
        if self.passed:
            return "pass"
        return "advisory" if self.advisory else "undecided" if self.undecided else "FAIL"


def at_least(value: float, limit: float) -> bool:
    """False for NaN: what could not be measured never passes."""
    return bool(value >= limit - ROUNDING)


def number(value: float | None) -> float:
    """A value as a document holds it; null is not a number."""
    return math.nan if value is None else float(value)


def numbers(interval: Interval) -> dict[str, float]:
    """Estimate, low and high of an interval as a document holds it."""
    return {end: number(interval.get(end)) for end in ("estimate", "low", "high")}


def figures(*values: float, signed: bool = False) -> tuple[str, ...]:
    """The numbers with three decimals, or with as many more as it takes to tell the first from the last, a limit."""
    first, limit = values[0], values[-1]
    for decimals in range(3, 10):
        texts = tuple(f"{value:{'+' if signed else ''}.{decimals}f}" for value in values)
        if texts[0] != texts[-1] or abs(first - limit) <= ROUNDING:
            break
    return texts


def spelled(interval: Interval, decimals: int = 3) -> str:
    """`+0.010 (+0.004 to +0.016)`."""
    estimate, low, high = (f"{value:+.{decimals}f}" for value in numbers(interval).values())
    return f"{estimate} ({low} to {high})"
