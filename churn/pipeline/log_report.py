"""The report of an event log: notebooks/log.ipynb, executed on what was read. No stage: nothing of a run hangs on it.

It is made anew once the input has changed, or what the params file says of leaving; else the one there is stands.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from churn import state
from churn.log import kept
from churn.params.schema import Params
from churn.pipeline.execution import kernels, notebook
from churn.sources import contract

NAME = "log"
BESIDE = 20_000_000  # events that can be reported on beside other work


def place(experiment: str) -> Path:
    """Where the newest report of a log lies."""
    return state.path(experiment, kept.FOLDER, f"{NAME}.html")


class Beside:
    """The report of a run's log: made while its stages go on, by the kernel that has read the log; of a log that needs
    the machine for itself after them, and of a database only where it was read."""

    def __init__(self, params: Params) -> None:
        self._params, self._staged = params, state.path(params.experiment, "source")
        self._pool, self._page, self._waits = ThreadPoolExecutor(1), None, False

    def begin(self, opened: kernels.Kernels, *, ran: bool) -> None:
        """Begin once the log is there: `ran`, where the stage has read it, else it is as it was."""
        source = self._params.data.source
        if source == "tables" or (source == "database" and not ran):
            return
        self._waits = contract.told(self._staged)["counts"]["events"] > BESIDE
        if ran and self._waits:
            opened.done("features")
        if not self._waits:
            self._page = self._pool.submit(self._made, opened if ran else None)

    def put_into(self, folder: Path, *, finished: bool) -> Path | None:
        """The report, in a run's folder, once it is there; None where there is none: a run that has not `finished`
        waits for none to begin. Raises ChurnError or OSError."""
        if self._waits and finished:
            self._page = self._pool.submit(self._made, None)
        self._pool.shutdown()
        return Path(shutil.copy(self._page.result(), folder)) if self._page else None

    def _made(self, opened: kernels.Kernels | None) -> Path:
        try:
            return made(self._params, self._staged, kernel=opened and opened.take("features"))
        finally:
            if opened:
                opened.done("features")


def made(params: Params, staged: Path, *, kernel: kernels.Kernel | None = None) -> Path:
    """The report of a log that was read into `staged`: the one there is, or a new one, by a kernel that has ended its
    own work or by one of its own. Raises StageFailed."""
    html, asked = place(params.experiment), parameters(params, staged)
    source = (state.NOTEBOOKS / f"{NAME}.ipynb").read_text(encoding="utf-8")

    def make() -> list:
        _execute(params.experiment, asked, kernel)
        return list(state.file_stat(html))

    also = [{**asked, "staged": ""}, source]
    if kept.of_staged(params, "report", make, also=also) != list(state.file_stat(html) or ()):
        make()  # it has gone, or another has taken its place
    return html


def _execute(experiment: str, asked: dict, kernel: kernels.Kernel | None) -> None:
    folder = place(experiment).parent
    folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(kernel) if kernel else kernels.warm_kernel() as used:
        executed = notebook.run_stage(NAME, asked, folder=folder, kernel=used, on_cell=lambda *_: None).notebook
    notebook.render(executed, title=f"{experiment}: {NAME}", run_id="a report of its own")


def parameters(params: Params, staged: Path) -> dict:
    """What the notebook is told."""
    every, as_of = (getattr(params.snapshots, name, None) for name in ("every", "as_of"))
    return {
        "experiment": params.experiment,
        "staged": str(staged),
        "label": params.label.model_dump(mode="json", exclude_none=True),
        "every": every or "month",
        "windows_days": params.features.windows_days,
        "as_of": str(as_of or ""),
    }
