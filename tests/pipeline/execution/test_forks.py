"""Kernels that are copies of a process which has loaded libraries: what they share, what not, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from churn import errors
from churn.pipeline.execution import forks, kernels
from tests.pipeline.execution.test_kernels import gone, said, until

pytestmark = pytest.mark.skipif(not forks.POSSIBLE, reason="each kernel loads for itself here")


@contextmanager
def serving(*loaded: str):
    """A process to copy, which loads this code."""
    with kernels._place() as (folder, environment), forks.server(folder, environment) as server:
        for source in loaded:
            server.load(source)
        yield server


@pytest.fixture
def warm(bare):
    """`warm(server)`: a kernel that is copied, until the test ends."""
    with ExitStack() as opened:
        yield lambda server: opened.enter_context(kernels.warm_kernel(copied=server))


def test_a_kernel_has_what_the_process_had_loaded_before_it_was_asked_for(warm):
    with serving("import colorsys, sys; sys.found = 'before'") as server:
        first = warm(server)
        server.load("sys = __import__('sys'); sys.found = 'after'")
        second = warm(server)
        asked = "import sys; print('colorsys' in sys.modules, sys.found)"
        assert ["True before", "True after"] == [said(kernel, asked) for kernel in (first, second)]
        first.end(), second.end()


def test_what_a_kernel_does_to_itself_no_other_sees(warm):
    with serving("import colorsys") as server:
        first, second = warm(server), warm(server)
        said(first, "import colorsys, os; colorsys.seen = 1; os.environ['SEEN'] = '1'")
        asked = "import colorsys, os; print(hasattr(colorsys, 'seen'), 'SEEN' in os.environ)"
        assert "False False" == said(second, asked)
        first.end(), second.end()


def test_code_that_fails_to_load_leaves_the_rest_to_the_notebook(warm):
    with serving("import nothing_of_that_name", "raise SystemExit", "import colorsys") as server:
        kernel = warm(server)
        assert "True" == said(kernel, "import sys; print('colorsys' in sys.modules)")
        kernel.end()


def test_a_copy_lives_as_a_kernel_that_started_by_itself(warm, kernel):
    """Folder for temporary files, seed of hashes, working directory, session, input, where it looks for modules."""
    asked = """
import os, sys, tempfile
own = os.path.dirname(tempfile.gettempdir()) == os.getcwd() and tempfile.gettempdir() == os.environ["TMPDIR"]
print(own, hash("a"), os.getcwd(), os.getsid(0) == os.getpid(), os.read(0, 1), sep="|")
print(sys.path[-1], sys.argv[:2], __name__)"""
    with serving("import tempfile; tempfile.gettempdir()") as server:
        copy = warm(server)
        assert said(kernel, asked) == said(copy, asked)
        copy.end()


def test_the_exit_code_of_a_copy_is_known(warm):
    with serving() as server:
        kernel = warm(server)
        pid = int(said(kernel, "import os; print(os.getpid())"))
        assert (pid, None) == (kernel.provisioner.pid, kernel.provisioner.process.poll())
        os.kill(pid, signal.SIGSEGV)
        assert until(lambda: kernel.provisioner.process.poll() is not None)
        assert "the kernel crashed (SIGSEGV): a library failed outside Python" == kernels.how_it_ended(
            kernel, held_mb=0
        )
        assert gone(pid)


def test_one_that_is_ended_before_its_turn_never_begins(warm):
    with serving("import time; time.sleep(1)") as server:
        early, late = warm(server), warm(server)
        process = early.provisioner.process
        early.end()
        assert process.poll() < 0
        said(late, "1")
        assert 1 == len(psutil.Process(server.process.pid).children())
        late.end()


@pytest.mark.usefixtures("bare")
def test_where_the_process_to_copy_is_gone_one_line_says_that_no_kernel_starts():
    with serving() as server:
        server.process.kill()
        with (
            pytest.raises(
                errors.ChurnError, match=r"its kernel did not start, nor when it was started once more: .*killed"
            ),
            kernels.warm_kernel(copied=server) as kernel,
        ):
            kernels.call(kernel, "builtins.print")


def test_a_kernel_goes_with_the_process_that_it_is_a_copy_of(warm):
    with serving() as server:
        kernel = warm(server)
        pid = int(said(kernel, "import os; print(os.getpid())"))
        server.process.kill()
        assert until(lambda: gone(pid))
        kernel.end()


def test_it_goes_with_whoever_started_it_though_it_is_loading():
    code = (
        "from churn.pipeline.execution import forks, kernels; import time\n"
        "with kernels._place() as (folder, environment), forks.server(folder, environment) as server:\n"
        "    server.load('import time; time.sleep(600)'); print(server.process.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert until(lambda: gone(pid))


def test_a_python3_of_a_user_s_own_is_started_as_it_says(dying, warm):
    dying("exit 3", times=0)
    with serving("import colorsys") as server:
        kernel = warm(server)
        assert "False" == said(kernel, "import sys; print('colorsys' in sys.modules)")


@pytest.mark.usefixtures("bare")
def test_where_a_process_cannot_be_copied_each_kernel_loads_for_itself(monkeypatch):
    monkeypatch.setattr(forks, "POSSIBLE", False)
    with kernels.Kernels() as opened:
        opened.expect(["promote"])
        kernels.call(opened.take("promote"), "builtins.print")
        [process] = [p for p in psutil.Process().children() if p.pid == opened.take("promote").provisioner.pid]
        assert "ipykernel_launcher" in process.cmdline()
