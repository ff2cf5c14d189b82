"""One notebook executed: its report, what it leaves in MLflow, and what its failure means to the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from churn import errors, state
from churn.pipeline.execution import kernels
from churn.pipeline.execution._papermill import PapermillExecutionError, nbformat, papermill, scrapbook
from churn.registry import provenance

if TYPE_CHECKING:
    from jupyter_client import KernelManager

    from churn.registry import tracking


@dataclass(frozen=True)
class Executed:
    """An executed notebook: its file, what it glued, and the most memory seen of its kernel, in MB."""

    notebook: Path
    glued: dict
    peak_mb: float


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
        state.NOTEBOOKS / f"{stage}.ipynb",
        output,
        parameters,
        engine_name="churn",
        start_timeout=600,  # seconds: from a cold disk the libraries take long
        progress_bar=False,
        km=kernel,
        on_cell=on_cell,
        seconds=seconds,
    )


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


def run_stage(
    stage: str,
    parameters: dict,
    *,
    folder: Path,
    kernel: KernelManager,
    on_cell: Callable[[int, int, str], None],
    seconds: int | None = None,
) -> Executed:
    """Execute one notebook into `folder`. Raises StageFailed, or what the user has to mend; the notebook is there."""
    output = folder / f"{stage}.ipynb"
    try:
        execute(stage, output, parameters, kernel=kernel, on_cell=on_cell, seconds=seconds)
    except PapermillExecutionError as error:
        raise _translated(error, stage, output) from error
    return Executed(output, *outcome(output))


def file_report(executed: Path, *, experiment: str, log_to: tracking.Run, site: Sequence[str]) -> Path:
    """Render an executed notebook beside itself and log both; returns the HTML.

    `site` names the stages of the run, to whose reports this one links.
    """
    html = render(executed, title=f"{experiment}: {executed.stem}", run_id=log_to.id, site=site)
    log_to.file(executed, "notebooks")
    log_to.file(html, "notebooks")
    return html


def decide(parameters: dict, *, kernel: KernelManager) -> dict:
    """Execute the promote notebook for a decision that a person takes; returns what it glued, and its report.

    Raises RegistryBusy, RegistryError or StageFailed.
    """
    folder = state.path("runs", f"decision-{uuid4().hex}")
    folder.mkdir(parents=True)
    output = folder / "promote.ipynb"
    try:
        execute("promote", output, parameters, kernel=kernel)
    except PapermillExecutionError as error:
        raise _translated(error, parameters["action"], output) from error
    finally:
        title = f"{parameters['experiment']}: {parameters['action']}"
        html = render(output, title=title, run_id="a decision of its own")
    glued, _ = outcome(output)
    # there MLflow is loaded already, which takes seconds
    kernels.call(kernel, kernels.KEEP, glued["decision_run"], str(output), str(html))
    return glued | {"report": str(html)}


def load_templates() -> None:
    """Load what a report needs, while the first kernel works and this process waits for it."""
    from churn.reports import notebook_page

    notebook_page.load_templates()


def footer(run_id: str) -> dict[str, str]:
    """What every report's foot says: the run, the code and the environment."""
    made = provenance.tags()
    clean = "" if made["code.clean"] == "true" else " (with local changes)"
    return {"run": run_id, "commit": made["mlflow.source.git.commit"] + clean, "lock": made["lock.sha256"]}


def render(executed: Path, *, title: str, run_id: str, site: Sequence[str] = ()) -> Path:
    """Render an executed notebook beside itself; returns the HTML. `site`: the stages to whose reports it links."""
    from churn.reports import notebook_page  # nbconvert takes half a second to import, and a kernel works meanwhile

    html = executed.with_suffix(".html")
    notebook_page.render(executed, html, title=title, footer=footer(run_id), site=site)
    return html


def _translated(error: PapermillExecutionError, stage: str, output: Path) -> errors.ChurnError:
    """The user's mistake as such (exit code 2); anything else as a failed stage that says where to look."""
    kind = errors.named(error.ename)
    if issubclass(kind, (errors.UserError, errors.RegistryError)):
        return kind(f"{stage}: {error.evalue}")
    if error.ename == kernels.NOT_STARTED:
        return errors.ChurnError(f"{stage}: {error.evalue}")
    section = ["-", *headings(output, error.cell_index)][-1]
    why = error.evalue if error.ename in kernels.FROM_OUTSIDE else f"{error.ename}: {error.evalue}"
    return errors.StageFailed(
        stage=stage, section=section, cell=error.exec_count, why=" ".join(why.split())[:600], notebook=str(output)
    )
