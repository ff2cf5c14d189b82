from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

import pytest
import zmq

from churn.pipeline.execution import kernels

# A kernel that died on purpose leaves a context whose sockets nobody closes. Whichever test the garbage is collected in
# would wait for them without end; the process ends without it.
zmq.Context.__del__ = lambda self: None

SPEC = """#!/bin/sh
if [ $(ls {folder}/start-* 2>/dev/null | wc -l) -lt {times} ]; then mktemp {folder}/start-XXXXXX >/dev/null; {code}; fi
exec {python} -m ipykernel_launcher "$@"
"""


@pytest.fixture(scope="package")
def kernel() -> Iterator[kernels.Kernel]:
    """One warm kernel for the tests that leave it alive."""
    with kernels.warm_kernel("promote") as ready:
        yield ready


@pytest.fixture
def bare(monkeypatch) -> None:
    """The next kernels load next to nothing, which is enough to see them start."""
    monkeypatch.setattr(kernels, "COMMON", "import os")


@pytest.fixture
def dying(tmp_path, monkeypatch) -> Callable[..., None]:
    """Lets the next kernels run this code of the shell in place of their start, for so many `times`."""

    def _dying(code: str, *, times: int = 1) -> None:
        folder = tmp_path / "kernels" / "python3"
        folder.mkdir(parents=True)
        program = folder / "start"
        program.write_text(SPEC.format(folder=folder, code=code, times=times, python=sys.executable))
        program.chmod(0o755)
        spec = {"argv": [str(program), "-f", "{connection_file}"], "display_name": "dying", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    return _dying
