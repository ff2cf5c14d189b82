"""What files leave open (is 01.02. in January or in February?), settled by what is likelier, and said."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import ibis
import pandas as pd
import yaml

from churn.errors import InvalidData
from churn.sources import detection, locate
from churn.sources.formats import times
from churn.sources.rows import event_table

OPEN = re.compile(r"format: (\{.*?\})(?= or |$)")
AHEAD = 0.8  # of two readings, the one whose times jump by no more than such a part of the other's


def with_formats(con: ibis.BaseBackend, data: dict) -> tuple[dict, list[str]]:
    """The data section with how its files are written; and of what they leave open, what was taken.

    Raises InvalidData where nothing speaks for one of the readings, or files are written in different ways.
    """
    told: list[str] = []
    for number, (section, _) in enumerate(event_table.tables(data)):
        if format := _format(con, data, number, told):
            section["format"] = format
    return data, told


def _format(con, data: dict, number: int, told: list[str]) -> dict:
    """How the files of one table are written; what is open is taken, said, and looked at again."""
    section, table = event_table.tables(data)[number]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            return detection.complete(con, table, table.fields, scratch=Path(scratch)).said()
    except InvalidData as error:
        section["format"] = section.get("format", {}) | _taken(con, table, str(error), told)
    return _format(con, data, number, told)


def _taken(con, table, message: str, told: list[str]) -> dict:
    """The likelier of the readings that a message offers. Raises it again where it offers none."""
    offered = [yaml.safe_load(text) for text in OPEN.findall(message)]
    if len(offered) < 2 or any(message.split(";")[0] in known for known in told):
        raise InvalidData(message)
    if "dates" in offered[0]:
        format, why = _of_dates(con, table, offered)
    else:
        format = next((one for one in offered if one.get("thousands")), offered[0])
        why = "three digits behind a mark are thousands more often than thousandths"
    told.append(f"{message.split('; say which')[0]}; taken was {_said(format)}: {why}")
    return format


def _of_dates(con, table, offered: list[dict]) -> tuple[dict, str]:
    """By the order of the rows: exports are sorted, so the right reading jumps about less."""
    table = replace(table, format=detection.of_bytes(table, locate.find(table.path)))
    with tempfile.TemporaryDirectory() as scratch:
        columns = table.open(con, Path(scratch), head=True)[0]
        table.fields(columns)
        text = next(iter(columns.times.values()))
        texts = columns.raw.select(text=text).limit(5_000).execute().text.dropna()
    jumps = [_jumps(con, texts, one["dates"]) for one in offered]
    best = min(range(len(offered)), key=lambda i: jumps[i])
    others = min(jump for i, jump in enumerate(jumps) if i != best)
    if jumps[best] <= AHEAD * others:
        return offered[best], "read so, the rows are nearer to being in order"
    usual = "month_first" if texts.str.contains(r"(?i)[ap]m\b").mean() > 0.5 else "day_first"
    chosen = next((one for one in offered if one["dates"] == usual), offered[0])
    return chosen, "most of the world writes so; look at the first rows"


def _jumps(con, texts: pd.Series, dates: str) -> float:
    """Days that times go forward or back from row to row, all in all."""
    rows = ibis.memtable(pd.DataFrame({"n": range(len(texts)), "text": texts.tolist()}))
    read = con.execute(rows.select("n", at=times.as_time(rows.text, dates=dates)).order_by("n"))
    return read["at"].diff().abs().dt.total_seconds().sum() / 86_400


def _said(format: dict) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in format.items())
