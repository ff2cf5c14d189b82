"""The notebooks: how they read, what they are given, and that their results have not changed."""

import ast
import os
import subprocess
import sys
from itertools import pairwise

import nbformat
import pytest

from churn.params import schema
from churn.pipeline import plan, stage_parameters
from churn.state import PROJECT

SMOKE = schema.load(PROJECT / "params" / "smoke.yaml")
FORBIDDEN = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.With, ast.Lambda)
GLUED = {  # what a stage reads of the ones before it, as its defaults have it: relative to the state folder
    "manifest": "smoke/features/features.json",
    "version": 1,
    "training_set": "smoke/training/training_set.parquet",
    "known_set": "smoke/training/known.parquet",
    "levels_file": "smoke/training/levels.json",
    "evaluation": "smoke/evaluation/evaluation.json",
}


def cells(stage: str, kind: str | None = None) -> list:
    found = nbformat.read(PROJECT / "notebooks" / f"{stage}.ipynb", as_version=4).cells
    return [c for c in found if kind in (None, c.cell_type)]


def parameters(stage: str) -> ast.Module:
    tagged = [c for c in cells(stage) if "parameters" in c.metadata.get("tags", [])]
    assert 1 == len(tagged)
    return ast.parse(tagged[0].source)


every_stage = pytest.mark.parametrize("stage", plan.STAGES)
every_notebook = pytest.mark.parametrize("stage", [*plan.STAGES, "replay", "log"])


@every_stage
def test_defaults_are_the_smoke_run_so_notebooks_and_schema_cannot_drift(stage):
    given = stage_parameters.stage_parameters(
        SMOKE, stage, dict.fromkeys(stage_parameters.NEEDS[stage], GLUED), run_id=""
    )
    defaults = {line.target.id: ast.literal_eval(line.value) for line in parameters(stage).body}
    assert given == defaults, f"correct the parameters cell of notebooks/{stage}.ipynb"


@every_notebook
def test_each_parameter_is_one_typed_line_with_a_comment(stage):
    source = next(c.source for c in cells(stage) if "parameters" in c.metadata.get("tags", []))
    assert all(isinstance(line, ast.AnnAssign) for line in parameters(stage).body)
    assert [] == [line for line in source.splitlines() if "  # " not in line]


@every_notebook
def test_a_notebook_only_calls_the_package(stage):
    trees = [ast.parse(c.source) for c in cells(stage, "code")]
    assert [] == [type(node).__name__ for tree in trees for node in ast.walk(tree) if isinstance(node, FORBIDDEN)]


@every_notebook
def test_a_cell_has_at_most_ten_lines_and_the_imports_fifteen(stage):
    """But the parameters, a line each. The imports are a line a room."""
    source = [c.source for c in cells(stage, "code") if "parameters" not in c.metadata.get("tags", [])]
    limits = {text: 15 if "import " in text else 10 for text in source}
    assert [] == [text for text, limit in limits.items() if len([line for line in text.splitlines() if line]) > limit]


@every_notebook
def test_imports_stand_in_one_cell(stage):
    importing = [c for c in cells(stage, "code") if "import " in c.source]
    assert 1 == len(importing)


@every_notebook
def test_prose_precedes_what_is_done(stage):
    shown = cells(stage)
    bare = [
        after.source for before, after in pairwise(shown)
        if after.cell_type == before.cell_type == "code"
        and not after.source.startswith(("Markdown(", "import", "from"))
    ]  # fmt: skip
    assert len(bare) <= 4, bare


@every_stage
def test_outputs_are_kept_only_where_they_are_compared(stage):
    kept = [c for c in cells(stage, "code") if c.outputs]
    assert kept
    assert [] == [c.source for c in kept if "nbval-check-output" not in c.metadata.get("tags", [])]


@every_stage
def test_a_notebook_ends_with_its_contract(stage):
    assert cells(stage, "code")[-1].source.rstrip().endswith(")")
    assert "glue(" in cells(stage, "code")[-1].source


def test_results_are_those_of_the_committed_outputs(tmp_path):
    """nbval runs the notebooks with their defaults, in pipeline order, on an empty state."""
    files = [str(PROJECT / "notebooks" / f"{stage}.ipynb") for stage in plan.STAGES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-cell-timeout=240", *files],
        env=os.environ | {"CHURN_STATE": str(tmp_path)}, cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    first = done.stdout.partition("= FAILURES =")[2][:4000]
    assert 0 == done.returncode, f"if this was on purpose: `make accept`, then read the diff. The first:\n{first}"
