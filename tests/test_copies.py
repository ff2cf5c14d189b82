"""A command in a copy (see `copies`) is told apart by nothing from one that is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from churn.pipeline.execution import forks
from churn.state import PROJECT
from tests import copies

pytestmark = pytest.mark.skipif(not forks.POSSIBLE, reason="no process is copied here")
CHURN = str(Path(sys.executable).with_name("churn"))
RUN = str(PROJECT / "run_pipeline.py")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([CHURN, "why", "--params", "params/smoke.yaml"], 1),
        ([CHURN, "why", "--params", "no.yaml"], 2),
        ([CHURN, "cache", "--params", "params/smoke.yaml"], 0),
        ([RUN, "--seed", "1"], 2),
        ([RUN, "--help"], 0),
    ],
    ids=lambda value: " ".join(value[1:2]) if isinstance(value, list) else None,
)
def test_exit_code_and_both_streams_are_those_of_the_command_as_it_is_typed(words, code, registry):
    given = os.environ | {"CHURN_STATE": str(registry)}
    typed = subprocess.run([sys.executable, *words], cwd=PROJECT, env=given, capture_output=True, text=True)
    copied = copies.process().run(words, cwd=PROJECT, env=given)
    assert (code, typed.stdout, typed.stderr) == (copied.returncode, copied.stdout, copied.stderr)
    assert code == typed.returncode


def test_environment_folder_arguments_and_randomness_are_its_own(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, numpy as np; print(os.getcwd(), os.environ['OWN'], sys.argv[1], np.random.rand())"
    )
    given = {"PATH": os.environ["PATH"], "OWN": "mine"}
    told = {copies.process().run([str(program), "word"], cwd=tmp_path, env=given).stdout for _ in range(2)}  # a set
    assert [f"{tmp_path} mine word"] * 2 == [line.rsplit(maxsplit=1)[0] for line in told]


def test_a_second_command_meanwhile_is_left_to_whoever_asks(tmp_path):
    process = copies.process()
    with process._one:
        assert process.run([RUN, "--help"], cwd=PROJECT, env=dict(os.environ)) is None
