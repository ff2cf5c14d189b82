"""The navigation of the site, from the list of pages in docs/README.md: a shelf a tab, a page an entry."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

SHELF, PAGE = re.compile(r"^## (.+)$"), re.compile(r"^\| \[([^]]+)\]\(([^)#]+)\) \|")


def shelves(text: str) -> dict[str, dict[str, str]]:
    """Shelf -> title -> page, as the map of the pages lists them."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if shelf := SHELF.match(line):
            found[shelf[1]] = {}
        elif page := PAGE.match(line):
            next(reversed(found.values()))[page[1]] = page[2]
    return found


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The map of the pages becomes the navigation."""
    from_map = shelves((Path(config.docs_dir) / "README.md").read_text())
    config.nav = [{"Start": "README.md"}] + [
        {shelf: [{title: page} for title, page in pages.items()]} for shelf, pages in from_map.items()
    ]
    return config
