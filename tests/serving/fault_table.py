"""Tables of docs/reference/api.md whose rows tests observe: with WRITE_FAULT_TABLE=1 the tests write them anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from churn.state import PROJECT

DOCUMENT = PROJECT / "docs" / "reference" / "api.md"
HEAD = "| fault | `POST /predict` | `GET /ready` | afterwards |\n|---|---|---|---|"


@contextmanager
def observed(name: str) -> Iterator[list[str]]:
    """The rows of one table, to be filled in; at the end the document must say the same."""
    rows: list[str] = []
    yield rows
    text = DOCUMENT.read_text()
    before, rest = text.split(f"<!-- {name} -->\n")
    documented, after = rest.split(f"<!-- end of {name} -->")
    if os.environ.get("WRITE_FAULT_TABLE"):
        table = f"<!-- {name} -->\n{HEAD}\n" + "\n".join(rows) + f"\n<!-- end of {name} -->"
        DOCUMENT.write_text(f"{before}{table}{after}")
    else:
        assert not set(rows) - set(documented.splitlines()), f"docs/reference/api.md: write the table of {name} anew"


def row(fault: str, predict: str, ready: str, afterwards: str) -> str:
    """A line of the table."""
    return f"| {fault} | {predict} | {ready} | {afterwards} |"


def said(answer: requests.Response) -> str:
    """An answer in two words."""
    kind = answer.json().get("type")
    return f"{answer.status_code} {kind}" if kind else f"{answer.status_code}"
