"""A notebook's own cells executed in this process: what a stage computes, without a kernel, a report or its figures."""

from __future__ import annotations

import json
import warnings
from functools import cache

from churn import state
from churn.errors import ChurnError, first_line

FIGURE = "figure"  # tag of a cell that only shows: no other takes what it makes
PRODUCTION = "production"  # of a cell of features that acts on what is in production


def run(stage: str, parameters: dict, *, tag: str = "", given: dict | None = None) -> dict:
    """Execute a notebook's cells in order, those that only show passed over; returns what it glued.

    With a `tag` only cells that have it, on the names that are `given`. Raises what the user has to mend, or ChurnError
    with the cell.
    """
    first, imports, *cells = _cells(stage)
    names, glued = {"__name__": "__main__"}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _execute(stage, first, names)
        _execute(stage, imports, names)
        names |= parameters | (given or {}) | {"glue": lambda **values: glued.update(values)}
        for cell in cells:
            if tag in cell.tags if tag else FIGURE not in cell.tags:
                _execute(stage, cell, names)
    return json.loads(json.dumps(glued))  # as papermill hands it on


class _Cell:
    def __init__(self, number: int, cell: dict) -> None:
        self.number, self.tags = number, cell["metadata"].get("tags", [])
        self.source = "".join(cell["source"])


@cache
def _cells(stage: str) -> list[_Cell]:
    """The code cells of a stage's notebook: the parameters, the imports, the rest."""
    cells = json.loads((state.NOTEBOOKS / f"{stage}.ipynb").read_text(encoding="utf-8"))["cells"]
    return [_Cell(number, cell) for number, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]


def _execute(stage: str, cell: _Cell, names: dict) -> None:
    where = f"notebooks/{stage}.ipynb, cell {cell.number}"
    try:
        exec(compile(cell.source, where, "exec"), names)
    except ChurnError:
        raise
    except Exception as error:
        raise ChurnError(f"{where}: {type(error).__name__}: {first_line(error)}") from error
