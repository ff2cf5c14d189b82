"""Numbers as people write them: decimal marks, marks of thousands, signs behind, signs of a currency."""

from __future__ import annotations

import re

import ibis
from ibis.expr.types import BooleanValue, StringValue, Value

from churn.sources.contract import VALUE

# Decimal mark and mark of thousands, the likelier first where the data do not tell two apart.
READINGS = [(".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"), (".", ""), (",", "")]
ALIKE = str.maketrans("\u00a0\u202f\u2019", "  '")  # marks that are written in several ways
PLAIN = (".", "")  # where no mark was seen, none is read
WORDS = {",": "comma", ".": "point", " ": "space", "'": "apostrophe", "": "none"}
SPACES = "\\s\u00a0\u202f"
CURRENCY = rf"(?:[A-Z]{{0,3}}[€$£¥]|(?i:EUR|USD|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|kr|zł)\.?|[{SPACES}])+"


def as_number(text: StringValue, *, decimal: str, thousands: str, type: str = VALUE) -> Value:
    """The exact number of `type` that a text says; null where it cannot be read, is infinite or too large.

    Marks of thousands count where they part groups of three digits. A minus may stand behind, `12,50-`, before a sign
    of a currency, `-$12.50`, or be written as brackets, `(12.50)`.
    """
    plain = _signed(text)
    if thousands:
        plain = ibis.ifelse(plain.re_search(_grouped(decimal, thousands)), _without(plain, thousands), plain)
    return (_with_point(plain) if decimal == "," else plain).try_cast(type)


def plain(text: StringValue, *, decimal: str, type: str = VALUE) -> Value:
    """The numbers among texts that need no more than a cast: no marks of thousands, no signs of a currency."""
    return (_with_point(text) if decimal == "," else text).try_cast(type)


def is_consistent(text: StringValue, *, decimal: str, thousands: str) -> BooleanValue:
    """Whether a number whose thousands would be marked has no four digits in a row before its decimal mark."""
    four = _signed(text).re_search(rf"^[-+]?\d{{4,}}({re.escape(decimal)}|$)")
    return ~four if thousands else ibis.literal(True)


def _with_point(text: StringValue) -> StringValue:
    return ibis.ifelse(text.contains("."), ibis.null("string"), text.replace(",", "."))


def _signed(text: StringValue) -> StringValue:
    ahead = text.replace("\u2212", "-").re_replace(r"^\((.+)\)$", r"-\1").re_replace(rf"^([-+]?){CURRENCY}", r"\1")
    return ahead.re_replace(rf"{CURRENCY}(-?)$", r"\1").re_replace(r"^(\d.*)-$", r"-\1")


def _grouped(decimal: str, thousands: str) -> str:
    marks = {" ": "[ \u00a0\u202f]", "'": "['\u2019]"}.get(thousands, re.escape(thousands))
    return rf"^[-+]?[1-9]\d{{0,2}}({marks}\d{{3}})+({re.escape(decimal)}\d*)?$"


def _without(text: StringValue, thousands: str) -> StringValue:
    for mark in {" ": " \u00a0\u202f", "'": "'\u2019"}.get(thousands, thousands):
        text = text.replace(mark, "")
    return text
