"""An executed notebook as one HTML page that a manager can read: code folded, nothing loaded from elsewhere."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import papermill
from bs4 import BeautifulSoup, SoupStrainer, Tag
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill.execute import ERROR_MARKER_TAG
from traitlets.config import Config

from churn import state
from churn.reports.run_page import prose

TEMPLATES = Path(__file__).parent / "templates"
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain"]
WIDGET = "application/vnd.jupyter.widget-view+json"  # a progress bar: dead once the kernel is gone
FOLD = "fold"  # the tag of a heading whose section a reader opens by hand
HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)
NUMBER = re.compile(r"[-+−]?[$€£]?\d[\d,]*(\.\d+)?(e[-+]\d+)?\s?%?|[-+]?inf|nan|none|<na>|[-–—]?|\.{3}", re.IGNORECASE)


def render(
    notebook: Path, html: Path, *, title: str, footer: dict[str, str] | None = None, site: Sequence[str] = ()
) -> Path:
    """Write `notebook` (executed, or stopped by an error) to `html`, whole or not at all.

    `title` names the page; `footer` is shown at its end, one entry a key (run id, commit, ...). `site` are the names
    of the run's stages in their order, where the page is one of theirs: it then links to its neighbours and to the
    run's index.html, all in its own folder. Returns `html`.
    """
    nb = _annotate(nbformat.read(notebook, as_version=4), title=title)
    resources = {
        "metadata": {"name": title, "path": str(notebook.parent)},
        "parameters": _parameters(notebook, nb),
        "footer": footer or {},
        "site": _neighbours(html.stem, site),
    }
    page, _ = _exporter().from_notebook_node(nb, resources)
    return state.write_text(html, page)


@functools.cache
def load_templates() -> None:
    """Render a page that nobody sees, once: the first one compiles the template and loads what colours the code."""
    cells = [new_markdown_cell("# A report"), new_code_cell("1")]
    resources = {"metadata": {"name": "", "path": "."}, "parameters": [], "footer": {}, "site": None}
    _exporter().from_notebook_node(_annotate(new_notebook(cells=cells), title=""), resources)


@functools.cache  # it holds the compiled template
def _exporter() -> HTMLExporter:
    return HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        filters={"headings": _headings, "unlinked": _unlinked, "tables": _tables, "prose": prose},
        anchor_link_text="#",
        embed_images=True,
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
    )


def _neighbours(stage: str, site: Sequence[str]) -> dict[str, str] | None:
    """The stages before and after this one, "" where there is none; None for a page that stands alone."""
    if stage not in site:
        return None
    around = ["", *site, ""]
    place = around.index(stage)
    return {"previous": around[place - 1], "next": around[place + 1]}


def _annotate(nb: NotebookNode, *, title: str) -> NotebookNode:
    """Drop what nobody reads; tell each cell its section (`metadata.section`) and its `metadata.state`.

    The state is "done", "failed" (the first cell that did) or "not-run" (the cells after it).
    """
    tags = {tag for cell in nb.cells for tag in cell.metadata.get("tags", [])}
    unread = {ERROR_MARKER_TAG, "injected-parameters"} if "parameters" in tags else {ERROR_MARKER_TAG}
    nb.cells = [cell for cell in nb.cells if unread.isdisjoint(cell.metadata.get("tags", []))]
    section, state = title, "done"
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            section = (HEADING.findall(cell.source) or [section])[-1]
        elif cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _is_shown(output)]
        if state != "done":
            state = "not-run"
        elif _is_failed(cell):
            state = "failed"
        cell.metadata.update(section=section, state=state)
    _fold(nb.cells)
    return nb


def _fold(cells: list[NotebookNode]) -> None:
    """Tell where a folded section begins (`metadata.fold`: its heading, and whether it is open) and where it ends."""
    headed = [n for n, cell in enumerate(cells) if cell.cell_type == "markdown" and HEADING.match(cell.source)]
    for begin, end in pairwise([*headed, len(cells)]):
        if FOLD not in cells[begin].metadata.get("tags", []):
            continue
        heading, _, cells[begin].source = cells[begin].source.partition("\n")
        unfinished = any(cell.metadata.state != "done" for cell in cells[begin:end])
        cells[begin].metadata.fold = {"heading": heading, "open": unfinished}
        cells[end - 1].metadata.fold_ends = True


def _is_shown(output: NotebookNode) -> bool:
    """False for glued values, widgets and whatever else has no form to show on a page."""
    return "data" not in output or (WIDGET not in output.data and not output.data.keys().isdisjoint(SHOWN))


def _is_failed(cell: NotebookNode) -> bool:
    """Also true for a cell without a traceback whose kernel died: papermill marks it."""
    marked = cell.metadata.get("papermill", {}).get("exception") is True
    return marked or any(output.output_type == "error" for output in cell.get("outputs", []))


def _parameters(notebook: Path, nb: NotebookNode) -> list[dict[str, Any]]:
    """Name, value and help of each parameter: the parameters cell, overridden by what papermill injected."""
    known = papermill.inspect_notebook(notebook)
    values = {name: parameter["default"].strip("\"'") for name, parameter in known.items()}
    values |= nb.metadata.get("papermill", {}).get("parameters", {})
    return [
        {"name": name, "value": value, "help": known.get(name, {}).get("help", "")} for name, value in values.items()
    ]


def _headings(html: str) -> list[tuple[str, str]]:
    """Anchor and text of each h2, for the table of contents."""
    headings = []
    for heading in BeautifulSoup(html, "html.parser", parse_only=SoupStrainer("h2")).find_all("h2", id=True):
        for link in heading.select("a.anchor-link"):
            link.decompose()
        headings.append((heading["id"], heading.get_text().strip()))
    return headings


def _unlinked(html: str) -> str:
    """A heading without the link to itself: what unfolds at a click holds nothing else to click."""
    return re.sub(r'<a class="anchor-link".*?</a>', "", html)


def _tables(html: str) -> str:
    """Data frames in a scrolling frame, one row of headings, columns of numbers with the class `number`."""
    if "<table" not in html:
        return html
    soup = BeautifulSoup(html, "html.parser")
    for style in soup.select("style[scoped]"):  # pandas' own look
        style.decompose()
    for table in soup.select("table.dataframe, table[id^=T_]"):
        table.attrs.pop("border", None)
        _merge_index_names(table)
        _unname_blanks(table)
        _say_none(soup, table)
        named = f"table: {', '.join(_text(cell) for cell in table.select('thead th'))}"
        table.wrap(
            soup.new_tag("div", attrs={"class": "scroll", "role": "group", "aria-label": named, "tabindex": "0"})
        )
        _mark_numbers(table)
    return str(soup)


def _merge_index_names(table: Tag) -> None:
    """pandas puts the names of the index in a row of their own, below blanks: move them up."""
    *_, upper, lower = [[], [], *(row.find_all("th") for row in table.select("thead tr"))]
    pairs = list(zip(upper, lower, strict=False))
    if not upper or len(upper) != len(lower) or any(_text(above) and _text(below) for above, below in pairs):
        return
    for above, below in pairs:
        above.string = _text(above) or _text(below)
    lower[0].parent.decompose()


def _unname_blanks(table: Tag) -> None:
    """A heading without a word heads nothing: it is a cell."""
    for cell in table.select("thead th"):
        if not _text(cell):
            cell.name = "td"


def _say_none(soup: BeautifulSoup, table: Tag) -> None:
    """A table without a row says so."""
    if table.tbody and not table.tbody.find("tr"):
        row, cell = (
            soup.new_tag("tr"),
            soup.new_tag("td", attrs={"colspan": len(table.select("thead tr:last-child > *"))}),
        )
        cell.string = "none"
        row.append(cell)
        table.tbody.append(row)


def _mark_numbers(table: Tag) -> None:
    """Columns are counted from the right, where a merged index leaves no gaps."""
    rows = [row.find_all(["th", "td"])[::-1] for row in [*table.select("thead tr")[-1:], *table.select("tbody tr")]]
    for column in zip(*rows, strict=False):
        values = [_text(cell) for cell in column if cell.name == "td"]
        if any(values) and all(map(NUMBER.fullmatch, values)):
            for cell in column:
                cell["class"] = [*cell.get("class", []), "number"]


def _text(tag: Tag) -> str:
    return tag.get_text().strip()
