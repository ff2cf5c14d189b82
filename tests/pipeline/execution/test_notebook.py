"""A stage's notebook executed: what it glued, and what its failure means to the user."""

from __future__ import annotations

import nbformat
import pytest

from churn import errors, state
from churn.pipeline.execution import notebook

GLUED = "from churn.pipeline.execution.glue import glue\nglue(version=3, days=['a', 'b'], auc=0.5)"


@pytest.fixture
def run(kernel, tmp_path, monkeypatch):
    """Execute a notebook with these cells as a stage of this name; cells that begin with # are headings."""
    monkeypatch.setattr(state, "NOTEBOOKS", tmp_path / "notebooks")
    (tmp_path / "notebooks").mkdir()

    def _run(*cells: str, stage: str = "train", **parameters) -> notebook.Executed:
        made = [(nbformat.v4.new_markdown_cell if c.startswith("#") else nbformat.v4.new_code_cell)(c) for c in cells]
        metadata = {"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}}
        nbformat.write(
            nbformat.v4.new_notebook(cells=made, metadata=metadata), tmp_path / "notebooks" / f"{stage}.ipynb"
        )
        return notebook.run_stage(stage, parameters, folder=tmp_path, kernel=kernel, on_cell=lambda *at: None)

    return _run


def test_what_a_notebook_glues_is_what_is_left_of_it(run, tmp_path):
    done = run("# One", GLUED)
    assert (tmp_path / "train.ipynb", {"version": 3, "days": ["a", "b"], "auc": 0.5}) == (done.notebook, done.glued)
    assert done.peak_mb > 20


def test_a_notebook_is_given_its_parameters(run):
    assert {"version": 7} == run("from churn.pipeline.execution.glue import glue\nglue(version=before)", before=7).glued


def test_the_user_s_mistake_is_told_as_such_with_the_stage_alone(run, tmp_path):
    with pytest.raises(errors.InvalidData) as raised:
        run("# One", "from churn import errors; raise errors.InvalidData('log.csv: no column day')")
    assert ("train: log.csv: no column day", 2) == (str(raised.value), raised.value.exit_code)
    assert (tmp_path / "train.ipynb").exists(), "the evidence is there"


def test_what_the_registry_refuses_keeps_its_kind(run):
    with pytest.raises(errors.RegistryBusy, match=r"^promote: process 7 holds it$"):
        run("from churn import errors; raise errors.RegistryBusy('process 7 holds it')", stage="promote")


def test_any_other_error_says_where_to_look(run, tmp_path):
    with pytest.raises(errors.StageFailed) as failed:
        run("# One", "1", "# Two", "## The <model>\nprose", "print(1)", "1 / 0", "# Three", "2")
    details = {"error": "ZeroDivisionError: division by zero", "section": "The <model>"}
    assert {"stage": "train", "notebook": str(tmp_path / "train.ipynb")} | details == {
        name: value for name, value in failed.value.details.items() if name != "cell"
    }
    assert 1 == failed.value.exit_code


def test_an_error_of_many_lines_becomes_one_of_at_most_600_letters(run):
    with pytest.raises(errors.StageFailed) as failed:
        run("raise ValueError('first\\n  second ' + 'x' * 1000)")
    assert failed.value.details["error"].startswith("ValueError: first second xxx")
    assert 600 == len(failed.value.details["error"])


def test_an_error_before_any_heading_has_no_section(run):
    with pytest.raises(errors.StageFailed) as failed:
        run("1 / 0", "# One")
    assert "-" == failed.value.details["section"]


def test_a_limit_in_time_is_told_without_the_name_of_its_error(kernel, run):
    """The name is this program's own."""
    with pytest.raises(errors.StageFailed) as failed:
        raise notebook._translated(
            notebook.PapermillExecutionError(0, 4, "", "StageTimedOut", "the stage took longer than 5 s", []),
            "train",
            run("# One", "1").notebook,
        )
    assert ("the stage took longer than 5 s", "One") == (failed.value.details["error"], failed.value.details["section"])


def test_headings_are_those_up_to_a_cell_the_nearest_last(run):
    made = run("# One\nprose", "1", "## Two\n### Three", "2", "# Four").notebook
    assert [["One"], ["One"], ["One", "Two", "Three"]] == [notebook.headings(made, at) for at in (0, 1, 3)]
