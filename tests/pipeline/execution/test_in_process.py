"""A notebook's cells in this process: which are executed, and what is told of one that fails."""

import ast
import json

import pytest

from churn import state
from churn.errors import ChurnError, InvalidData
from churn.pipeline.execution import in_process
from churn.pipeline.plan import STAGES

PARAMETERS, IMPORTS = "a = 1\nrun_id = ''", "from math import sqrt"
PRESET = {"figures", "drawn"}  # begun empty in a cell that is executed: a figure cell adds to them


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """Writes notebooks/stage.ipynb of code cells, each a source or (source, tags)."""
    monkeypatch.setattr(state, "NOTEBOOKS", tmp_path)

    def write(*cells: str | tuple[str, list[str]]) -> None:
        told = [cell if isinstance(cell, tuple) else (cell, []) for cell in (PARAMETERS, IMPORTS, *cells)]
        document = {"cells": [{"cell_type": "code", "metadata": {"tags": t}, "source": [s]} for s, t in told]}
        (tmp_path / "stage.ipynb").write_text(json.dumps(document))
        in_process._cells.cache_clear()

    yield write
    in_process._cells.cache_clear()


def test_cells_run_in_order_on_the_given_parameters_and_what_is_glued_comes_back_as_json(notebook):
    notebook("b = sqrt(a)", "glue(b=b, pair=(1, 2))")
    assert {"b": 3.0, "pair": [1, 2]} == in_process.run("stage", {"a": 9})


def test_a_cell_that_only_draws_is_passed_over(notebook):
    notebook(("raise SystemExit", ["figure"]), "glue(a=a)")
    assert {"a": 2} == in_process.run("stage", {"a": 2})


def test_with_a_tag_only_its_cells_run_on_the_names_that_are_given(notebook):
    notebook("raise SystemExit", ("glue(b=b)", ["production"]))
    assert {"b": 5} == in_process.run("stage", {}, tag="production", given={"b": 5})


def test_what_a_user_has_to_mend_comes_as_it_is(notebook):
    notebook("from churn.errors import InvalidData\nraise InvalidData('no rows')")
    with pytest.raises(InvalidData, match=r"^no rows$"):
        in_process.run("stage", {})


def test_any_other_failure_names_notebook_and_cell(notebook):
    notebook("b = 1 / 0")
    with pytest.raises(ChurnError, match=r"^notebooks/stage\.ipynb, cell 3: ZeroDivisionError: division by zero$"):
        in_process.run("stage", {})


@pytest.mark.parametrize("stage", STAGES)
def test_no_cell_takes_what_a_cell_makes_that_only_draws(stage):
    drawn, taken = set(), {}
    for cell in in_process._cells(stage):
        names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
        if in_process.FIGURE in cell.tags:
            drawn |= {node.id for node in names if isinstance(node.ctx, ast.Store)} - PRESET
        else:
            drawn -= {node.id for node in names if isinstance(node.ctx, ast.Store)}
            taken |= {node.id: cell.number for node in names if node.id in drawn}
    assert {} == taken
