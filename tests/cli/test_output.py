"""What commands print: names and reasons as they are, whatever signs are in them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from churn.cli import output
from churn.state import PROJECT

TAKEN = {
    "said": "version 2: refused; in production: version 1",
    "version": 2,
    "decision": "refused",
    "production": 1,
    "report": "promote.html",
}
PATH = "/srv/" + "a-long-folder-[v1]/" * 12 + "report.html"
DECISION = TAKEN | {"failed": [f"rule [1, 2]: {PATH}"], "report": PATH}
FINDING = {
    "problem": f"files of {PATH} are gone",
    "meaning": "must not serve",
    "remedy": f"restore --from {PATH} --all",
}


@pytest.mark.parametrize("name", ["charges [€]", "a [/b] c", "[bold]x", ":smile:"])
def test_a_reason_is_printed_as_it_is(capsys, name):
    output.show(output.decision(TAKEN | {"failed": [name]}))
    assert f"  - {name}" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("parts", [
    output.decision(DECISION), output.health({"repaired": [PATH], "findings": [FINDING]}),
    [output.table(["path", "more"], [[PATH, "x"]])],
], ids=["decision", "health", "table"])  # fmt: skip
def test_into_a_pipe_no_line_is_broken(capsys, parts):
    output.show(parts)
    shown = capsys.readouterr().out
    assert PATH in shown
    assert all(len(line) > len(PATH) for line in shown.splitlines() if "/srv/" in line)


def test_on_a_terminal_a_path_is_the_terminal_s_to_wrap():
    code = f"from churn.cli import output; output.show(output.decision({DECISION!r}))"
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "60", "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment, stdout=theirs, check=True)
    os.close(theirs)
    assert f"report {PATH}" in os.read(ours, 100_000).decode()
    os.close(ours)
