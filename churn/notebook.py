"""Notebooks: executed with papermill, in kernels that are warm before their turn, and glued with scrapbook."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn import state

# jsonschema compiles a grammar for internationalised web addresses when it is imported, which takes 2 seconds in
# every process; it does without where the package is missing, and no notebook holds such an address.
sys.modules["rfc3987_syntax"] = None
import nbformat  # noqa: E402
import papermill  # noqa: E402
import scrapbook  # noqa: E402
from jupyter_client import KernelManager  # noqa: E402
from papermill.exceptions import PapermillExecutionError  # noqa: E402

del sys.modules["rfc3987_syntax"]

__all__ = ["PapermillExecutionError", "execute", "glue", "glued", "headings", "warm_kernel"]

FOLDER = state.PROJECT / "notebooks"


def glue(**values: object) -> None:
    """End a notebook with its contract: plain values that the next stage reads."""
    for name, value in values.items():
        scrapbook.glue(name, value)


def glued(executed: Path) -> dict[str, object]:
    """What an executed notebook glued."""
    return dict(scrapbook.read_notebook(str(executed)).scraps.data_dict)


def execute(stage: str, output: Path, parameters: dict, *, kernel: KernelManager, progress: bool) -> None:
    """Execute a stage's notebook in a kernel. Raises PapermillExecutionError; the notebook is written all the same."""
    papermill.execute_notebook(
        FOLDER / f"{stage}.ipynb",
        output,
        parameters,
        km=kernel,
        progress_bar=progress,
        request_save_on_cell_execute=False,
    )


@contextmanager
def warm_kernel(stage: str) -> Iterator[KernelManager]:
    """A kernel that starts at once and imports, in the background, what the stage's notebook imports."""
    cwd = state.path("runs")  # whatever a library writes into the working directory stays inside the state folder
    cwd.mkdir(parents=True, exist_ok=True)
    kernel = KernelManager(kernel_name="python3")
    environment = os.environ | {
        "PYTHONPATH": str(state.PROJECT),
        "CHURN_STATE": str(state.root()),
        "PYTHONHASHSEED": "0",
    }
    kernel.start_kernel(cwd=str(cwd), env=environment, extra_arguments=["--IPKernelApp.log_level=50"])
    client = kernel.client()
    client.start_channels()
    client.execute(imports(stage), silent=True, store_history=False)
    try:
        yield kernel
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def imports(stage: str) -> str:
    """The source of a notebook's import cell."""
    cells = nbformat.read(FOLDER / f"{stage}.ipynb", as_version=4).cells
    return next((c.source for c in cells if c.cell_type == "code" and _only_imports(c.source)), "")


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


def _only_imports(source: str) -> bool:
    body = ast.parse(source).body
    return bool(body) and all(isinstance(line, ast.Import | ast.ImportFrom) for line in body)
