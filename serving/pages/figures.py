"""Where things lie in the small pictures of the pages, in units of a drawing that is 100 wide."""

from __future__ import annotations

from collections.abc import Sequence


def places(intervals: Sequence[dict], *, pad: float = 0.1) -> list[dict]:
    """Intervals (estimate, low, high) on one axis: `at`, `left` and `width` each; differences have an axis of their own
    and are left out."""
    shown = [one for one in intervals if one.get("model") != "difference" and one["low"] is not None]
    scale = _scale([value for one in shown for value in (one["estimate"], one["low"], one["high"])], pad)
    return [one | _on(scale, one["estimate"], one["low"], one["high"]) for one in shown]


def tests(document: dict) -> list[dict]:
    """A row for each metric of the test: its `path`, and in `cells` the path of its interval by model, None without."""
    rows: dict[str, dict] = {}
    for n, one in enumerate((document.get("evaluation") or {}).get("intervals", [])):
        path = f"evaluation.intervals.{n}"
        row = rows.setdefault(one["metric"], {"path": f"{path}.metric", "cells": {}})
        row["cells"][one["model"]] = path
    return list(rows.values())


def of_metric(document: dict, metric: str) -> list[dict]:
    """The intervals of one metric in a document's test, each with its `path`: this version, the one before."""
    held = enumerate((document.get("evaluation") or {}).get("intervals", []))
    return places([one | {"path": f"evaluation.intervals.{n}"} for n, one in held if one["metric"] == metric])


def month_places(months: Sequence[dict]) -> list[dict]:
    """Of each month where the share that left lies, with its interval, and what was expected: `at`, `left`, `width`,
    `expected` and `expected_left`, `expected_width`; all months on one axis."""
    names = ("observed", "observed_low", "observed_high", "predicted", "expected_low", "expected_high")
    scale = _scale([month[name] for month in months for name in names if month[name] is not None], 0.1)
    placed = []
    for month in months:
        observed = _on(scale, *(month[name] for name in names[:3]))
        low, high = (month[name] if month[name] is not None else month["predicted"] for name in names[4:])
        expected = _on(scale, month["predicted"], low, high)
        placed.append(observed | {f"expected_{name}": value for name, value in expected.items()})
    return placed


def within(value: float | None, low: float | None, high: float | None) -> float | None:
    """Where a value lies between two others, in per cent, what is outside at the edge; None where that says nothing."""
    if value is None or low is None or high is None:
        return None
    return 50.0 if high <= low else round(min(max(100 * (value - low) / (high - low), 0.0), 100.0), 2)


def _scale(values: list[float], pad: float) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * pad or 0.01
    return low - room, high - low + 2 * room


def _on(scale: tuple[float, float], value: float, low: float, high: float) -> dict[str, float]:
    begins, width = scale
    at, left, right = (round(100 * (v - begins) / width, 2) for v in (value, low, high))
    return {"at": at, "left": left, "width": round(max(right - left, 0.5), 2)}
