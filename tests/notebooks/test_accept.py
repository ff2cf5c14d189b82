"""What `make accept` calls a change, and what it keeps of a notebook."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.accept_notebooks import accepted, told

CHECKED = {"tags": ["nbval-check-output", "keep_output"]}


def shown(kind: str, value: str) -> list:
    return [new_output("execute_result", data={kind: value}, metadata={})]


def changes(old: list, new: list, metadata: dict = CHECKED) -> tuple[list, list]:
    """What is told to have changed in a notebook of one cell, and the outputs that are kept."""
    cell = new_code_cell("1", id="a", outputs=new, metadata=metadata)
    notebook = new_notebook(cells=[new_markdown_cell("# Scores\n\nProse."), cell])
    return list(accepted(notebook, {"a": old})), cell.outputs


def test_old_and_new_lines_are_told_with_the_cell_and_its_heading():
    old, new = shown("text/markdown", "All hold.\nAUC **0.70**"), shown("text/markdown", "All hold.\nAUC **0.71**")
    assert ([("cell 1 under 'Scores'", ["-AUC **0.70**", "+AUC **0.71**"])], new) == changes(old, new)


def test_a_table_is_told_row_by_row():
    html = "<table><tr><th>model</th><th>auc</th></tr><tr><td>candidate</td><td>{}</td></tr></table>"
    found, _ = changes(shown("text/html", html.format(0.70)), shown("text/html", html.format(0.71)))
    assert [("cell 1 under 'Scores'", ["-candidate | 0.7", "+candidate | 0.71"])] == found


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("text/html", '<table id="T_0a1b2">', '<table id="T_3c4d5">'),
        ("text/html", f"<tr><td>{'a' * 32}</td></tr>", f"<tr><td>{'b' * 32}</td></tr>"),
        ("text/markdown", f"- decision_run: `{'a' * 32}`", f"- decision_run: `{'b' * 32}`"),
        ("text/markdown", "**ann** asks to **decide**", "**bob b.** asks to **decide**"),
        ("text/plain", "<Styler at 0x7f01>", "<Styler at 0x7f02>"),
        ("text/plain", "x: v1 03 Jan 00:00", "x: v1 12 Dec 23:59"),
    ],
)
def test_what_differs_from_run_to_run_is_no_change_and_the_old_output_stays(kind, old, new):
    assert ([], shown(kind, old)) == changes(shown(kind, old), shown(kind, new))


@pytest.mark.parametrize(("old", "new"), [("1500-" + "a" * 32, "1500-" + "b" * 32), ("`" + "a" * 32, "`" + "b" * 32)])
def test_a_fingerprint_is_compared(old, new):
    assert told(shown("text/html", f"<tr><td>{old}</td></tr>")) != told(shown("text/html", f"<tr><td>{new}</td></tr>"))


def test_a_cell_that_is_not_compared_keeps_no_output():
    assert ([], []) == changes([], shown("text/plain", "1"), metadata={})


def test_pictures_and_glued_values_are_not_kept():
    glued = new_output("display_data", data={"application/scrapbook.scrap.json+json": {"name": "auc", "data": 0.7}})
    figure = new_output("display_data", data={"image/png": "iVBO", "text/plain": "The AUC is 0.70"})
    _, kept = changes([], [glued, figure])
    assert [{"text/plain": "The AUC is 0.70"}] == [output.data for output in kept]
