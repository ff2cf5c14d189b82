"""Commands in copies of one process that has loaded their libraries, as a run copies its kernels (see `forks`).

A command that is typed loads MLflow, pandas and scikit-learn twice, for itself and for the process that its kernels are
copies of: a third of what a short run costs. Here both are copies too: processes of their own, with an environment,
arguments, streams and an exit code of their own, by the same code from `main` on.

`python -m tests.copies` is that process: a line of JSON in for each command, its exit code out.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from churn.pipeline.execution import fork_server, forks, kernels
from churn.pipeline.plan import STAGES
from churn.state import PROJECT

SERVER = f"{forks.__package__}.fork_server"


class Process:
    """The process that is copied, as the tests know it: it runs one command at a time."""

    def __init__(self) -> None:
        self._one, self._process = threading.Lock(), None
        atexit.register(self._end)

    def run(self, command: list[str], *, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess | None:
        """What `subprocess.run` gives, with text; None while another command is under way."""
        if not self._one.acquire(blocking=False):
            return None
        try:
            with tempfile.TemporaryDirectory() as folder:
                out, err = Path(folder, "out"), Path(folder, "err")
                code = self._ask({"argv": command, "cwd": str(cwd), "env": env, "out": str(out), "err": str(err)})
                return subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())
        except BaseException:  # a test that took too long leaves a command under way
            self._end()
            raise
        finally:
            self._one.release()

    def _ask(self, asked: dict) -> int:
        if not self._process:
            # a group of its own, to be ended with all that it runs; kernels want this seed of hashes
            options = {"start_new_session": True, "env": os.environ | {"PYTHONHASHSEED": "0"}, "cwd": PROJECT}
            command = [sys.executable, "-m", __name__]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
            )
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def _end(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None


@cache
def process() -> Process:
    """That of this test process."""
    return Process()


class Waiting:
    """A copy made as a command begins, before it has opened anything, which becomes what its kernels are copies of.

    It stands for the module `subprocess` in `forks`.
    """

    PIPE = subprocess.PIPE

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()
        self.pid, self.returncode, self.stdin = os.fork(), None, None
        if not self.pid:
            os.close(self._writes)
            self._serve()
        os.close(self._reads)

    def Popen(self, command: list[str], **options: object) -> Waiting | subprocess.Popen:
        """Let it begin: the arguments are those of the process for which it stands."""
        if self.stdin or command[1:3] != ["-m", SERVER]:
            return subprocess.Popen(command, **options)
        self.stdin = os.fdopen(self._writes, "w")
        self.stdin.write(json.dumps({"env": options["env"], "stderr": options["stderr"].name}) + "\n")
        self.stdin.flush()
        return self

    def poll(self) -> int | None:
        """The exit code; None while it lives."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        return self._ended(0)

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _ended(self, options: int) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def _serve(self) -> None:
        sys.stdin = os.fdopen(self._reads)
        if not (line := sys.stdin.readline()):
            os._exit(0)  # the command needed no kernel
        asked, runner = json.loads(line), os.getppid()
        os.setsid()
        _stream(asked["stderr"], 2)
        _own(asked["env"])
        sys.argv = [fork_server.__file__, str(runner)]
        fork_server.main(runner)
        os._exit(0)


def main() -> None:
    """Load what commands and kernels load; then run each command that is asked for in a copy."""
    gc.disable()
    exec(kernels.COMMON)
    for name in ("churn.cli.main", "churn.pipeline.run"):
        import_module(name)
    for stage in STAGES:
        exec(kernels.libraries(stage), {"__name__": "__main__"})
    gc.freeze()
    for line in sys.stdin:
        if pid := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        else:
            return _command(json.loads(line))
    return None


def _command(asked: dict) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _stream(asked["out"], 1)
    _stream(asked["err"], 2)
    _own(asked["env"])
    os.chdir(asked["cwd"])
    tempfile.tempdir = None
    forks.subprocess = Waiting()
    gc.enable()
    sys.argv = asked["argv"]
    runpy.run_path(sys.argv[0], run_name="__main__")


def _stream(file: str, number: int) -> None:
    os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT), number)


def _own(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()  # Python's own is seeded anew in a copy by itself


if __name__ == "__main__":
    main()
