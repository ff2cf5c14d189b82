"""Run a program of an environment, made first if need be: `python3 environment.py core|cluster|dev PROGRAM ...`.

An environment is a folder `.environments/<hash>`, named after all that it is made from and never changed once it is
complete: a changed lock makes another one beside it. `.venv` is a link to the one used last, for people to type.
Programs run from the folder itself, so that what runs notices nothing when the link moves on.

Each Python of an environment holds a shared lock on its stamp for as long as it lives. An environment goes when it
is of no current lock, nobody holds it, and it was last asked for more than a day ago: a shell may have it activated,
and who goes from branch to branch wants both. Where a file system knows no locks it stays.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if not (3, 11) <= sys.version_info[:2] < (3, 13):
    found = f"{sys.executable} is {platform.python_version()}"
    sys.exit(f"Papertrail needs Python 3.11 or 3.12; {found}. Give another: make PYTHON=python3.11 ...")

import tomllib

PROJECT = Path(__file__).resolve().parent
ALL = PROJECT / ".environments"
LINK = PROJECT / ".venv"
LOCKS = {"core": "requirements.txt", "cluster": "requirements-cluster.txt", "dev": "requirements-dev.txt"}
UV = "uv==0.13.9"
STAMP = "complete"  # written last, locked by who uses the environment; its time is when it was last asked for
UNUSED = 24 * 3600  # seconds


def main(kind: str, program: str = "", *arguments: str) -> None:
    """Become the program of the environment for one of LOCKS; without a program, print the environment's folder."""
    folder = get(kind)
    if not program:
        print(folder)
    elif (file := folder / "bin" / program).exists():
        os.execv(file, [str(file), *arguments])
    else:
        raise SystemExit(f"error: the environment of {LOCKS[kind]} has no {program}; add its package, then `make lock`")


def get(kind: str) -> Path:
    """The environment for one of LOCKS, complete, and the link leads to it."""
    while not (folder := ready(kind)):
        with alone() as lock:
            if not ready(kind):  # another one made it meanwhile
                make(kind, lock)
    with suppress(PermissionError):  # in somebody else's project programs run, and the rest is theirs to do
        os.utime(folder / STAMP)
        link_to(folder)
        remove_unused()
    return folder


def ready(kind: str) -> Path | None:
    """The environment for one of LOCKS if it is there: that of the development lock holds all of the others too."""
    return next((folder for folder in map(place, dict.fromkeys(["dev", kind])) if is_complete(folder)), None)


def place(kind: str) -> Path:
    """Where the environment of a lock is: named after everything that it depends on."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    depends_on = [
        (PROJECT / LOCKS[kind]).read_text(encoding="utf-8"),
        UV,
        inspect.getsource(start),
        [sys.version, platform.system(), platform.machine()],
        [project.get("build-system"), project["project"], project.get("tool", {}).get("setuptools")],
        str(PROJECT),  # an environment cannot be moved
    ]
    return ALL / hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:16]


def is_complete(folder: Path) -> bool:
    """Whether it was made to the end, and the Python that it was made with is still there."""
    return (folder / STAMP).exists() and (folder / "bin" / "python").exists()


def make(kind: str, lock: int) -> None:
    """Make the environment of a lock in its final place, for it cannot be moved; the stamp comes last."""
    folder = place(kind)
    print(f"making the environment from {LOCKS[kind]}, which takes a minute on first use", file=sys.stderr, flush=True)
    for command in steps(folder, kind):
        # With the lock in their hands: what outlives a killed make is not disturbed by the next one.
        if code := subprocess.run(command, cwd=PROJECT, pass_fds=[lock], check=False).returncode:
            raise SystemExit(f"error: `{' '.join(command)}` ended with {code}; make again begins the environment anew")
    [packages] = folder.glob("lib/python*/site-packages")
    first = f"import fcntl\nimport os\nimport sys\n\n\n{inspect.getsource(start)}\n\nstart()\n"
    (packages / "environment_start.py").write_text(first, encoding="utf-8")
    (packages / "environment_start.pth").write_text("import environment_start\n", encoding="utf-8")
    if folder == place(kind):  # else the lock has changed meanwhile, and nobody knows which one was read
        (folder / STAMP).write_text(f"{LOCKS[kind]}, Python {platform.python_version()}\n", encoding="utf-8")


def steps(folder: Path, kind: str) -> list[list[str]]:
    """The commands that make an environment of what its lock holds, and of the project's own code where it lies."""
    python, uv = str(folder / "bin" / "python"), str(folder / "bin" / "uv")
    install = [uv, "pip", "install", "--quiet", "--python", python]
    return [
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV],
        [*install, "--require-hashes", "--compile-bytecode", "-r", LOCKS[kind]],
        [*install, "--no-deps", "--editable", "."],
    ]


def start() -> None:
    """What each Python of an environment does first: go by the real folder, not by the link, and hold the stamp."""
    real = os.path.realpath(sys.prefix)
    if real != sys.prefix:  # else what it imports later would come from wherever the link then leads
        python = os.path.join(real, "bin", os.path.basename(sys.executable))
        os.execv(python, [python, *sys.orig_argv[1:]])
    try:  # the descriptor stays open until the process and its forks are gone
        fcntl.flock(os.open(os.path.join(real, "complete"), os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return  # still being made, or no locks here


def link_to(folder: Path) -> None:
    """Let the link lead to the environment, at no moment to none. A folder in its place, from before, is moved away."""
    target = os.path.relpath(folder, PROJECT)
    if LINK.is_symlink() and os.readlink(LINK) == target:
        return
    if LINK.is_dir() and not LINK.is_symlink():
        os.utime(LINK)
        LINK.rename(ALL / f"before-{os.getpid()}")
    beside = ALL / f".link-{os.getpid()}"
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(LINK)


def remove_unused() -> None:
    """Remove environments of no current lock that were last asked for long ago and that nobody holds."""
    current = {place(kind) for kind in LOCKS}
    if old := [folder for folder in ALL.iterdir() if folder.is_dir() and folder not in current and is_old(folder)]:
        with suppress(BlockingIOError), alone(wait=False):
            for folder in filter(is_free, old):
                print(f"removing the environment {folder.name}, unused for a day", file=sys.stderr, flush=True)
                (folder / STAMP).unlink(missing_ok=True)  # first: what is half gone is not complete
                shutil.rmtree(folder, ignore_errors=True)


def is_old(folder: Path) -> bool:
    """Whether it was last asked for long ago; one without a stamp counts from when it was begun or moved here."""
    stamp = folder / STAMP
    try:
        return time.time() - (stamp if stamp.exists() else folder).stat().st_mtime > UNUSED
    except FileNotFoundError:  # another one is removing it
        return False


def is_free(folder: Path) -> bool:
    """Whether no process holds the environment. Nobody has ever got one without a stamp."""
    try:
        with (folder / STAMP).open("r+") as stamp:
            fcntl.flock(stamp, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:  # held, somebody else's, or no locks here
        return False
    return True


@contextmanager
def alone(*, wait: bool = True) -> Iterator[int]:
    """Within it nobody else makes or removes an environment; the lock's descriptor. Raises BlockingIOError if told not
    to wait for others."""
    ALL.mkdir(exist_ok=True)
    with (ALL / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            print("waiting for another make, which is busy with an environment", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


if __name__ == "__main__":
    if sys.argv[1:2] not in [[kind] for kind in LOCKS]:
        sys.exit(__doc__.splitlines()[0])
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
