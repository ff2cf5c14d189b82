"""What the values of a column look like, from a sample of rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from churn.sources.formats.format import NULL_WORDS

MOST = 0.9  # share of the values that make a column one of times or numbers
YEARS = r"(?:19[5-9]\d|20\d\d|21\d\d)"
READINGS = {
    "iso": re.compile(rf"^{YEARS}[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?:$|[T ,].*)"),
    "compact": re.compile(rf"^{YEARS}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:$|[T ]?\d{{4,6}}$)"),
    "day_and_month": re.compile(r"^\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?:$|[ T,].*)"),
    "epoch_s": re.compile(r"^1\d{9}(?:\.\d+)?$|^9\d{8}$"),
    "epoch_ms": re.compile(r"^1\d{12}$|^9\d{11}$"),
}
COUNTED = ("epoch_s", "epoch_ms")
PATTERNS = [
    f"{date}{time}"
    for date in ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d/%b/%Y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", ", %H:%M")
]
CLOCK = re.compile(r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?$")
SIGN = r"(?:[€$£¥]|EUR|USD|GBP|CHF|[A-Z]{1,3}\$)?"
NUMBER = re.compile(rf"^\(?[-+]?\s*{SIGN}\s*[-+]?\d[\d.,' \u00a0\u202f]*\s*{SIGN}-?\)?$")
ADDRESS = re.compile(r"^[^@\s]+@[^@\s]+\.\w+$")
DECIMAL = re.compile(r"[.,]\d")


@dataclass(frozen=True)
class Facts:
    """A column of a sample: its values as texts, nulls left out, and what they look like.

    filled: share of rows with a value; times: how they are written as times, "" where they are not; distinct: number of
    different values; below_zero: of numbers, the share of rows that are.
    """

    name: str
    texts: pd.Series
    rows: int
    times: str
    is_number: bool
    is_whole: bool
    is_clock: bool
    below_zero: float
    distinct: int

    @property
    def filled(self) -> float:
        return len(self.texts) / max(self.rows, 1)

    @property
    def is_time(self) -> bool:
        return bool(self.times)

    @property
    def is_word(self) -> bool:
        """Whether it holds texts that are neither times nor numbers."""
        return not (self.is_number or self.is_time or self.is_clock) and self.distinct > 0


def is_value(text: str) -> bool:
    """Whether a text is a time, a number or an address, by which no column is called."""
    timed = any(form.match(text) for name, form in READINGS.items() if name not in COUNTED)
    return timed or bool(NUMBER.match(text) or ADDRESS.match(text))


def of(name: str, column: pd.Series) -> Facts:
    """The facts of a column as it came out of a file: texts, or values of its own types."""
    typed = pd.api.types.is_datetime64_any_dtype(column) or _is_of_dates(column)
    texts = column.dropna().astype(str).str.strip()
    texts = texts[~texts.str.lower().isin(NULL_WORDS)]
    some = texts.drop_duplicates().head(2_000)
    times = "typed" if typed else _times(some)
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    is_number = numeric or _share(some, NUMBER) >= MOST
    low = texts.str.match(r"^\(|^-|.*-$") if is_number else pd.Series(dtype=bool)
    return Facts(
        name, texts, len(column), times, bool(is_number and times not in ("iso", "day_and_month", "typed")),
        bool(is_number) and not some.str.contains(DECIMAL).mean() > 0.02 and not _is_fraction(column),
        _share(some, CLOCK) >= MOST, float(low.mean()) if len(low) else 0.0, texts.nunique(),
    )  # fmt: skip


def _is_of_dates(column: pd.Series) -> bool:
    first = column.dropna().head(20)
    return bool(len(first)) and all(hasattr(value, "isoformat") for value in first)


def _is_fraction(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 != 0).mean() > 0.02)


def _times(some: pd.Series) -> str:
    """How texts are written as times: a key of READINGS, or a pattern; "" where they are not."""
    for name, form in READINGS.items():
        if _share(some, form) >= MOST:
            return name
    few = some.head(50)
    for pattern in PATTERNS if _share(few, re.compile(r".*[A-Za-z]{3}.*\d{2}")) >= MOST else ():
        if _reads(few, pattern) >= MOST:
            return pattern
    return ""


def _share(texts: pd.Series, form: re.Pattern) -> float:
    return float(texts.str.match(form).mean()) if len(texts) else 0.0


def _reads(texts: pd.Series, pattern: str) -> float:
    def read(text: str) -> bool:
        try:
            return bool(datetime.strptime(text, pattern))
        except ValueError:
            return False

    return sum(map(read, texts)) / max(len(texts), 1)
