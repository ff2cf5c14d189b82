"""What a saved model holds, apart from what changes whenever it is saved: memory addresses and the time of day.

A skops file is a zip of a tree of plain values, `schema.json`, and of one file an array. The arrays are named after the
addresses of the objects in memory, the tree repeats these as `__id__`, and the zip stamps its files with the time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile


def content(file: Path) -> dict[str, object]:
    """Every value of a skops file by its place in the tree; an array as the SHA-256 of its bytes.

    Two models of equal content have equal bits in every coefficient.
    """
    with ZipFile(file) as saved:
        return dict(_values(saved, json.loads(saved.read("schema.json")), ""))


def _values(saved: ZipFile, node: object, place: str) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == "file" and isinstance(inner, str):
                yield _below(place, name), hashlib.sha256(saved.read(inner)).hexdigest()
            elif name != "__id__" or not isinstance(inner, int):
                yield from _values(saved, inner, _below(place, name))
    elif isinstance(node, list):
        for position, inner in enumerate(node):
            yield from _values(saved, inner, _below(place, str(position)))
    else:
        yield place, node


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
