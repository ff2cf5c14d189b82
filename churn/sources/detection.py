"""How the files of a table are written, found out from themselves; what they leave open is refused with both readings.

Separator, header and encoding follow from the bytes. For times and numbers every reading is tried: the one that reads
the most is taken. The first rows are looked at, and all of them where those leave it open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ibis
import pandas as pd
from ibis.expr.types import StringValue, Table

from churn.errors import InvalidData
from churn.sources import locate
from churn.sources.files import delimited, opening, text, workbook
from churn.sources.formats import numbers, times
from churn.sources.formats.format import Format
from churn.sources.rows.cleaning import EARLIEST, LATEST
from churn.sources.rows.columns import Columns
from churn.sources.rows.table import InputTable
from churn.sources.snapshots import moment

ROWS = 20_000  # of each set of columns that are looked at first
FORMS = 5_000  # ways of writing, digits apart but not those of a day, that are told apart in a column
DAY = "^[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2}"
MIXED = 0.01  # share of times that only another reading could read, above which a column is written in two ways

Texts = dict[str, list[StringValue]]


def complete(con, table: InputTable, read: Callable[[Columns], object], *, scratch: Path) -> Format:
    """The format of a table with all that its files tell. `read` uses the columns as the reader will.

    Raises InvalidData where they are written in different ways, or leave open how.
    """
    files = locate.find(table.path)
    known = replace(table, format=of_bytes(table, files))
    for whole in (False, True):
        opened = known.open(con, scratch, head=not whole)
        for columns in opened:
            read(columns)
        format, still_open = _of_values(con, known, opened, rows=None if whole else ROWS)
        if not still_open:
            return format
        known = replace(known, format=format)
    raise InvalidData(f"{table.name}: {still_open}")


def of_bytes(table: InputTable, files: list[Path]) -> Format:
    """The format of a table with what its bytes tell: separator, header, sheet, encoding. Raises InvalidData."""
    format = table.format
    kinds = {file: locate.kind_of(file) for file in files}
    if format.encoding is None and (texts := [file for file in files if kinds[file] in locate.TEXT_KINDS]):
        format = format.completed(encoding=_encoding(table, texts))
    if any(kind == "csv" for kind in kinds.values()) and None in (format.separator, format.header):
        layouts = {f: _layout(delimited, f, format, table) for f in files if kinds[f] == "csv"}
        separator, header = _agreed(table, layouts, "separator and line of the header")
        format = format.completed(separator=separator, header=header)
    if any(kind == "workbook" for kind in kinds.values()) and None in (format.sheet, format.header):
        layouts = {f: _layout(workbook, f, format, table) for f in files if kinds[f] == "workbook"}
        sheet, header = _agreed(table, layouts, "sheet and line of the header")
        format = format.completed(sheet=sheet, header=header)
    return format


def _layout(kind, file: Path, format: Format, table: InputTable) -> tuple:
    partitions = opening.partitions(file)
    with opening.sound(file):
        return kind.layout(file, format, lambda names: table.matches([*names, *partitions]))


def _encoding(table: InputTable, files: list[Path]) -> str:
    found = {}
    for file in files:
        with opening.sound(file):
            found[file] = text.encoding_of(file)
    telling = {file: encoding for file, encoding in found.items() if encoding != "ascii"}
    return _agreed(table, telling, "encoding") if telling else "utf-8"


def _agreed(table: InputTable, found: dict[Path, object], what: str):
    """What all files have in common. Raises InvalidData where they differ."""
    first, *others = found
    if other := next((file for file in others if found[file] != found[first]), None):
        raise InvalidData(
            f"{table.name}: the files are written in different ways ({what}: {first.name} {found[first]!r}, "
            f"{other.name} {found[other]!r}); {table.apart}"
        )
    return found[first]


def _of_values(con, table: InputTable, opened: list[Columns], *, rows: int | None) -> tuple[Format, str]:
    """The format with what times and numbers tell, and what they leave open, in words."""
    format, still_open = table.format, ""
    if texts := _undated(table, _texts(opened, "times")):
        dates, still_open = _dates(con, {label: _forms(parts, rows) for label, parts in texts.items()}, format, table)
        format = format if still_open else _dated(format, dates, texts)
    if None in (format.decimal, format.thousands) and (texts := _texts(opened, "numbers")):
        forms = {label: _forms(parts, rows) for label, parts in texts.items()}
        (decimal, thousands), unclear = _marks(con, forms, format, rows)
        still_open = still_open or unclear
        format = format if unclear else format.completed(decimal=decimal, thousands=thousands)
    return format, still_open


def _undated(table: InputTable, texts: Texts) -> Texts:
    """The times of which nothing is said. Raises InvalidData where something is said of others."""
    said = table.format.dates
    if not isinstance(said, dict):
        return {} if said else texts
    for label in said.keys() - texts.keys() if texts else ():
        raise InvalidData(
            f"{table.key}: format.dates names '{label}', and times are read from {', '.join(texts)}; correct it"
        )
    return {label: parts for label, parts in texts.items() if label not in said}


def _dated(format: Format, found: str | dict[str, str], texts: Texts) -> Format:
    said = format.dates or {}
    if said:
        found = said | (dict.fromkeys(texts, found) if isinstance(found, str) else found)
    return replace(format, dates=found)


def _texts(opened: list[Columns], use: str) -> Texts:
    texts: Texts = {}
    for columns in opened:
        for label, value in getattr(columns, use).items():
            texts.setdefault(label, []).append(columns.raw.select(text=value))
    return texts


def _forms(parts: list[Table], rows: int | None) -> pd.DataFrame:
    """Up to four texts for each form that occurs, with how many rows they stand for: columns text, n.

    Days are told apart, for only one whose numbers differ tells the day from the month.
    """
    parts = [part.filter(part.text.notnull()) for part in parts]
    texts = ibis.union(*(part.limit(rows) if rows else part for part in parts))
    forms = texts.group_by(
        form=texts.text.re_replace("[0-9]", "9"), zero=texts.text.re_search("(^|[^0-9])0[.,]"),
        day=texts.text.re_extract(DAY, 0),
    ).agg(n=texts.count(), low=texts.text.min(), high=texts.text.max(),
        some=texts.text.argmin(texts.text.hash()), other=texts.text.argmax(texts.text.hash()))  # fmt: skip
    found = forms.order_by(ibis.desc("n"), "form", "day", "zero").limit(FORMS).execute()
    found = found.melt(["n", "form", "day", "zero"], ["low", "some", "other", "high"], value_name="text")
    found["n"] = found.n / found.groupby(["form", "day", "zero"]).text.transform("nunique")
    return found.drop_duplicates(["form", "day", "zero", "text"])[["text", "n"]]


def _dates(con, forms: dict[str, pd.DataFrame], format: Format, table: InputTable) -> tuple[str | dict[str, str], str]:
    """How the times are written, all of them or each column, and what is open."""
    lowest, highest = moment(EARLIEST), moment(LATEST)
    sound = lambda at: ibis.ifelse(at.between(lowest, highest), at, ibis.null(at.type()))  # noqa: E731
    possible = _possible(pd.concat(forms.values()).text)
    readings = {r: lambda t, r=r: sound(times.as_time(t, dates=r, zone=format.zone)) for r in possible}
    read = {label: _read(con, rows, readings) for label, rows in forms.items()}
    together = pd.concat(read.values())
    if _most(together) == sum(map(_most, read.values())):
        chosen = {"": _chosen(together)}
    else:
        chosen = {label: _chosen(rows) for label, rows in read.items()}
    for label, candidates in chosen.items():
        rows = read[label] if label else together
        _refuse_mixed(rows, candidates[0], named=label or next(iter(read)), table=table)
        if len(candidates) > 1:
            return "", _open(f"times in '{label or next(iter(read))}'", rows, candidates, "dates: {}".format)
    dates = {label: candidates[0] for label, candidates in chosen.items()}
    return dates.get("", dates), ""


def _possible(texts: pd.Series) -> list[str]:
    """The readings of times that some of the texts can have at all: to try one costs as much as to read a small log."""
    forms = {"[0-9.,]+$": times.COUNTED, DAY: ("day_first", "month_first", "year_first")}
    tried = [reading for form, readings in forms.items() if texts.str.match(form).any() for reading in readings]
    return ["iso", *tried]


def _marks(con, forms: dict[str, pd.DataFrame], format: Format, limit: int | None) -> tuple[tuple[str, str], str]:
    """The decimal mark and the mark of thousands, and what is open; `limit`: how many rows were looked at, at most."""
    said = (format.decimal, format.thousands)
    marks = [m for m in numbers.READINGS if all(s in (None, mark) for s, mark in zip(said, m, strict=True))]
    seen = set("".join(pd.concat(forms.values()).text).translate(numbers.ALIKE))
    marks = [m for m in marks if m[1] in seen or m[1] not in (" ", "'")]  # the others read the same
    marks = marks or [(format.decimal or ".", format.thousands or "")]
    readings = {m: lambda t, m=m: numbers.as_number(t, decimal=m[0], thousands=m[1]) for m in marks}
    rows = _read(con, pd.concat(forms.values()), readings)
    if not rows.text.str.contains("[., '\u2019\u00a0\u202f]").any() and numbers.PLAIN in marks:
        cut = limit and max(one.n.sum() for one in forms.values()) >= limit
        return numbers.PLAIN, "numbers have no marks, so far" if cut else ""
    candidates = _chosen(rows)
    consistent = {
        m: _count(con, rows, lambda t, m=m: numbers.is_consistent(t, decimal=m[0], thousands=m[1])) for m in candidates
    }
    candidates = [m for m in candidates if consistent[m] == max(consistent.values())]
    if len(_distinct(rows, candidates)) > 1:
        form = lambda m: f'decimal: "{m[0]}", thousands: "{m[1]}"'  # noqa: E731
        return candidates[0], _open(f"numbers in '{next(iter(forms))}'", rows, _distinct(rows, candidates), form)
    return candidates[0], ""


def _read(con, rows: pd.DataFrame, readings: dict) -> pd.DataFrame:
    """Text, n and what each reading makes of the text, null where it cannot be read."""
    if rows.empty:
        return rows.assign(**{str(r): None for r in readings}).rename(columns={str(r): r for r in readings})
    texts = ibis.memtable(rows.reset_index(drop=True))
    values = con.execute(texts.select("text", "n", **{str(r): read(texts.text) for r, read in readings.items()}))
    return values.rename(columns={str(r): r for r in readings})


def _count(con, rows: pd.DataFrame, condition) -> float:
    texts = ibis.memtable(rows[["text", "n"]].reset_index(drop=True))
    return float(con.execute(texts.filter(condition(texts.text)).n.sum().fill_null(0.0)))


def _most(rows: pd.DataFrame) -> float:
    """How many rows the best reading reads."""
    return max(rows.n[rows[r].notna()].sum() for r in rows.columns[2:])


def _chosen(rows: pd.DataFrame) -> list:
    """The readings that read the most; one of those that read the same."""
    best = _most(rows)
    return _distinct(rows, [r for r in rows.columns[2:] if rows.n[rows[r].notna()].sum() >= best - 1e-6])


def _distinct(rows: pd.DataFrame, readings: list) -> list:
    distinct: list = []
    for reading in readings:
        if not any(rows[reading].equals(rows[other]) for other in distinct):
            distinct.append(reading)
    return distinct


def _refuse_mixed(rows: pd.DataFrame, chosen: str, *, named: str, table: InputTable) -> None:
    unread = rows[rows[chosen].isna()]
    for other in rows.columns[2:]:
        also = unread[unread[other].notna()]
        if also.n.sum() > MIXED * rows.n.sum():
            here = rows.text[rows[chosen].notna()].iloc[0]
            raise InvalidData(
                f"{table.name}: times in '{named}' are written in two ways: {here} is {chosen}, {also.text.iloc[0]} is "
                f"{other}; {table.apart}"
            )


def _open(what: str, rows: pd.DataFrame, readings: list, form: Callable) -> str:
    """What can be read in several ways: each of three rows, and the line to add."""
    said = " or ".join(f"format: {{{form(reading)}}}" for reading in readings)
    differ = rows[rows[readings].notna().all(axis=1) & (rows[readings].nunique(axis=1) > 1)]
    if differ.empty:
        some = [rows.text[rows[reading].notna()].iloc[0] for reading in readings[:2]]
        return f"{what} are written in several ways, such as {' and '.join(some)}; say which one is right: {said}"
    shown = "; ".join(
        f"{row['text']} is {' or '.join(dict.fromkeys(_shown(row[reading]) for reading in readings))}"
        for row in differ.drop_duplicates("text").head(3).to_dict("records")
    )
    ways = {2: "two"}.get(len(readings), "several")
    return f"{what} can be read in {ways} ways: {shown}; say which in the data section: {said}"


def _shown(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value.day} {value:%B %Y}"
    return f"{value.normalize():f}"
