"""Modules and functions that are named by strings, where no linter sees that one was renamed."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib import import_module

import pytest

from churn.pipeline.execution import kernels, preload
from churn.state import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
COMMANDS = [place.replace(":", ".") for place in PYPROJECT["project"]["scripts"].values()]


def late() -> tuple[str, ...]:
    """LATE of gunicorn's settings, which are read and not imported: they act on the process."""
    tree = ast.parse((PROJECT / "serving" / "gunicorn.conf.py").read_text())
    assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    return ast.literal_eval(assigned["LATE"])


@pytest.mark.parametrize("name", late())
def test_what_gunicorn_loads_before_the_fork_can_be_imported(name):
    assert name == import_module(name).__name__


@pytest.mark.parametrize("name", sorted({name for names in preload.LATER.values() for name in names}))
def test_what_a_kernel_loads_for_later_can_be_imported(name):
    assert name == import_module(name).__name__


def test_what_every_kernel_loads_can_be_imported():
    exec(kernels.COMMON, {})


@pytest.mark.parametrize("target", [*kernels.TARGETS, *COMMANDS])
def test_what_is_called_by_its_name_can_be_called(target):
    module, _, name = target.rpartition(".")
    assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_the_application_that_gunicorn_is_told_to_serve_exists(file):
    [(module, name)] = re.findall(r"(serving\.\w+):(\w+)\(\)", (PROJECT / file).read_text())
    assert callable(getattr(import_module(module), name))


def test_the_files_that_are_mutated_and_their_tests_exist():
    named = PYPROJECT["tool"]["mutmut"]
    files = named["only_mutate"] + named["pytest_add_cli_args_test_selection"]
    assert [] == [file for file in files if not any(PROJECT.glob(file))]
