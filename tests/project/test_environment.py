"""One lock: conda, make and the extras install the same versions; and each lock has an environment of its own."""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from churn.state import PROJECT

CORE = "requirements.txt"
PACKAGES = {
    "sklearn": "scikit-learn", "yaml": "pyyaml", "bs4": "beautifulsoup4", "prometheus_client": "prometheus-client",
    "jupyter_client": "jupyter-client", "jupyter_core": "jupyter-core", "flask_openapi": "flask-openapi",
    "ibis": "ibis-framework", "adbc_driver_postgresql": "adbc-driver-postgresql",
    "python_calamine": "python-calamine", "PIL": "pillow",
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
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["cluster"]
    named = {re.split(r"[\[=<>;]", line)[0] for line in wanted} | {
        "numpy",
        "duckdb",
        "traitlets",
        "jinja2",
        "markupsafe",
        "sqlalchemy",
        "databricks",
        "redis",
    }  # of pandas, ibis, jupyter, nbconvert, mlflow, feast
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


# --- each lock has an environment of its own, here without any package ---

QUICK = """\
import sys, environment
real = environment.steps
def steps(folder, kind):
    environment.ALL.joinpath("made").open("a").write(f"{kind}\\n")
    return [[*real(folder, kind)[0], "--without-pip"], *([sys.executable, "-c", code] for code in sys.argv[3:])]
environment.steps = steps
environment.main(sys.argv[1], *filter(None, sys.argv[2:3]))
"""
DAY = 24 * 3600


@dataclass(frozen=True)
class Small:
    """A project of the locks and the script, whose environments take a moment."""

    folder: Path

    def begin(self, kind: str, *steps: str, program: str = "") -> subprocess.Popen:
        """`environment.py KIND [PROGRAM]` under way, with lines of Python as further steps of making."""
        command = [sys.executable, "quick.py", kind, program, *steps]
        return subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )

    def ask(self, kind: str, *steps: str, program: str = "", code: int = 0) -> tuple[str, str]:
        """What it tells, and on standard error."""
        process = self.begin(kind, *steps, program=program)
        out, err = process.communicate()
        assert code == process.returncode, err
        return out.strip(), err

    def get(self, kind: str) -> Path:
        """The environment's folder."""
        return Path(self.ask(kind)[0])

    def change(self, name: str = "requirements-dev.txt", line: str = "# changed") -> None:
        with (self.folder / name).open("a") as file:
            file.write(f"{line}\n")

    def made(self) -> list[str]:
        """Of which locks environments were made, in order."""
        return (self.folder / ".environments" / "made").read_text().split()

    def python(self, code: str) -> subprocess.Popen:
        """A program that a person starts by the link, which waits for a line before its code."""
        command = [".venv/bin/python", "-c", f"print('on', flush=True); input(); {code}"]
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        assert "on\n" == process.stdout.readline()
        return process


