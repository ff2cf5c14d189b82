"""Executing one notebook: its report, what it leaves in MLflow, and what its failure means to the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from nbclient.exceptions import DeadKernelError

from churn import errors, kernels, notebook, provenance, report, state

if TYPE_CHECKING:
    from jupyter_client import KernelManager

    from churn import tracking


def run_stage(
    stage: str, parameters: dict, *, folder: Path, log_to: tracking.Run, kernel: KernelManager, progress: bool = False
) -> tuple[Path, Path]:
    """Execute one notebook; log it and its HTML, a failed one too. Returns both paths."""
    output, html = folder / f"{stage}.ipynb", folder / f"{stage}.html"
    try:
        notebook.execute(stage, output, parameters, kernel=kernel, progress=progress)
    except notebook.PapermillExecutionError as error:
        raise _translated(error, stage, output) from error
    except DeadKernelError as error:
        raise errors.StageFailed(
            f"{stage}: the kernel died, most likely for want of memory; notebook {output}"
        ) from error
    finally:
        if output.exists():
            report.render(output, html, title=f"{parameters['experiment']}: {stage}", footer=footer(log_to.id))
            log_to.file(output, "notebooks")
            log_to.file(html, "notebooks")
    return output, html


def decide(parameters: dict, *, kernel: KernelManager) -> dict:
    """Execute the promote notebook for a decision that a person takes; returns what it glued, and its report.

    Raises RegistryBusy, RegistryError or StageFailed.
    """
    folder = state.path("runs", f"decision-{uuid4().hex}")
    folder.mkdir(parents=True)
    output, html = folder / "promote.ipynb", folder / "promote.html"
    try:
        notebook.execute("promote", output, parameters, kernel=kernel, progress=False)
    except notebook.PapermillExecutionError as error:
        raise _translated(error, parameters["action"], output) from error
    finally:
        title = f"{parameters['experiment']}: {parameters['action']}"
        report.render(output, html, title=title, footer=footer("a decision of its own"))
    glued = notebook.glued(output)
    keep = f"from churn import history; history.keep({glued['decision_run']!r}, {str(output)!r}, {str(html)!r})"
    kernels.tell(kernel, keep)  # there MLflow is loaded already, which takes seconds
    return glued | {"report": str(html)}


def footer(run_id: str) -> dict[str, str]:
    """What every report's foot says: the run, the code and the environment."""
    made = provenance.tags()
    clean = "" if made["code.clean"] == "true" else " (with local changes)"
    return {"run": run_id, "commit": made["mlflow.source.git.commit"] + clean, "lock": made["lock.sha256"]}


def _translated(error: notebook.PapermillExecutionError, stage: str, output: Path) -> errors.ChurnError:
    """The user's mistake as such (exit code 2); anything else as a failed stage that says where to look."""
    kind = getattr(errors, error.ename, None)
    if kind and issubclass(kind, (errors.UserError, errors.RegistryError)):
        return kind(f"{stage}: {error.evalue}")
    section = ["-", *notebook.headings(output, error.cell_index)][-1]
    return errors.StageFailed(
        f"{stage}: {error.ename}: {error.evalue}; section '{section}', cell {error.exec_count}, notebook {output}"
    )
