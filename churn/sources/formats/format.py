"""How the files of an input are written: what was said in `format`, `zone` and `null_words`, or found out from them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

NULL_WORDS = (
    "",
    "nan",
    "null",
    "none",
    "na",
    "n/a",
    "#n/a",
    "#na",
    "<na>",
    "nat",
    "nil",
    "(null)",
    r"\n",
    "undefined",
    "-",
)


@dataclass(frozen=True)
class Format:
    """What is None is not known yet: `sources.detection` finds it out.

    separator: of the columns of CSV; header: the line with their names, 1 for the first, 0 where there is none.
    decimal, thousands: marks in numbers, thousands "" where none is read.
    dates: iso, day_first, month_first, year_first, epoch_s, epoch_ms, serial, or a pattern of strptime; or one of these
    for each column. sheet: of a workbook. zone: of times without one; null_words: lower case.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    dates: str | dict[str, str] | None = None
    header: int | None = None
    sheet: str | None = None
    zone: str = "UTC"
    null_words: tuple[str, ...] = NULL_WORDS

    @classmethod
    def of(cls, said: dict | None, *, zone: str | None = None, null_words: list[str] | None = None) -> Format:
        """The format as a section of the params file says it."""
        words = NULL_WORDS if null_words is None else ("", *(word.strip().lower() for word in null_words))
        return cls(**(said or {}), zone=zone or "UTC", null_words=words)

    def dates_of(self, label: str) -> str:
        """How the times of a column, or of an expression, are written; ISO where nothing is said."""
        dates = self.dates.get(label) if isinstance(self.dates, dict) else self.dates
        return dates or "iso"

    def said(self) -> dict:
        """As it stands in a params file: what is known, without the zone and the words for missing."""
        known = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("zone", "null_words")
        }
        return {name: value for name, value in known.items() if value is not None}

    def completed(self, **found) -> Format:
        """With what was found out where nothing was said."""
        return replace(self, **{name: value for name, value in found.items() if getattr(self, name) is None})
