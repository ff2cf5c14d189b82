"""What the columns of ready-made tables are, by all their cells: flags, whole numbers, numbers, times or categories."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from churn.errors import InvalidData
from churn.sources.contract import OWN
from churn.sources.formats import flags, numbers, times
from churn.sources.formats.format import Format
from churn.sources.rows.cleaning import EARLIEST, LATEST, staged
from churn.sources.rows.columns import Columns
from churn.sources.snapshots import moment

MOST = 0.5  # share of cells that are numbers, or times, from which all of them have to be
EXACT = 2.0**53  # below, a float holds every whole number
WHOLE = "^[-+]?[0-9]+$"
CODE = "^[-+]?0[0-9]+$"  # zeros lead a code, and no number
MAY_BE_A_NUMBER = "^[-+€$£¥\\s]*[0-9][0-9.,'’ \u00a0\u202f]*[-€$£¥\\s]*$"
MAY_BE_A_TIME = "^[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}(?:$|[ T,])"
MONTH = "(?:jan|feb|m[aä]r|mrt|apr|ma[yi]|mei|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zé]*"
LIKE_A_TIME = (
    "(?i)^(?:[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2}(?:$|[ T,])|[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}(?:$|[ T,])|"
    f"[0-9]{{1,2}}[. -]*{MONTH}[. ,'-]*[0-9]{{2}}|{MONTH}[. ]*[0-9]{{1,2}},? +[0-9]{{4}})"
)

Counts = dict[str, int]  # of a column: `cells` that are not null, and how many of them pass each test


@dataclass(frozen=True)
class TextColumn:
    """A column of text by its `name`, called `key` in the rows; its numbers and times stand beside it, once they do."""

    name: str
    key: str
    format: Format

    @property
    def way(self) -> str:
        """How its times are written."""
        return self.format.dates_of(self.name)

    @property
    def is_said_time(self) -> bool:
        """Whether the params file names it among the columns of times."""
        return isinstance(self.format.dates, dict) and self.name in self.format.dates

    def numbers(self, text: StringValue) -> dict[str, Value]:
        decimal, thousands = self.format.decimal or ".", self.format.thousands or ""
        written = numbers.as_number(text, decimal=decimal, thousands=thousands, type="float64")
        return {f"{OWN}number {self.key}": ibis.coalesce(numbers.plain(text, decimal=decimal, type="float64"), written)}

    def times(self, text: StringValue) -> dict[str, Value]:
        return {f"{OWN}time {self.key}": times.as_time(text, dates=self.way, zone=self.format.zone)}

    def number(self, rows: Table) -> Value:
        """The number that each cell is; null where it is none."""
        value = rows[f"{OWN}number {self.key}"]
        odd = value.isnan() | value.isinf() | rows[self.key].contains("_")
        return ibis.ifelse(odd, ibis.null("float64"), value)

    def whole(self, rows: Table) -> Value:
        """The whole number that each cell is; null where it is none."""
        text, value = rows[self.key], self.number(rows)
        short = (value == value.floor()) & (value.abs() < EXACT)
        return ibis.ifelse(text.re_search(WHOLE), text.try_cast("int64"), ibis.ifelse(short, value, None).cast("int64"))

    def time(self, rows: Table) -> Value:
        """The moment that each cell is; null where it is none."""
        at = rows[f"{OWN}time {self.key}"]
        return ibis.ifelse(at.between(moment(EARLIEST), moment(LATEST)), at, ibis.null(at.type()))


def use_as_written(columns: Columns, names: list[str]) -> None:
    """Read the columns of text that look like numbers or times as such: it is then found out how these are written."""
    texts = {name: columns.text(name) for name in names if columns.raw[name].type().is_string()}
    looks = {"times": MAY_BE_A_TIME, "numbers": MAY_BE_A_NUMBER}
    tests = {
        name: {"cells": text.notnull()} | {what: text.re_search(form) for what, form in looks.items()}
        for name, text in texts.items()
    }
    for name, counts in _counted(columns.raw, tests).items():
        if _are_most(counts["times"], counts):
            columns.time(name)
        elif _are_most(counts["numbers"], counts):
            columns.number(name)


def typed(con, rows: Table, keys: dict[str, str], *, words: set[str], table: str, format: Format) -> Table:
    """`rows` with the columns of `keys` (column -> its name there), those of text as what all their cells are.

    `words`: columns that are words whatever is in them.
    Raises InvalidData where most of a column's cells are numbers, or times, but not all.
    """
    open_ = {name: key for name, key in keys.items() if rows[key].type().is_string() and name not in words}
    texts = [TextColumn(name, key, format) for name, key in open_.items()]
    rows = _with(con, rows, [text.numbers(rows[text.key]) for text in texts])
    counts = _counted(rows, {text.name: _tests(text, rows) for text in texts})
    unsettled = [text for text in texts if not _is_settled(text, counts[text.name])]
    rows = _with(con, rows, [text.times(rows[text.key]) for text in unsettled])
    more = _counted(rows, {text.name: _tests_of_times(text, rows) for text in unsettled})
    counts = {name: found | more.get(name, {}) for name, found in counts.items()}
    for text in texts:
        _refuse_mixed(text, rows, counts[text.name], table)
    read = {text.name: _read(text, rows, counts[text.name]) for text in texts}
    return rows.mutate(**{key: read.get(name, rows[key]) for name, key in keys.items()})


def _with(con, rows: Table, columns: list[dict[str, Value]]) -> Table:
    return staged(con, rows.mutate(**dict(ChainMap(*columns)))) if columns else rows


def _counted(rows: Table, tests: dict[str, dict[str, BooleanValue]]) -> dict[str, Counts]:
    """Of each column the number of rows that pass each of its tests, in one query."""
    named = {f"{i} {what}": test.sum().fill_null(0) for i, t in enumerate(tests.values()) for what, test in t.items()}
    found = rows.aggregate(**named).execute().loc[0] if named else {}
    return {name: {what: int(found[f"{i} {what}"]) for what in t} for i, (name, t) in enumerate(tests.items())}


def _tests(text: TextColumn, rows: Table) -> dict[str, BooleanValue]:
    cell = rows[text.key]
    return {
        "cells": cell.notnull(),
        "flags": flags.as_flag(cell).notnull(),
        "codes": cell.re_search(CODE),
        "numbers": text.number(rows).notnull(),
        "whole": text.whole(rows).notnull(),
    }


def _tests_of_times(text: TextColumn, rows: Table) -> dict[str, BooleanValue]:
    return {"times": text.time(rows).notnull(), "like times": rows[text.key].re_search(LIKE_A_TIME)}


def _are_most(number: int, counts: Counts) -> bool:
    return number > 0 and number >= MOST * counts["cells"]


def _is_settled(text: TextColumn, counts: Counts) -> bool:
    """Whether all cells are numbers or flags, and nobody said that they are times."""
    return not (text.is_said_time or "%" in text.way) and counts["cells"] in (counts["numbers"], counts["flags"])


def _read(text: TextColumn, rows: Table, counts: Counts) -> Value:
    """The column as what all its cells are."""
    cells = counts["cells"]
    if counts.get("times") == cells and (cells or text.is_said_time):
        return text.time(rows)
    if not cells or (counts["numbers"] == cells and counts["codes"]):
        return rows[text.key]
    if counts["numbers"] == cells:
        return text.whole(rows) if counts["whole"] == cells else text.number(rows)
    return flags.as_flag(rows[text.key]) if counts["flags"] == cells else rows[text.key]


def _refuse_mixed(text: TextColumn, rows: Table, counts: Counts, table: str) -> None:
    """A column is all numbers, all times, or mostly something else."""
    cells, times = counts["cells"], counts.get("times", 0)
    if cells == times or (cells in (counts["numbers"], counts["flags"]) and not text.is_said_time):
        return
    if text.is_said_time or _are_most(max(times, counts["like times"]), counts):
        form = f"{{dates: {{{text.name}: day_first}}}}, or a pattern such as '%d %b %Y'"
        raise _refusal(
            text,
            rows,
            text.time(rows),
            f"times, written {text.way.replace('_', ' ')}",
            cells - times,
            cells,
            form,
            table,
        )
    if _are_most(counts["numbers"], counts):
        form = '{decimal: ","}'
        raise _refusal(text, rows, text.number(rows), "numbers", cells - counts["numbers"], cells, form, table)


def _refusal(text, rows, value: Value, what: str, odd: int, cells: int, form: str, table: str) -> InvalidData:
    """Names share and examples of the cells that are not what most of their column are."""
    unread = rows.filter(rows[text.key].notnull(), value.isnull()).select(text=text.key)
    shown = unread.group_by("text").agg(n=unread.count()).order_by(ibis.desc("n"), "text").limit(3).execute()
    return InvalidData(
        f"{table}: '{text.name}' looks like {what}, but {odd:,} of its {cells:,} cells ({odd / cells:.2%}) are none, "
        f"e.g. {', '.join(repr(cell[:40]) for cell in shown.text)}; say how they are written, as in format: {form}, "
        "add what stands for nothing to data.null_words, name the column in data.categories, or correct the cells"
    )
