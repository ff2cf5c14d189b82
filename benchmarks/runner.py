"""What the runner costs: a whole run against the same functions in one process, and against plain papermill.

Each round runs all of them in turn, each as a process of its own on an empty state: `python benchmarks/runner.py`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CELLS = 100


def main() -> None:
    given = _parser().parse_args()
    if given.only:
        return {"one process": one_process, "plain papermill": plain_papermill}[given.only](given.params)
    seconds: dict[str, list[float]] = {}
    for round_ in range(given.rounds):
        for name, took in _round(given.params).items():
            seconds.setdefault(name, []).append(took)
            print(f"round {round_ + 1}: {name} {took:.1f} s", file=sys.stderr, flush=True)
    print(_table({name: statistics.median(s) for name, s in seconds.items()}, _cell_overhead()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", default="params/cdnow.yaml")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    return parser


def _round(params: str) -> dict[str, float]:
    run = [sys.executable, "run_pipeline.py", "--quiet", "--params", params]
    alone = [sys.executable, __file__, "--params", params, "--only"]
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b, tempfile.TemporaryDirectory() as c:
        return {
            "one process": _timed([*alone, "one process"], state=a),
            "a run, everything fresh": _timed(run, state=b),
            "the same run again": _timed(run, state=b),
            "plain papermill": _timed([*alone, "plain papermill"], state=c),
        }


def _timed(command: list[str], *, state: str) -> float:
    began = time.perf_counter()
    environment = os.environ | {"CHURN_STATE": state, "PYTHONPATH": str(PROJECT)}
    subprocess.run(command, check=True, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def one_process(params_file: str) -> None:
    """The notebooks' cells, one after the other in this process: the same functions, without notebooks and reports."""
    import nbformat

    from churn.pipeline import plan
    from churn.pipeline.execution import glue

    def cells(stage: str, given: dict) -> dict:
        got, names = {}, {}
        glue.glue = lambda **values: got.update(values)
        for cell in nbformat.read(PROJECT / "notebooks" / f"{stage}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, stage, "exec"), names)
                names |= given if "parameters" in cell.metadata.get("tags", []) else {}
        return got

    _each_stage(params_file, plan.STAGES, cells)


def plain_papermill(params_file: str) -> None:
    """The notebooks executed by papermill as it comes: a new kernel each, the file written after every cell."""
    import papermill
    import scrapbook

    from churn import state
    from churn.pipeline import plan

    def execute(stage: str, given: dict) -> dict:
        output = state.path(f"{stage}.ipynb")
        papermill.execute_notebook(PROJECT / "notebooks" / f"{stage}.ipynb", output, given, progress_bar=False)
        return dict(scrapbook.read_notebook(str(output)).scraps.data_dict)

    _each_stage(params_file, plan.STAGES, execute)


def _each_stage(params_file: str, stages: tuple[str, ...], execute) -> None:
    from churn.params import schema
    from churn.pipeline import stage_parameters
    from churn.registry import tracking

    loaded = schema.load(params_file)
    run, glued = tracking.start(loaded.experiment), {}
    for stage in stages:
        glued[stage] = execute(stage, stage_parameters.stage_parameters(loaded, stage, glued, run.id))
    run.end("FINISHED")


def _cell_overhead() -> float:
    """Milliseconds that a cell costs beside its own work: many empty cells against one, in a warm kernel."""
    import nbformat
    import papermill

    from churn.pipeline.execution import kernels

    def seconds(kernel, cells: int) -> float:
        made = [nbformat.v4.new_code_cell("pass") for _ in range(cells)]
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            nb = nbformat.v4.new_notebook(cells=made, metadata=spec)
            papermill.execute_notebook(nb, f"{folder}/a.ipynb", engine_name="churn", km=kernel, progress_bar=False)
        return time.perf_counter() - began

    with kernels.warm_kernel("promote") as kernel:
        seconds(kernel, 1)
        several = [seconds(kernel, 1 + CELLS) - seconds(kernel, 1) for _ in range(5)]
    return 1000 * statistics.median(several) / CELLS


def _table(seconds: dict[str, float], cell: float) -> str:
    fresh, again = seconds["a run, everything fresh"], seconds["the same run again"]
    one, plain = seconds["one process"], seconds["plain papermill"]
    lines = [
        "| what | seconds | against | budget | measured |",
        "|---|---|---|---|---|",
        f"| the same functions in one process | {one:.1f} | | | |",
        f"| plain papermill | {plain:.1f} | | | |",
        f"| a run, everything fresh | {fresh:.1f} | one process | at most 1.5x | {fresh / one:.2f}x |",
        f"| | | plain papermill | at most 1/2 | {fresh / plain:.2f} |",
        f"| the same run again | {again:.1f} | the first run | at most 1/10 | 1/{fresh / again:.1f} |",
        f"| a cell of a {CELLS}-cell notebook | {cell / 1000:.4f} | | at most 25 ms | {cell:.1f} ms |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
