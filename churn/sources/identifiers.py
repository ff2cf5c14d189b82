"""The one spelling of a customer's id, for who asks about one; `rows.cleaning.as_identifier` has it for whole columns.

Nothing slow is imported: the API asks for each request.
"""

from __future__ import annotations

import re


def identifier(given: str | int | float) -> str:
    """The same, with `as_text` before it, of one id outside a table: text, or a number of JSON."""
    words = str(given).strip(" \t\n\r\v\f")
    return words.split(".")[0] if re.fullmatch(r"-?[0-9]+\.0+", words) else words
