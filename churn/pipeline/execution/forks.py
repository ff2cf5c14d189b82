"""Kernels by copying: one process loads what notebooks need, and each kernel is a copy of it (`os.fork`).

Six kernels that each load MLflow, pandas and scikit-learn were half of what a short run cost a processor. A kernel is
still a process of its own: it shares nothing that it writes, and its end is nobody else's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psutil
from jupyter_client import KernelManager
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from churn import state

POSSIBLE = sys.platform == "linux"  # macOS's own libraries do not bear a copy


class Server:
    """The process that is copied, as whoever asks knows it; it does what it is told in order, in its own time."""

    def __init__(self, process: subprocess.Popen, folder: Path) -> None:
        self.process, self._folder, self._numbers = process, folder, count()

    def load(self, source: str) -> None:
        """Let it execute code that loads libraries."""
        self._tell({"load": source})

    def fork(self, argv: list[str], *, cwd: str, env: dict[str, str], stderr: str) -> Forked:
        """A kernel of these arguments, once all is done that was asked before."""
        place = self._folder / f"{next(self._numbers)}.pid"
        self._tell({"place": str(place), "argv": argv, "cwd": cwd, "env": env, "stderr": stderr})
        return Forked(self.process, place)

    def _tell(self, asked: dict) -> None:
        with suppress(BrokenPipeError):  # a server that is gone is told by its kernels' ends
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()


class Forked:
    """A kernel's process as `subprocess.Popen` would show it: another's child, whose id and end are read from files."""

    stdin = stdout = stderr = None

    def __init__(self, server: subprocess.Popen, place: Path) -> None:
        self._server, self._place, self.returncode = server, place, None

    @property
    def pid(self) -> int | None:
        """The process's id; None while it is not there yet, or where it will not be."""
        return int(_text(self._place) or 0) or None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it lives, or is still to begin."""
        if self.returncode is None:
            if ended := _text(self._place.with_suffix(".ended")):
                self.returncode = int(ended)
            elif self._server.poll() is not None and not _lives(self.pid):
                self.returncode = self._server.returncode
        return self.returncode

    def wait(self) -> int:
        """The exit code, once it has ended."""
        while self.poll() is None:
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Signal the kernel and what it has started; one that has not begun yet never does."""
        if self.poll() is None:
            with suppress(FileExistsError), self._place.open("x"):
                self.returncode = -signum
        while self.poll() is None and not self.pid:
            time.sleep(0.001)
        if self.poll() is None:
            try:
                os.killpg(self.pid, signum)
            except ProcessLookupError:  # it leads no group yet, or is gone
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signum)


class Provisioner(LocalProvisioner):
    """Jupyter's way to start a kernel on this machine, by a copy of a server's process."""

    def __init__(self, server: Server, **options: object) -> None:
        super().__init__(**options)
        self._copied = server

    @property
    def pid(self) -> int | None:
        """The process's id, once it is there."""
        return self.process.pid if self.process else None

    async def launch_kernel(self, cmd: list[str], **options: object) -> KernelConnectionInfo:
        """Ask for a kernel; it may begin later."""
        self.cwd = options["cwd"]
        self.process = self._copied.fork(
            cmd[cmd.index("-f") :], cwd=self.cwd, env=options["env"], stderr=options["stderr"].name
        )
        return self.connection_info


def provisioner(server: Server, kernel: KernelManager) -> Provisioner | None:
    """What starts a kernel by a copy; None for one that is not Python's own, as where a user's `python3` is another."""
    program, *arguments = kernel.kernel_spec.argv
    if "ipykernel_launcher" not in arguments or program not in ("python", sys.executable):
        return None
    return Provisioner(server, kernel_id=kernel.kernel_id, kernel_spec=kernel.kernel_spec, parent=kernel)


@contextmanager
def server(folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """A process to copy kernels from, with a folder for its files; it goes at the end, and kernels with it."""
    command = [sys.executable, "-m", f"{__package__}.fork_server", str(os.getpid())]
    with open(folder / "stderr", "ab") as stderr:
        process = subprocess.Popen(
            command, cwd=state.PROJECT, env=environment, stdin=subprocess.PIPE, stderr=stderr, text=True,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield Server(process, folder)
    finally:
        process.kill()
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()


def _lives(pid: int | None) -> bool:
    with suppress(psutil.NoSuchProcess):
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
