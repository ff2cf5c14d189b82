"""Notebooks: executed with papermill, and glued with scrapbook."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.display import Markdown

from churn import state
from churn.kernels import FOLDER

if TYPE_CHECKING:
    from jupyter_client import KernelManager

# jsonschema compiles a grammar for internationalised web addresses when it is imported, which takes 2 seconds in
# every process; it does without where the package is missing, and no notebook holds such an address.
sys.modules["rfc3987_syntax"] = None
import nbformat  # noqa: E402
import papermill  # noqa: E402
import scrapbook  # noqa: E402
from papermill.exceptions import PapermillExecutionError  # noqa: E402

sys.modules.pop("rfc3987_syntax", None)
logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what it would say becomes the error of the stage

__all__ = ["PapermillExecutionError", "execute", "glue", "headings", "outcome"]


def glue(**values: object) -> Markdown:
    """End a notebook with its contract: plain values that the next stage reads. Returns them as text for people."""
    for name, value in values.items():
        scrapbook.glue(name, value)
    return Markdown("\n".join(f"- {name}: `{_short(value)}`" for name, value in values.items()))


def outcome(executed: Path) -> tuple[dict[str, object], float]:
    """What an executed notebook glued, and the most memory that its kernel was seen with, in MB."""
    read = scrapbook.read_notebook(str(executed))
    return dict(read.scraps.data_dict), read.metadata.papermill.get("peak_mb", 0.0)


def execute(
    stage: str,
    output: Path,
    parameters: dict,
    *,
    kernel: KernelManager,
    on_cell: Callable[[int, int, str], None] | None = None,
    seconds: int | None = None,
) -> None:
    """Execute a stage's notebook in a kernel, telling each cell's number, the number of cells and the section.

    Raises PapermillExecutionError, also for a kernel that died and for more than `seconds`; the notebook is written
    all the same.
    """
    papermill.execute_notebook(
        FOLDER / f"{stage}.ipynb",
        output,
        parameters,
        engine_name="churn",
        start_timeout=600,  # seconds: from a cold disk the libraries take long
        progress_bar=False,
        km=kernel,
        on_cell=on_cell,
        seconds=seconds,
    )


def _short(value: object) -> object:
    """Numbers with four digits, paths as they lie in the state folder."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).removeprefix(f"{state.root()}/")


def headings(executed: Path, until: int) -> list[str]:
    """The headings up to a cell, the nearest last."""
    cells = nbformat.read(executed, as_version=4).cells[: until + 1]
    return [
        line.lstrip("# ")
        for c in cells
        if c.cell_type == "markdown"
        for line in c.source.splitlines()
        if line.startswith("#")
    ]
