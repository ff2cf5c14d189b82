"""Keep the notebooks' new results: `make accept`, which prints what has changed.

Runs the notebooks with their defaults, in pipeline order on an empty state, and keeps the outputs of the cells
that the regression tests compare. What differs from run to run (notebooks/sanitize.cfg) is no change.
"""

from __future__ import annotations

import difflib
import os
import re
import runpy
import tempfile
from collections.abc import Iterator

import nbformat
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbval.plugin import get_sanitize_patterns

from churn.pipeline import plan
from churn.state import NOTEBOOKS

QUIET = ["--IPKernelApp.log_level=50"]
SANITIZE = get_sanitize_patterns((NOTEBOOKS / "sanitize.cfg").read_text())


def main() -> None:
    changed = False
    with tempfile.TemporaryDirectory() as state:
        os.environ |= {"CHURN_STATE": state} | runpy.run_path(str(NOTEBOOKS / "conftest.py"))["PROCESSOR"]
        for path in (NOTEBOOKS / f"{stage}.ipynb" for stage in plan.STAGES):
            notebook = nbformat.read(path, as_version=4)
            old = {cell.id: cell.get("outputs", []) for cell in notebook.cells}
            NotebookClient(
                notebook, record_timing=False, extra_arguments=QUIET, resources={"metadata": {"path": str(NOTEBOOKS)}}
            ).execute()
            for place, lines in accepted(notebook, old):
                print(f"{path.name}, {place}", *lines, sep="\n", end="\n\n")
                changed = True
            nbformat.write(notebook, path)
    if not changed:
        print("Nothing has changed.")


def accepted(notebook: NotebookNode, old: dict[str, list]) -> Iterator[tuple[str, list[str]]]:
    """Leave an executed notebook with the outputs that are compared; yields where they differ from the `old`, and the
    old (-) and new (+) lines."""
    heading = ""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            heading = next(iter(re.findall("^#+ (.+)", cell.source, re.MULTILINE)), heading)
            continue
        compared = "nbval-check-output" in cell.metadata.get("tags", [])
        new = [output for output in map(_without_pictures, cell.outputs) if output.get("data", True)]
        before, after = told(old[cell.id]), told(new)
        same = [_shown(output) for output in old[cell.id]] == [_shown(output) for output in new]
        cell.outputs = [] if not compared else old[cell.id] if same else new
        if compared and before != after:
            lines = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
            yield f"cell {number} under {heading!r}", [line for line in lines if not line.startswith("@@")]


def told(outputs: list[NotebookNode]) -> list[str]:
    """Outputs as lines of text, a row of a table a line, without what differs from run to run."""
    return [line for output in outputs for line in _text(output).splitlines() if line.strip()]


def _shown(output: NotebookNode) -> str:
    """What is compared of an output, its looks included."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    shown = next(data[kind] for kind in ("text/html", "text/markdown", "text/plain") if kind in data)
    for regex, replacement in SANITIZE:
        shown = re.sub(regex, replacement, shown)
    return shown


def _text(output: NotebookNode) -> str:
    shown = _shown(output)
    if "text/html" not in output.get("data", {}):
        return shown
    rows = BeautifulSoup(shown, "html.parser").find_all("tr")
    return "\n".join(" | ".join(cell.get_text(strip=True) for cell in row.find_all(["th", "td"])) for row in rows)


def _without_pictures(output: NotebookNode) -> NotebookNode:
    """Of a figure its data in words is kept; glued values stand beside as text."""
    if "data" in output:
        left_out = ("image/", "application/scrapbook")
        output.data = {kind: value for kind, value in output.data.items() if not kind.startswith(left_out)}
        output.metadata = {}
    return output


if __name__ == "__main__":
    main()
