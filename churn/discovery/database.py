"""The tables of a database, fetched once to be looked at."""

from __future__ import annotations

from pathlib import Path

import ibis

from churn.discovery import files
from churn.discovery.files import Found
from churn.errors import InvalidData
from churn.sources import locate
from churn.sources.databases import fetch
from churn.sources.databases.statement import Read


def tables(con: ibis.BaseBackend, url: str, names: list[str], scratch: Path) -> list[Found]:
    """The tables of that name, or all there are. Raises InvalidData."""
    if not locate.VARIABLE.fullmatch(url):
        raise InvalidData("--url: name a variable of the environment that holds the url, as in --url '${SHOP_DB}'")
    with locate.concealed({"url": url}):
        value = locate.value_of(url)
        names = names or fetch.tables(value, shown=url)
        asked = {f"t{i}": Read(name, None, (), "--table") for i, name in enumerate(names)}
        placed = fetch.fetch(value, asked, scratch, shown=url)
        found = [
            files.of_rows(con, file, name, {"url": url, "table": name}, scratch)
            for name, file in zip(names, placed.values(), strict=True)
        ]
    return sorted(found, key=lambda table: -table.rows)
