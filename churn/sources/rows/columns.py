"""The columns of a raw table as what they are used for: text, numbers, times, by the format they are written in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import ibis
from ibis.expr.types import StringValue, Table, Value

from churn.sources.contract import OWN, TIME, VALUE
from churn.sources.formats import numbers, times
from churn.sources.formats.format import Format
from churn.sources.rows.cleaning import as_identifier, as_text, staged


@dataclass
class Columns:
    """Texts of the common forms are read at once, the others by all means: `if plain is null` costs nothing per row.

    `numbers` and `times` collect the texts that were read as such, by column, for whoever finds out their format.

    `clocks`: what the clocks in `format.zone` showed at those times. `key`: of the params file, for messages.
    """

    raw: Table
    format: Format
    key: str = "data.columns"
    numbers: dict[str, StringValue] = field(default_factory=dict)
    times: dict[str, StringValue] = field(default_factory=dict)
    clocks: list[Value] = field(default_factory=list)
    first: dict[str, Value] = field(default_factory=dict)

    def named(self, key: str) -> Columns:
        """The same columns, for a section of the params file below theirs."""
        return replace(self, key=f"{self.key}.{key}")

    def ahead(self, con) -> Columns:
        """The same columns, where what was read of them so far is computed once and ahead of what is made of it."""
        return Columns(staged(con, self.raw.mutate(**self.first)), self.format, self.key)

    def _first(self, use: str, name: str, value: Value) -> Value:
        known = f"{OWN}{use} {name}"
        return self.raw[known] if known in self.raw.columns else self.first.setdefault(known, value)

    @property
    def names(self) -> list[str]:
        return [name for name in self.raw.columns if not name.startswith(OWN)]

    def text(self, name: str) -> StringValue:
        """Text without surrounding whitespace; null where nothing or a word for missing is left.

        A whole number in a column of floats, as workbooks have them, is the text that CSV has: 3, not 3.0.
        """
        column = self.raw[name]
        column = as_identifier(column.cast("string")) if column.type().is_floating() else column
        return self._first("text", name, as_text(column, self.format.null_words))

    def number(self, name: str, type: str = VALUE) -> Value:
        """An exact number with four decimals, or as `type` says; null where it cannot be read."""
        return self._unless_missing(name, self._number(name, type))

    def short_number(self, name: str) -> Value:
        """A number as `number` has it, where a text says it plainly with four decimals at most, so that few digits are
        computed with; null for all others."""
        text, decimal = self.raw[name], self.format.decimal or "."
        if not text.type().is_string() or any(any(map(str.isdigit, word)) for word in self.format.null_words):
            return ibis.null(VALUE)
        mark = text.find(decimal)
        short = ((mark < 0) | (text.length() - mark <= 5)) & ~text.contains("e") & ~text.contains("E")
        plain = numbers.plain(text, decimal=decimal, type=VALUE)
        return self._first("short", name, ibis.ifelse(short, plain, ibis.null(VALUE)))

    def time(self, name: str) -> Value:
        """A moment in UTC; null where it cannot be read."""
        return self._unless_missing(name, self._time(name))

    def _unless_missing(self, name: str, value: Value) -> Value:
        """Null where a word for missing could be read as a value: -999, 1900-01-01."""
        words = [word for word in self.format.null_words if any(map(str.isdigit, word))]
        if not words:
            return value
        return ibis.ifelse(as_text(self.raw[name]).lower().isin(words), ibis.null(value.type()), value)

    def _number(self, name: str, type: str) -> Value:
        if self.raw[name].type().is_numeric():
            return self.raw[name].try_cast(type)
        self.numbers[name] = text = as_text(self.raw[name])
        decimal = self.format.decimal or "."
        plain = self._first(f"number {type}", name, numbers.plain(self.raw[name], decimal=decimal, type=type))
        written = numbers.as_number(text, decimal=decimal, thousands=self.format.thousands or "", type=type)
        return ibis.ifelse(plain.isnull(), written, plain)

    def _time(self, name: str) -> Value:
        column = self.raw[name]
        if column.type().is_timestamp() and column.type().timezone:
            return column.cast(TIME)
        if column.type().is_timestamp() or column.type().is_date():
            self.clocks.append(local := column.cast("timestamp"))
            return times.from_local(local, self.format.zone)
        dates, zone = self.format.dates_of(name), self.format.zone
        if not column.type().is_string() or not times.is_common(dates):
            return self.time_in(name, as_text(column))
        plain = self._first("time", name, times.plain(column, dates=dates, zone=zone))
        return ibis.ifelse(plain.isnull(), self.time_in(name, as_text(column)), plain)

    def time_in(self, label: str, text: StringValue) -> Value:
        """A moment in UTC that a text says; `label` names it where the format says how each is written."""
        self.times[label], dates = text, self.format.dates_of(label)
        self.clocks.append(times.local_of(text, dates=dates))
        return times.as_time(text, dates=dates, zone=self.format.zone)

    def clock_faults(self) -> Value:
        """`twice` where the clocks of the zone showed a time twice, `never` where they skipped it; else null."""
        if self.format.zone == "UTC" or not self.clocks:
            return ibis.null("string")
        twice = ibis.or_(*(times.shown_twice(local, self.format.zone) for local in self.clocks))
        never = ibis.or_(*(times.never_shown(local, self.format.zone) for local in self.clocks))
        return ibis.cases((never, "never"), (twice, "twice"), else_=ibis.null("string"))
