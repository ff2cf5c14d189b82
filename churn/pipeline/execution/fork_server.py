"""The program of a process that loads what notebooks need, and becomes a kernel as often as it is asked: a copy each.

It does what it is told in order, a line of JSON each: `{"load": source}`, or what a kernel is to be (see `forks`). A
kernel leaves when this process does, and that when whoever writes to it is gone.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from ipykernel import kernelapp
from ipykernel.parentpoller import ParentPollerUnix

_places: dict[int, Path] = {}  # kernels that live: process -> where its exit code goes


def main(runner: int) -> None:
    """Serve until the process `runner` asks no more; in a copy, be the kernel."""
    own = os.getpid()
    gc.disable()  # else a quarter of the time that importing takes, and pages that copies could share
    signal.signal(signal.SIGCHLD, _note_ends)
    ParentPollerUnix(runner).start()  # loading takes seconds, in which nobody would see that the runner is gone
    for line in sys.stdin:
        asked = json.loads(line)
        if "load" in asked:
            _load(asked["load"])
        elif _copied(Path(asked["place"])):
            return _become_kernel(asked, parent=own)
    return None


def _load(source: str) -> None:
    with suppress(Exception, SystemExit):  # the notebook meets the same error, and tells it
        exec(source, {"__name__": "__main__"})
    gc.freeze()


def _copied(place: Path) -> bool:
    """Copy this process; True in the copy. Whoever makes the file first decides: its end may have been asked for."""
    try:
        place.open("x").close()
    except FileExistsError:
        return False
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # its end is noted once it is known
    pid = os.fork()
    if pid:
        _places[pid] = place
        place.write_text(str(pid))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    return pid == 0


def _note_ends(*_: object) -> None:
    for pid in list(_places):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            _places.pop(pid).with_suffix(".ended").write_text(str(os.waitstatus_to_exitcode(status)))


def _become_kernel(asked: dict, *, parent: int) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(asked["stderr"], os.O_WRONLY | os.O_APPEND | os.O_CREAT), 2)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    tempfile.tempdir = None  # TMPDIR is the kernel's own
    gc.enable()
    program = str(Path(kernelapp.__file__).parents[1] / "ipykernel_launcher.py")  # as which it would have started
    sys.argv = [program, *asked["argv"], f"--IPKernelApp.parent_handle={parent}"]
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main(int(sys.argv[1]))