@pytest.fixture
def small(tmp_path) -> Small:
    shutil.copy(PROJECT / "environment.py", tmp_path)
    (tmp_path / "quick.py").write_text(QUICK)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "small"\n[tool.ruff]\nline-length = 120\n')
    for name in (CORE, "requirements-cluster.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text(f"# {name}\n")
    return Small(tmp_path)


def let_age(folder: Path) -> None:
    """As if it had last been asked for two days ago."""
    os.utime(folder / "complete", (time.time() - 2 * DAY,) * 2)


def test_an_environment_of_the_same_lock_is_made_once(small):
    first, told = small.ask("dev")
    assert ("making the environment from requirements-dev.txt, which takes a minute on first use\n") == told
    assert (first, "") == small.ask("dev")
    assert ["dev"] == small.made()


@pytest.mark.parametrize(("name", "line", "another"), [
    ("requirements-dev.txt", "# changed", True),
    ("requirements.txt", "# changed", False),
    ("pyproject.toml", "[project.scripts]\nchurn = 'churn.cli:main'", True),
    ("pyproject.toml", "[tool.setuptools]\npackages = ['churn']", True),
    ("environment.py", "UV = 'uv==0.0.1'", True),
    ("pyproject.toml", "[tool.pytest.ini_options]\ntimeout = 300", False),
])  # fmt: skip
def test_another_lock_or_installation_has_another_environment_and_other_settings_have_not(small, name, line, another):
    before = small.get("dev")
    small.change(name, line)
    after = small.get("dev")
    assert another == (before != after)
    assert (after, True) == ((small.folder / ".venv").resolve(), (before / "complete").exists())


def test_what_needs_the_core_takes_the_development_environment_where_there_is_one(small):
    core = small.get("core")
    dev = small.get("dev")
    assert dev == small.get("core")
    small.change()
    assert (core, core) == (small.get("core"), (small.folder / ".venv").resolve())
    assert ["core", "dev"] == small.made()


def test_a_half_made_environment_is_made_anew(small):
    _, told = small.ask("dev", "open('.environments/half', 'w'); raise SystemExit(3)", code=1)
    assert "ended with 3; make again begins the environment anew" in told.splitlines()[-1]
    assert not (small.folder / ".venv").exists()
    [half] = [folder for folder in (small.folder / ".environments").iterdir() if folder.is_dir()]
    (half / "left").touch()
    assert half == small.get("dev")
    assert not (half / "left").exists()


def test_two_at_once_make_it_once(small):
    slow = "import time; time.sleep(1)"
    (one, first), (other, second) = (p.communicate() for p in [small.begin("dev", slow), small.begin("dev", slow)])
    assert ["dev"] == small.made()
    assert one == other
    assert {"making", "waiting"} == {first.split()[0], second.split()[0]}


def test_what_outlives_a_killed_make_is_waited_for(small):
    killed = small.begin("dev", "import sys; open('begun', 'w'); sys.stdin.read()")
    while not (small.folder / "begun").exists():
        time.sleep(0.02)
    killed.kill()
    waiting = small.begin("dev")
    assert "waiting for another make, which is busy with an environment\n" == waiting.stderr.readline()
    killed.stdin.close()
    assert "making" == waiting.communicate()[1].split()[0]
    assert ["dev", "dev"] == small.made()


def test_what_is_there_waits_for_nothing_that_is_made(small):
    core = small.get("core")
    maker = small.begin("dev", "import sys; sys.stdin.read()")
    assert maker.stderr.readline().startswith("making")
    assert core == small.get("core")
    maker.communicate("")


def test_a_lock_that_changes_while_its_environment_is_made_has_one_of_its_own(small):
    folder, _ = small.ask("dev", "import os; p = 'requirements-dev.txt'; "
                          "'again' in open(p).read() or open(p, 'a').write('again')")  # fmt: skip
    assert ["dev", "dev"] == small.made()
    assert folder == str(small.get("dev"))
    (small.folder / "requirements-dev.txt").write_text("# requirements-dev.txt\n")
    small.get("dev")
    assert ["dev"] * 3 == small.made(), "nobody knows which lock the first was made from"


def test_a_program_that_was_started_by_the_link_stays_in_its_environment_when_the_link_moves_on(small):
    for value in ("before", "after"):
        [packages] = small.get("dev").glob("lib/python*/site-packages")
        (packages / "late.py").write_text(f"value = {value!r}")
        if value == "before":
            process = small.python("import late; print(late.value)")
            small.change()
    assert ("before\n", None) == process.communicate("go\n")
    assert ("after\n", None) == small.python("import late; print(late.value)").communicate("go\n")


def test_an_old_environment_goes_when_no_program_uses_it(small):
    old = small.get("dev")
    process = small.python("")
    small.change()
    let_age(old)
    new, told = small.ask("dev")
    assert (True, "removing" in told) == (old.exists(), False)
    process.communicate("go\n")
    assert (new, f"removing the environment {old.name}, unused for a day\n") == small.ask("dev")
    assert not old.exists()


def test_an_environment_stays_for_a_day_and_as_long_as_its_lock_is_there(small):
    core, old = small.get("core"), small.get("dev")
    let_age(core)
    let_age(old)
    small.get("dev")
    small.change()
    small.get("dev")
    assert core.exists() and old.exists()


def test_a_program_is_run_from_the_folder_and_not_by_the_link(small):
    folder = small.get("dev")
    (folder / "bin" / "told").write_text("#!/bin/sh\necho $0\n")
    (folder / "bin" / "told").chmod(0o755)
    assert (f"{folder}/bin/told", "") == small.ask("dev", program="told")


def test_a_program_that_the_lock_lacks_is_one_line(small):
    _, told = small.ask("dev", program="rough", code=1)
    expected = "error: the environment of requirements-dev.txt has no rough; add its package, then `make lock`"
    assert expected == told.splitlines()[-1]


def test_a_folder_that_the_link_replaces_is_moved_and_not_removed(small):
    (small.folder / ".venv").mkdir()
    (small.folder / ".venv" / "mine").touch()
    folder = small.get("dev")
    assert folder == (small.folder / ".venv").resolve()
    assert 1 == len(list((small.folder / ".environments").glob("before-*/mine")))


def test_another_python_is_refused_in_one_line(small):
    code = "import sys; sys.version_info = (3, 10, 1); import environment"
    done = subprocess.run([sys.executable, "-c", code], cwd=small.folder, capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    [line] = done.stderr.splitlines()
    assert line.startswith(f"Papertrail needs Python 3.11 or 3.12; {sys.executable} is ")
    assert line.endswith(". Give another: make PYTHON=python3.11 ...")


def test_make_runs_no_program_by_the_link_but_the_resolver():
    assert {"uv"} == set(re.findall(r"\.venv/bin/(\S+)", (PROJECT / "Makefile").read_text()))
