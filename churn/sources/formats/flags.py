"""Flags as people write them: yes and no, true and false, 1 and 0; of a label also churned and retained."""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, StringValue

TRUE = ("true", "t", "yes", "y", "1", "1.0", "ja", "oui", "churned", "left")
FALSE = ("false", "f", "no", "n", "0", "0.0", "nee", "nein", "non", "retained", "stayed")
TOLD = "true or false, yes or no, 1 or 0, churned or retained"


def as_flag(text: StringValue) -> BooleanValue:
    """True or false as a text says it, in any case; null where it says neither."""
    word = text.lower()
    return ibis.cases((word.isin(TRUE), True), (word.isin(FALSE), False))
