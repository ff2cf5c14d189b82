"""The corner of a table that heads nothing is no head: a screen reader would announce it as an empty one."""

from __future__ import annotations

import re


def on_page_content(html: str, **_: object) -> str:
    """Empty heads become cells."""
    return re.sub(r"<th([^>]*)></th>", r"<td\1></td>", html)
