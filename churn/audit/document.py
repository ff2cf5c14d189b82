"""The audit document: a version's record as one printable page that stands alone, each fact with the id it is from.

It holds nothing that `churn why --json` does not; no script, no picture and no address of elsewhere.
"""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2
from markupsafe import Markup

from churn import state
from churn.audit import facts
from churn.errors import UserError

TEMPLATES = Path(__file__).parent / "templates"
ENDINGS = (".html", ".htm")


def html(trail: dict) -> str:
    """The page of what `why.why` told."""
    return _environment().get_template("audit.html.j2").render(why=trail, fact=facts.of(trail), css=_css())


def refuse_unwritable(file: str) -> Path:
    """Raises UserError where a file cannot be that page: its ending is another one, or its folder is not there."""
    path = Path(file)
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"--html {file}: the file's name ends with .html; found {path.suffix or 'no ending'}")
    if not path.parent.is_dir():
        raise UserError(f"--html {file}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise UserError(f"--html {file}: that is a folder; name a file in it")
    return path


def write(trail: dict, path: Path) -> Path:
    """Write the page, whole or not at all. Raises UserError where that is not possible."""
    try:
        return state.write_text(path, html(trail))
    except OSError as error:
        raise UserError(f"--html {path}: {error.strerror}; name a file that can be written") from error


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )


def _css() -> Markup:
    return Markup((TEMPLATES / "audit.css").read_text(encoding="utf-8"))
