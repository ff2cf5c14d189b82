"""Papermill's engine `churn`: a notebook runs in a kernel that is warm, tells where it is, and may have a time limit.

The notebook's file is written twice a minute and at the end, whatever the end is: not after every cell, and never lost
with a kernel that dies. Registered as an entry point of papermill: `papermill --engine churn in.ipynb out.ipynb`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from jupyter_client import KernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from papermill.engines import NBClientEngine, NotebookExecutionManager

from churn.pipeline.execution import kernels
from churn.pipeline.execution.kernels import KERNEL_DIED, NOT_STARTED, STOPPED, TIMED_OUT

SAVE_EVERY = 30  # seconds


class Manager(NotebookExecutionManager):
    """Papermill's record of an execution, with its file written seldom and each cell told to `on_cell`.

    The notebook's metadata `papermill.peak_mb` holds the most memory that the kernel was seen with.
    """

    def __init__(
        self, nb: NotebookNode, *, km: KernelManager | None, on_cell: Callable[[int, int, str], None] | None, **options
    ) -> None:
        super().__init__(nb, **options)
        self._kernel, self._on_cell, self._heading, self.running = km, on_cell, "", None

    def save(self, **changed) -> None:
        """Write the notebook, at its end or when it was long ago."""
        if self.end_time or (self.now() - self.last_save_time).total_seconds() > SAVE_EVERY:
            super().save(**changed)

    def cell_start(self, cell: NotebookNode, cell_index: int | None = None, **changed) -> None:
        """Note which cell runs, and under which heading it stands."""
        super().cell_start(cell, cell_index, **changed)
        self.running = cell
        if cell.cell_type == "markdown":
            self._heading = next((x.lstrip("# ") for x in cell.source.splitlines() if x.startswith("#")), self._heading)
        elif self._on_cell:
            code = self._code_cells()
            self._on_cell(code.index(cell) + 1, len(code), self._heading)

    def cell_complete(self, cell: NotebookNode, cell_index: int | None = None, **changed) -> None:
        """Note how much memory the kernel has held, for a dead one cannot be asked."""
        super().cell_complete(cell, cell_index, **changed)
        if self._kernel is not None:
            seen = self.nb.metadata.papermill.get("peak_mb", 0)
            self.nb.metadata.papermill["peak_mb"] = max(seen, round(kernels.peak_mb(self._kernel)))

    def _code_cells(self) -> list[NotebookNode]:
        """Those that have a number: the kernel's, the report's and the progress's is the same."""
        return [cell for cell in self.nb.cells if cell.cell_type == "code"]

    def died(self) -> None:
        """The kernel is gone: say why, as far as that is known."""
        if not_started := getattr(self._kernel, "not_started", ""):
            return self.stopped(NOT_STARTED, not_started)
        held = self.nb.metadata.papermill.get("peak_mb", 0)
        return self.stopped(
            KERNEL_DIED, kernels.how_it_ended(self._kernel, held_mb=held) if self._kernel else "it is gone"
        )

    def stopped(self, name: str, why: str) -> None:
        """Mark the cell that was running, or was to be the first: it has no traceback, and may have no number."""
        code = self._code_cells()
        cell = self.running or code[0]
        if cell in code:
            cell.execution_count = code.index(cell) + 1
            cell.outputs.append(new_output("error", ename=name, evalue=why, traceback=[f"{name}: {why}"]))
            self.cell_exception(cell)


class WarmEngine(NBClientEngine):
    """Executes a notebook by nbclient. Options: `km` a started kernel, `on_cell`(cell, cells, heading), `seconds`."""

    @classmethod
    def execute_notebook(
        cls, nb: NotebookNode, kernel_name: str, output_path: str | None = None, *, progress_bar: bool = False,
        log_output: bool = False, autosave_cell_every: int = SAVE_EVERY, on_cell=None, km=None, **options,
    ) -> NotebookNode:  # fmt: skip
        """The executed notebook; its file is written whatever happens."""
        shown = {"progress_bar": progress_bar, "log_output": log_output, "autosave_cell_every": autosave_cell_every}
        manager = Manager(nb, output_path=output_path, on_cell=on_cell, km=km, **shown)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, km=km, **options)
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(cls, manager: Manager, kernel_name: str, *, seconds: int | None = None, **options):
        """Execute every cell; what ends a notebook from outside is written into the cell that was running."""
        until = time.monotonic() + (seconds or math.inf)
        limit = {"timeout_func": lambda _: max(1, math.ceil(until - time.monotonic()))} if seconds else {}
        try:
            super().execute_managed_notebook(manager, kernel_name, **limit, **options)
        except DeadKernelError:
            manager.died()
        except CellTimeoutError:
            manager.stopped(TIMED_OUT, f"the stage took longer than its limit of {seconds} s")
        except KeyboardInterrupt:
            manager.stopped(STOPPED, "stopped by a person")
            raise
