"""Reading a log that nobody has described: what the reader refuses is mended where a word in the params file can, and
said."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import ibis

from churn.errors import InvalidData
from churn.sources import inputs
from churn.sources.contract import Source

MOST_REJECTED = 0.2  # share of unusable rows, above which nobody would want what is left
TRIES = 6


def read(con: ibis.BaseBackend, data: dict, folder: Path) -> tuple[Source, list[str]]:
    """Read a data section, which is changed where it has to be; and what was changed. Raises InvalidData."""
    told: list[str] = []
    for _ in range(TRIES):
        try:
            return inputs.read(con, data, folder), told
        except InvalidData as error:
            said = next((said for mend in MENDS if (said := mend(data, str(error)))), None)
            if said is None or said in told:
                raise
            told.append(said)
    raise InvalidData(f"the log cannot be read: {'; '.join(told)}")


def _rejected(data: dict, message: str) -> str:
    if not (found := re.search(r"([\d.]+)% of ([\d,]+) rows cannot be used, the limit is", message)):
        return ""
    share, why = float(found[1]) / 100, message.partition("most often ")[2].split("; say ")[0].split(", or raise")[0]
    if "not in the customers' table" in message and share > 0.05:
        data["customers"] = None
        return f"{found[1]}% of the events are of customers who are not in the customers' table, which is left out"
    if share > MOST_REJECTED:
        return ""
    data["max_rejected"] = math.ceil(share * 120) / 100
    return f"{found[1]}% of the rows cannot be used and are set aside (data.max_rejected is raised): {why}"


def _large_share(data: dict, message: str) -> str:
    if not (found := re.search(r"(\d+)% of them \(.*?\) have the .+? '(.*)', the limit is", message)):
        return ""
    data["max_customer_share"] = min(1.0, math.ceil(int(found[1]) * 1.1 + 1) / 100)
    return (
        f"the customer {found[2]!r} has {found[1]}% of all events (data.max_customer_share is raised); if it stands "
        "for guests, name it in data.null_words"
    )


def _many_kinds(data: dict, message: str) -> str:
    if "kinds of event, the limit is" not in message:
        return ""
    for section in data.get("inputs") or [data]:
        if section["columns"].pop("kind", None):
            section["kind"] = "event"
    return f"{message.partition('; each')[0].removeprefix('events: ')}: it is no kind, and left out"


def _twice(data: dict, message: str) -> str:
    if "say duplicates: drop" not in message:
        return ""
    data["duplicates"] = "drop"
    return f"{message.partition('; take one out')[0]}; each is read once (data.duplicates: drop)"


def _alike(data: dict, message: str) -> str:
    if "case_sensitive" not in message:
        return ""
    data["ids"] = "case_sensitive"
    return "ids that differ in case only are taken for different customers (data.ids: case_sensitive)"


def _several(data: dict, message: str) -> str:
    if "customer ids appear more than once" not in message:
        return ""
    data["customers"] = None
    return "the customers' table has several rows a customer, and is left out"


MENDS: list[Callable[[dict, str], str]] = [_rejected, _large_share, _many_kinds, _twice, _alike, _several]
