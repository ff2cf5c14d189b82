"""Files of real exports' headers, filled with what their columns mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.discovery import cells, headers
from tests.discovery.cells import Column, Rows
from tests.discovery.lives import amounts, visits
from tests.discovery.log import Log, events, silent

EXPORTS = {**headers.SALES, **headers.USE, **headers.OTHERS}
ROLES = ("customer_id", "at", "kind", "value", "event_id", "arrived_at", "signup_at", "segment")


def columns(text: str) -> list[Column]:
    """The columns that a set of headers names."""
    made = []
    for part in (part.strip() for part in text.split("|")):
        header, found, meaning = part.rpartition("=")
        if found:
            role, _, form = meaning.partition(".")
            made.append(Column(header, role.rstrip("?"), form, role.endswith("?")))
    return made


def export(folder: Path, name: str, *, customers: int = 300, seed: int = 1) -> Log:
    """The files of an export: one of events, and of customers where people export one beside it."""
    rows = _happened(name, customers, seed)
    place, listed = folder / "export.csv", columns(EXPORTS[name])
    _write(place, listed, rows)
    said, also = _truth("events", listed)
    headers_of, files = {"events": tuple(c.header for c in listed)}, [place]
    others = {} if "kind" in said else {"kind": "event"}
    if about := columns(headers.PEOPLE.get(name, "")):
        files.append(folder / "people.csv")
        first = rows.table.groupby("customer", as_index=False).first()
        first["at"] -= pd.to_timedelta(rows.rng.exponential(15, len(first)) + 1, "D").round("s")
        _write(files[1], about, Rows(rows.rng, customers, first))
        people, also_people = _truth("customers", about)
        also |= also_people
        headers_of["customers"] = tuple(c.header for c in about)
        segments = [c.header for c in about if c.meaning == "segment" and not c.free]
        others["customers"] = {"path": str(files[1]), "columns": people, "segments": segments}
    return Log(
        tuple(map(str, files)), events(place, said, **others), silent(90, active=180), {"every": "month", "train": 3},
        (30, 90), headers_of, also=also,
    )  # fmt: skip


def _truth(table: str, listed: list[Column]) -> tuple[dict[str, str], dict]:
    """What columns mean for sure, and what they may."""
    said = {c.meaning: f'"{c.header}"' for c in listed if c.meaning in ROLES and not c.free and c.meaning != "segment"}
    parts = {c.meaning: f'"{c.header}"' for c in listed if c.meaning in ("quantity", "price")}
    if "value" not in said and len(parts) == 2:
        said["value"] = f"{parts['quantity']} * {parts['price']}"
    also: dict = {}
    for column in listed:
        if column.free:
            also[table, column.meaning] = (*also.get((table, column.meaning), ()), column.header)
    return said, also


def _happened(name: str, customers: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    table = visits(rng, customers, begin="2021-05-01", days=800, gap=30, life=260)
    table["event"] = np.arange(len(table))
    lines = rng.integers(1, 4, len(table)) if EXPORTS[name].rstrip().endswith("lines") else np.ones(len(table), int)
    table = table.loc[table.index.repeat(lines)].reset_index(drop=True)
    table["line"] = table.groupby("event").cumcount() + 1
    table["value"] = amounts(rng, table["customer"], mean=45)
    return Rows(rng, customers, table)


def _write(place: Path, listed: list[Column], rows: Rows) -> None:
    """Semicolons where commas stand in numbers."""
    told = pd.DataFrame({column.header: np.asarray(cells.of(column, rows)) for column in listed})
    continental = any(column.form in ("de", "deh", "fr", "eu", "euh", "frh") for column in listed)
    told.to_csv(place, index=False, sep=";" if continental else ",")
