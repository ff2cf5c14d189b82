"""The report of an event log: notebooks/log.ipynb, executed on what was read. No stage: nothing of a run hangs on it.

It is made anew once the input has changed, or what the params file says of leaving; else the one there is stands.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from churn import state
from churn.log import kept
from churn.params.schema import Params
from churn.pipeline.execution import kernels, notebook

NAME = "log"


def place(experiment: str) -> Path:
    """Where the newest report of a log lies."""
    return state.path(experiment, kept.FOLDER, f"{NAME}.html")


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
