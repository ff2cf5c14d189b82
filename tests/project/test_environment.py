"""One lock: conda, make and the extras install the same versions."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from churn.state import PROJECT

CORE = "requirements.txt"
PACKAGES = {
    "sklearn": "scikit-learn", "yaml": "pyyaml", "bs4": "beautifulsoup4", "prometheus_client": "prometheus-client",
    "jupyter_client": "jupyter-client", "jupyter_core": "jupyter-core", "flask_openapi": "flask-openapi",
    "ibis": "ibis-framework",
}  # fmt: skip


def pins(name: str) -> dict[tuple[str, str], str]:
    """(package, marker) -> version."""
    found = re.findall(
        r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+?)(?: ; (.*?))? \\$", (PROJECT / name).read_text(), re.MULTILINE
    )
    return {(package, marker): version for package, version, marker in found}


def test_conda_takes_its_packages_from_the_lock_and_from_nowhere_else():
    wanted = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
    assert ["python=3.11", "pip", {"pip": [f"-r {CORE}"]}] == wanted


@pytest.mark.parametrize("extra", ["requirements-dev.txt", "requirements-cluster.txt"])
def test_an_extra_holds_the_core_at_the_same_versions(extra):
    core, more = pins(CORE), pins(extra)
    assert len(core) > 100
    assert {} == {package: version for package, version in core.items() if more.get(package) != version}


@pytest.mark.parametrize("lock", [CORE, "requirements-dev.txt", "requirements-cluster.txt"])
def test_every_package_of_a_lock_has_hashes_and_no_address(lock):
    text = (PROJECT / lock).read_text()
    assert len(pins(lock)) == len(re.findall(r"^[a-z0-9]\S*==.*\\\n    --hash=sha256:", text, re.MULTILINE))
    assert "://" not in "".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("first", ["pipeline.run", "pipeline.launch", "pipeline.execution.glue", "cli.commands"])
def test_no_process_compiles_the_grammar_of_internationalised_addresses_when_it_starts(first):
    # lark is what it compiles it with
    modules = f"churn.{first}, churn.pipeline.execution.notebook, churn.reports.notebook_page"
    code = f"import sys, {modules}; print('lark' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "False\n" == told.stdout


def imported(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text()))
    return {
        name.split(".")[0]
        for node in nodes
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        )
    }  # fmt: skip


def test_the_project_names_every_library_that_it_imports():
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    named = {re.split(r"[\[=<>;]", line)[0] for line in wanted} | {
        "numpy",
        "duckdb",
        "traitlets",
        "jinja2",
        "markupsafe",
    }  # of pandas, ibis, jupyter, nbconvert
    found = {
        name
        for folder in ("churn", "serving", "feature_repo")
        for f in (PROJECT / folder).rglob("*.py")
        for name in imported(f)
    }
    outside = {
        PACKAGES.get(n, n) for n in found - set(sys.stdlib_module_names) - {"churn", "serving", "IPython", "werkzeug"}
    }
    assert set() == outside - named
