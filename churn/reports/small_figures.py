"""Figures as small as a word, as SVG without a script: a histogram in a table, four on the index page of a run.

They take the colours of the page they stand on, light or dark; what they show is said in words beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

NICE = [digit * 10.0**power for power in range(-4, 1) for digit in (1, 2, 5)]  # distances between two ticks
WIDE, HIGH = 240, 90  # units of the drawing, which is as wide as its place
SLIM, LOW = 96, 20  # of a histogram in a table


def histogram(counts: Sequence[int], before: Sequence[int] = ()) -> Markup:
    """Bars of these counts, each a share of all; the line is how it was `before`, in the same bins."""
    now, was = _shares(counts), _shares(before)
    top, step = max([*now, *was, 1e-9]), SLIM / max(len(now), 1)
    bars = "".join(
        f"M{place * step + 0.5:.1f} {LOW}v-{LOW * share / top:.1f}h{step - 1:.1f}V{LOW}z"
        for place, share in enumerate(now)
        if share
    )
    line = "".join(
        f"{'L' if place else 'M'}{place * step:.1f} {LOW - LOW * share / top:.1f}h{step:.1f}"
        for place, share in enumerate(was)
    )
    drawn = f'<path class="bars" fill="#8c8c8c" d="{bars}"/>'
    if line:
        drawn += f'<path class="was" fill="none" stroke="#d55e00" d="{line}"/>'
    return Markup(f'<svg class="tiny" viewBox="0 -1 {SLIM} {LOW + 1}" aria-hidden="true">{drawn}</svg>')


def months(known: Sequence[dict]) -> Markup:
    """What was expected to leave (the line) and what left (the dots), a list a month, the newest at the right."""
    shares = [share for month in known for share in (month["predicted"], month["observed"]) if is_number(share)]
    at = _axis(0, max(len(known) - 1, 1), 12, WIDE - 12)
    up = _axis(min(shares, default=0), max(shares, default=1), HIGH - 10, 10)
    expected = [(at(n), up(m["predicted"])) for n, m in enumerate(known) if is_number(m["predicted"])]
    left = [(at(n), up(m["observed"])) for n, m in enumerate(known) if is_number(m["observed"])]
    return _drawn(_line(expected, "other"), _dots(left, "champion"))


def calibration(models: dict[str, list[list[float]]]) -> Markup:
    """Model -> (predicted, observed) of its bins; the diagonal is exactly right."""
    ends = [share for points in models.values() for point in points for share in point]
    low, high = min(ends, default=0), max(ends, default=1)
    at, up = _axis(low, high, 10, WIDE - 10), _axis(low, high, HIGH - 8, 8)
    right = _line([(at(low), up(low)), (at(high), up(high))], "right")
    drawn = {name: [(at(x), up(y)) for x, y in points] for name, points in models.items()}
    marks = [mark for name in reversed(drawn) for mark in (_line(drawn[name], name), _dots(drawn[name], name, 2.5))]
    return _drawn(right, *marks)


def profit(curve: Sequence[Sequence[float]], contacted: float) -> Markup:
    """(share contacted, profit per customer) from nobody to everybody; the dot is where the threshold stands."""
    earned = [point[1] for point in curve]
    at, up = _axis(0, 1, 8, WIDE - 8), _axis(min(earned, default=0), max(earned, default=1), HIGH - 8, 8)
    nearest = min(curve, key=lambda point: abs(point[0] - contacted), default=(0, 0))
    nothing = _line([(at(0), up(0)), (at(1), up(0))], "right")
    line = _line([(at(x), up(y)) for x, y in curve], "candidate")
    return _drawn(nothing, line, _dots([(at(nearest[0]), up(nearest[1]))], "candidate", 5))


def scale(cells: list[dict]) -> dict:
    """Where values lie on an axis that holds them all, in per cent of its width; "ticks" are (label, place)."""
    values = [v for cell in cells for v in cell.values() if is_number(v)] or [0.0, 1.0]
    pad = 0.08 * (max(values) - min(values)) or 0.01
    low, width = min(values) - pad, max(values) - min(values) + 2 * pad
    step = next((step for step in NICE if width / step <= 6), 1.0)
    ticks = [step * n for n in range(math.ceil(low / step), math.floor((low + width) / step) + 1)]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))

    def place(value: float) -> str:
        return f"{100 * (value - low) / width:.2f}%"

    return {"place": place, "ticks": [(f"{tick:.{decimals}f}", place(tick)) for tick in ticks]}


def is_number(value: object) -> bool:
    """Whether there is something to draw or to write: neither missing nor infinite."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def _shares(counts: Sequence[int]) -> list[float]:
    return [count / max(sum(counts), 1) for count in counts]


def _axis(low: float, high: float, first: float, last: float):
    """Value -> place, `low` at `first` and `high` at `last`; in the middle where the two are one."""
    width = high - low
    return lambda value: first + (last - first) * ((value - low) / width if width else 0.5)


def _line(points: Iterable[tuple[float, float]], look: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{look}" points="{path}"/>'


def _dots(points: Iterable[tuple[float, float]], look: str, radius: float = 3) -> str:
    return "".join(f'<circle class="{look}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in points)


def _drawn(*marks: str) -> Markup:
    return Markup(f'<svg class="small" viewBox="0 0 {WIDE} {HIGH}" aria-hidden="true">{"".join(marks)}</svg>')
