"""Numbers as people write them: decimal marks, marks of thousands, signs behind, signs of a currency."""

from __future__ import annotations

import re

import ibis
from ibis.expr.types import BooleanValue, StringValue, Value

from churn.sources.contract import VALUE

# Decimal mark and mark of thousands, the likelier first where the data do not tell two apart.
READINGS = [(".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"), (".", ""), (",", "")]
PLAIN = (".", "")  # where no mark was seen, none is read
WORDS = {",": "comma", ".": "point", " ": "space", "'": "apostrophe", "": "none"}
AROUND = r"^[€$£¥\s]+|[€$£¥\s]+$"  # signs of a currency, at either end


def as_number(text: StringValue, *, decimal: str, thousands: str) -> Value:
    """The exact number, four decimals, that a text says; null where it cannot be read, is infinite or too large.

    Marks of thousands count where they part groups of three digits. A minus may stand behind: `12,50-`.
    """
    plain = _signed(text)
    if thousands:
        plain = ibis.ifelse(plain.re_search(_grouped(decimal, thousands)), _without(plain, thousands), plain)
    return (_with_point(plain) if decimal == "," else plain).try_cast(VALUE)


def plain(text: StringValue, *, decimal: str) -> Value:
    """The numbers among texts that need no more than a cast: no marks of thousands, no signs of a currency."""
    return (_with_point(text) if decimal == "," else text).try_cast(VALUE)


def is_consistent(text: StringValue, *, decimal: str, thousands: str) -> BooleanValue:
    """Whether a number whose thousands would be marked has no four digits in a row before its decimal mark."""
    return ~text.re_search(rf"^[-+]?\d{{4,}}({re.escape(decimal)}|$)") if thousands else ibis.literal(True)


def _with_point(text: StringValue) -> StringValue:
    return ibis.ifelse(text.contains("."), ibis.null("string"), text.replace(",", "."))


def _signed(text: StringValue) -> StringValue:
    bare = ibis.ifelse(text.re_search(AROUND), text.re_replace(AROUND, ""), text)
    return ibis.ifelse(bare.re_search(r"\d-$"), ibis.literal("-").concat(bare.substr(0, bare.length() - 1)), bare)


def _grouped(decimal: str, thousands: str) -> str:
    marks = {" ": "[ \u00a0\u202f]", "'": "['\u2019]"}.get(thousands, re.escape(thousands))
    return rf"^[-+]?[1-9]\d{{0,2}}({marks}\d{{3}})+({re.escape(decimal)}\d*)?$"


def _without(text: StringValue, thousands: str) -> StringValue:
    for mark in {" ": " \u00a0\u202f", "'": "'\u2019"}.get(thousands, thousands):
        text = text.replace(mark, "")
    return text
