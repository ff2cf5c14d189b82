"""The engine: where a notebook is, what is left of it when it does not end by itself, and in real kernels."""

import os
import signal
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from churn.pipeline.execution import kernels, notebook, papermill_engine, preload


@pytest.fixture
def mortal(bare):
    """A kernel of a test's own."""
    with kernels.warm_kernel() as ready:
        yield ready


def execute(kernel, output: Path, *cells: str, **options) -> None:
    """Cells that begin with # are headings."""
    made = [
        (nbformat.v4.new_markdown_cell if c.startswith("#") else nbformat.v4.new_code_cell)(c) for c in cells
    ]  # fmt: skip
    nb = nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": {"name": "python3", "display_name": "p"}})
    papermill.execute_notebook(nb, output, engine_name="churn", km=kernel, progress_bar=False, **options)


def outputs(executed: Path) -> list[str]:
    cells = [c for c in nbformat.read(executed, as_version=4).cells if c.cell_type == "code"]
    return [" ".join(o.get("text", o.get("evalue", "")) for o in c.outputs).strip() for c in cells]


def test_papermill_knows_the_engine_by_its_entry_point():
    assert papermill.engines.papermill_engines.get_engine("churn") is papermill_engine.WarmEngine


def test_each_code_cell_is_told_with_the_heading_that_it_stands_under(kernel, tmp_path):
    told = []
    execute(kernel, tmp_path / "a.ipynb", "# One", "1", "2", "## Two\nprose", "3", on_cell=lambda *at: told.append(at))
    assert [(1, 3, "One"), (2, 3, "One"), (3, 3, "Two")] == told


def test_an_error_stops_the_notebook_and_keeps_what_was_done(kernel, tmp_path):
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        execute(kernel, tmp_path / "a.ipynb", "print('done')", "1 / 0", "print('never')")
    assert ["done", "division by zero", ""] == outputs(tmp_path / "a.ipynb")


def test_a_dead_kernel_keeps_the_cells_executed_so_far_and_says_how_it_died(mortal, tmp_path):
    with pytest.raises(PapermillExecutionError) as died:
        execute(mortal, tmp_path / "a.ipynb", "print('done')", "import os; os.kill(os.getpid(), 9)", "print('never')")
    assert ("KernelDied", 2) == (died.value.ename, died.value.exec_count)
    done, dead, never = outputs(tmp_path / "a.ipynb")
    assert ("done", "") == (done, never)
    assert "killed (signal 9)" in dead and "want of memory" in dead


def test_a_kernel_that_is_killed_before_the_first_cell_is_started_once_more(mortal, tmp_path):
    os.kill(mortal.provisioner.pid, signal.SIGKILL)
    execute(mortal, tmp_path / "a.ipynb", "# One", "print('done')")
    assert ["done"] == outputs(tmp_path / "a.ipynb")


def test_a_kernel_that_dies_at_each_start_is_told_apart_too(dying, tmp_path):
    dying("kill -KILL $$", times=2)
    with kernels.warm_kernel() as kernel, pytest.raises(PapermillExecutionError) as died:
        execute(kernel, tmp_path / "a.ipynb", "# One", "print('never')")
    assert ("KernelNotStarted", 1) == (died.value.ename, died.value.exec_count)
    assert "nor when it was started once more: the kernel was killed (signal 9) while it loaded" in died.value.evalue


def test_a_crash_in_a_library_is_told_apart_from_a_kill(mortal, tmp_path):
    with pytest.raises(PapermillExecutionError) as died:
        execute(mortal, tmp_path / "a.ipynb", "import ctypes; ctypes.string_at(0)")
    assert "crashed (SIGSEGV)" in died.value.evalue


def test_a_kernel_that_ends_itself_is_told_with_its_exit_code(mortal, tmp_path):
    with pytest.raises(PapermillExecutionError) as died:
        execute(mortal, tmp_path / "a.ipynb", "import os; os._exit(3)")
    assert "ended by itself (exit code 3)" in died.value.evalue


def test_a_limit_in_seconds_holds_for_the_notebook_as_a_whole(mortal, tmp_path):
    execute(mortal, tmp_path / "warm.ipynb", "1")
    with pytest.raises(PapermillExecutionError) as stopped:
        execute(mortal, tmp_path / "a.ipynb", "print('done')", "import time; time.sleep(60)", seconds=2)
    assert "longer than its limit of 2 s" in stopped.value.evalue
    assert "done" == outputs(tmp_path / "a.ipynb")[0]


def test_the_file_is_not_written_after_every_cell(kernel, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("papermill.engines.write_ipynb", lambda nb, path: written.append(path))
    execute(kernel, tmp_path / "a.ipynb", *["1"] * 20)
    assert 1 == len(written)


def test_a_long_notebook_is_written_now_and_then(kernel, tmp_path, monkeypatch):
    monkeypatch.setattr(papermill_engine, "SAVE_EVERY", 0)
    written = []
    monkeypatch.setattr("papermill.engines.write_ipynb", lambda nb, path: written.append(path))
    execute(kernel, tmp_path / "a.ipynb", *["1"] * 5)
    assert len(written) > 5


def test_the_peak_of_the_memory_is_noted_in_the_notebook(kernel, tmp_path):
    execute(kernel, tmp_path / "a.ipynb", "x = bytearray(200_000_000); x[::4096] = x[::4096]", "del x")
    assert 200 < notebook.outcome(tmp_path / "a.ipynb")[1]


def test_a_warm_kernel_has_loaded_what_its_stage_calls_later(tmp_path):
    """Here of one stage; that all of the modules can be imported says tests/project/test_named_modules.py."""
    stage = max(preload.LATER, key=lambda stage: len(preload.LATER[stage]))
    with kernels.warm_kernel(stage) as kernel:
        execute(kernel, tmp_path / "a.ipynb", f"import sys; sorted({set(preload.LATER[stage])} - set(sys.modules))")
    (cell,) = nbformat.read(tmp_path / "a.ipynb", as_version=4).cells
    assert "[]" == cell.outputs[0].data["text/plain"]
