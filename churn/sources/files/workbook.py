"""Workbooks of a spreadsheet: one sheet, copied to Parquet once, because it is read cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.types import Table
from python_calamine import CalamineWorkbook, SheetVisibleEnum

from churn import state
from churn.errors import InvalidData
from churn.sources.files.delimited import LINES, named
from churn.sources.formats.format import Format


def sheets(file: Path) -> list[str]:
    """The names of the sheets that can be seen."""
    with CalamineWorkbook.from_path(str(file)) as book:
        return [s.name for s in book.sheets_metadata if s.visible == SheetVisibleEnum.Visible]


def layout(file: Path, format: Format, matches: Callable[[list[str]], int]) -> tuple[str, int]:
    """The sheet and the line with the names: where most of the needed columns are found.

    Raises InvalidData where several sheets are as good.
    """
    best, found = 0, []
    for sheet in [format.sheet] if format.sheet else sheets(file):
        for line, cells in enumerate(rows(file, sheet)[:LINES], start=1):
            score = matches(named([str(cell) for cell in cells]))
            if format.header in (None, line) and score >= max(best, 1):
                found = [*found, (sheet, line)] if score == best else [(sheet, line)]
                best = score
    if len({sheet for sheet, _ in found}) > 1:
        names = ", ".join(dict.fromkeys(sheet for sheet, _ in found))
        raise InvalidData(
            f"{file}: the columns stand in several sheets ({names}); say which: format: {{sheet: {found[0][0]}}}"
        )
    return found[0] if found else (format.sheet or sheets(file)[0], format.header or 1)


def columns(file: Path, format: Format) -> dict[str, str]:
    """The columns of the sheet with their types: text where the cells of a column are of several."""
    return {
        field.name: str(field.type) for field in _sheet(file, format.sheet, format.header, state.file_stat(file)).schema
    }


def open_files(
    con: ibis.BaseBackend, files: list[Path], columns: dict[str, str], format: Format, *, scratch: Path, malformed: str,
    **options,
) -> Table:  # fmt: skip
    """Sheets of the same columns as one table, over copies of them."""
    copies = []
    for file in files:
        place = scratch / f"{len(list(scratch.iterdir()))}" / file.name
        place.parent.mkdir()
        pq.write_table(_sheet(file, format.sheet, format.header, state.file_stat(file)), place)
        copies.append(str(place))
    return con.read_parquet(copies, **options)


def rows(file: Path, sheet: str) -> list[list]:
    """The cells of a sheet, row by row. Raises InvalidData where it is not there."""
    with CalamineWorkbook.from_path(str(file)) as book:
        if sheet not in book.sheet_names:
            raise InvalidData(f"{file}: no sheet '{sheet}'; found {', '.join(book.sheet_names)}; correct format.sheet")
        return book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)


@lru_cache(maxsize=8)
def _sheet(file: Path, sheet: str, header: int, stat: tuple) -> pa.Table:
    cells = rows(file, sheet)
    if len(cells) < header:
        raise InvalidData(f"{file}: the sheet '{sheet}' is empty; line {max(header, 1)} must name the columns")
    names = named([str(cell) for cell in cells[header - 1]] if header else [""] * len(cells[0]))
    body = [row for row in cells[header:] if any(cell != "" for cell in row)]
    return pa.table({name: _column([row[i] for row in body]) for i, name in enumerate(names)})


def _column(cells: list) -> pa.Array:
    """Cells of one type as that, of several as text; an empty one is null."""
    cells = [None if cell == "" else cell for cell in cells]
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {date, datetime} and kinds:
        whole = [c if c is None or isinstance(c, datetime) else datetime(c.year, c.month, c.day) for c in cells]
        return pa.array(whole, pa.timestamp("us"))
    if kinds <= {int, float} and kinds:
        return pa.array([None if c is None else float(c) for c in cells], pa.float64())
    return pa.array([None if cell is None else _text(cell) for cell in cells], pa.string())


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
    return str(cell.total_seconds()) if isinstance(cell, timedelta) else str(cell)
