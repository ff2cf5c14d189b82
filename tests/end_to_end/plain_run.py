"""The notebooks executed by papermill itself, in kernels that inherit the environment as it is.

`python tests/end_to_end/plain_run.py PARAMS` prints what the run would be compared on, as JSON.
"""

import json
import sys

import papermill

from churn import state
from churn.audit import comparison, second_run
from churn.params import schema
from churn.pipeline import stage_parameters
from churn.pipeline.execution import notebook
from churn.registry import tracking, versions


def main(file: str) -> None:
    given = schema.load(file)
    run, glued = tracking.start(given.experiment), {}
    folder = state.path("runs", run.id)
    folder.mkdir(parents=True)
    for stage in second_run.COMPARED:
        made, values = folder / f"{stage}.ipynb", stage_parameters.stage_parameters(given, stage, glued, run.id)
        source = state.PROJECT / "notebooks" / f"{stage}.ipynb"
        papermill.execute_notebook(source, made, values, kernel_name="python3", cwd=str(folder), progress_bar=False)
        glued[stage], _ = notebook.outcome(made)
    run.end("FINISHED")
    known = comparison.read(versions.get(given.experiment, glued["train"]["version"]))
    print(json.dumps({what: fact and fact.parts for what, fact in known.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
