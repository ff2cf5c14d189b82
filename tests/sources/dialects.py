"""One event log in any dialect that shops export: what people write differently, as settings of one generator."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.sources import xlsx

COLUMNS = {"customer_id": "Klant nr", "at": "Besteld op", "kind": "Soort", "value": "Prix payé"}
KINDS = ['koffie; "extra" groot', "crème brûlée, 2 stuks", "thee | à la menthe", "retour"]
NAMES = ['Zoë "Zo" Özdemir', "O'Brien; Søn, & Co", "Müller\tGmbH", "plain", ""]
Row = tuple[str, datetime, str, Decimal, str]


def log(n: int = 80, *, first: datetime = datetime(2023, 1, 1), last_day: int = 28) -> list[Row]:
    """Rows whose ids begin with zeros, whose times have minutes, whose texts hold what parts columns elsewhere."""
    rng = random.Random(13)
    rows = []
    for i in range(n):
        at = first + timedelta(days=365 * i // n, minutes=rng.randrange(1440))
        at = at.replace(day=min(at.day, last_day))
        value = Decimal(rng.choice([-1, 1, 1, 1]) * rng.randrange(100, 250_000_000)) / 100
        rows.append((f"{rng.randrange(25):05}", at, KINDS[i % len(KINDS)], value, NAMES[i % len(NAMES)]))
    return rows


# --- how numbers are written ---


def number(decimal: str = ".", thousands: str = "", *, before: str = "", behind: str = "", trailing_minus=False):
    def written(value: Decimal) -> str:
        whole, cents = f"{abs(value):,.2f}".split(".")
        text = f"{before}{whole.replace(',', thousands)}{decimal}{cents}{behind}"
        return text if value >= 0 else f"{text}-" if trailing_minus else f"-{text}"

    return written


# --- how times are written ---


def pattern(form: str) -> Callable[[datetime], str]:
    return lambda at: at.strftime(form)


def month_first(at: datetime) -> str:
    return f"{at.month}/{at.day}/{at.year} {at:%I:%M %p}".replace(" 0", " ")


def zoned(at: datetime) -> str:
    return at.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=-5))).strftime("%Y-%m-%d %H:%M:%S %z")


def offset(at: datetime) -> str:
    return at.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=2))).isoformat()


def epoch(unit: int = 1) -> Callable[[datetime], str]:
    return lambda at: str(int(at.replace(tzinfo=UTC).timestamp()) * unit)


def serial(at: datetime) -> str:
    return f"{(at - datetime(1899, 12, 30)) / timedelta(days=1):.9f}"


ISO, PLAIN = pattern("%Y-%m-%d %H:%M:%S"), number()


@dataclass(frozen=True)
class Dialect:
    """How a log is written down; as it stands, as everybody expects."""

    time: Callable[[datetime], str] = ISO
    number: Callable[[Decimal], str] = PLAIN
    separator: str = ","
    quoting: int = csv.QUOTE_MINIMAL
    ends: str = "\n"
    before: str = ""
    encoding: str = "utf-8"
    ending: str = ".csv"
    kind: str = "csv"

    def write(self, folder: Path, rows: list[Row]) -> Path:
        """The file of a log, packed as its ending says."""
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"log{self.ending}"
        written = [[id, self.time(at), kind, self.number(value), name] for id, at, kind, value, name in rows]
        names = [*(COLUMNS[role] for role in ("customer_id", "at", "kind", "value")), "Naam"]
        if self.kind == "parquet":
            pq.write_table(pa.table(dict(zip(names, zip(*written, strict=True), strict=True))), place)
        elif self.kind == "xlsx":
            xlsx.write(place, [names, *([id, at, kind, value, name] for id, at, kind, value, name in rows)])
        else:
            place.write_bytes(packed(self._text(names, written).encode(self.encoding), self.ending.lower()))
        return place

    def _text(self, names: list[str], rows: list[list[str]]) -> str:
        if self.kind == "json":
            lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
            return self.ends.join([*lines, ""])
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.separator, quoting=self.quoting, lineterminator=self.ends)
        writer.writerows([names, *rows])
        return self.before + text.getvalue()


def packed(content: bytes, ending: str) -> bytes:
    """The bytes of a file as its ending says that they are packed."""
    if ending.endswith(".gz"):
        return gzip.compress(content)
    if ending.endswith(".zst"):
        return pa.compress(content, codec="zstd", asbytes=True)
    if ending.endswith(".zip"):
        place = io.BytesIO()
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("export/log.csv", content)
        return place.getvalue()
    return content
