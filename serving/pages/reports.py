"""A run's reports out of MLflow's artifacts. Whoever wrote them, they reach nothing here: neither files nor the API."""

from __future__ import annotations

import threading
from pathlib import PurePosixPath

from flask import Response, g

from churn.registry import history, runs
from serving.api import Api
from serving.pages.page import Told

NOTEBOOKS, FIGURES = "notebooks", "figures"  # the notebooks are named without their folder
KINDS = {".html": "text/html; charset=utf-8", ".ipynb": "application/x-ipynb+json", ".png": "image/png"}
# A report is one file with everything inline. In the sandbox it has an origin of its own: it can show itself and lead
# on, and neither read an answer of the API nor send a form.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-downloads"
)
_one_at_a_time = threading.Lock()  # a copy of what lies elsewhere takes the place of the one before


def view(app: Api, run: str, file: str = "index.html") -> Response:
    """A report of a run or of a decision, or a figure of it (`figures/<name>.png`).

    Raises Told where there is no such run of this experiment, or it keeps no such file.
    """
    name = file if file.startswith(f"{FIGURES}/") else f"{NOTEBOOKS}/{file}"
    ending = PurePosixPath(file).suffix
    if ending not in KINDS or name not in _kept(app.holder.name, run, name.partition("/")[0]):
        raise Told("There is no such report", "No run of this experiment keeps a report of that name.")
    with _one_at_a_time:
        content = runs.artifact(run, name).read_bytes()
    g.policy = POLICY
    answer = Response(content, content_type=KINDS[ending])
    if ending == ".ipynb":
        answer.headers.set("Content-Disposition", "attachment", filename=PurePosixPath(file).name)
    return answer


def _kept(experiment: str, run: str, folder: str) -> list[str]:
    """What a run keeps in a folder; nothing where it is not one of the experiment's or of its decisions'."""
    if runs.experiment_of(run) not in (experiment, history.experiment_of(experiment)):
        return []
    return runs.artifacts(run, folder)
