"""Reasons in words: the features that tell of one thing are one reason, such as `no purchase for 94 days (usually every
21)`."""

from __future__ import annotations

import re

Value = float | str | None
STAYS = "; speaks for staying"
UNDER_A_DAY = "less than 1"
PLURAL = re.compile(r"\b(day|event)s\b")


def topics(about: dict[str, dict], features: list[str]) -> dict[str, list[str]]:
    """Topic -> its features, in the order in which they are told."""
    found: dict[str, list[str]] = {}
    for name in sorted(features, key=lambda name: about.get(name, {}).get("place", len(about))):
        found.setdefault(about.get(name, {}).get("topic", name), []).append(name)
    return found


def said(values: dict[str, Value], about: dict[str, dict]) -> str:
    """A topic's features and their values in words."""
    phrases = [phrase for name, value in values.items() if (phrase := _phrase(value, about.get(name, {})))]
    if not phrases:
        return ", ".join(f"{name} {_shown(value, about.get(name, {}))}" for name, value in values.items())
    first, *others = phrases
    return f"{first} ({', '.join(others)})" if others else first


def _phrase(value: Value, about: dict) -> str:
    before, after, none = (about.get(name, "") for name in ("before", "after", "none"))
    counted = about.get("unit") in ("events", "value") or (about.get("type"), about.get("unit")) == ("integer", "days")
    if value is None or (value == 0 and counted) or not (before or after):
        return none
    shown = _shown(value, about)
    return before + shown + (PLURAL.sub(r"\1", after, count=1) if shown in ("1", UNDER_A_DAY) else after)


def _shown(value: Value, about: dict) -> str:
    if value is None or isinstance(value, str):
        return "not known" if value is None else value
    if about.get("unit") == "ratio":
        return f"{value:.0%}"
    if about.get("unit") == "days" and 0 <= value < 0.5:
        return UNDER_A_DAY
    if about.get("unit") == "days" or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.2f}"
